//! The reverse: with a cure taken out, a seed has to break a promise. Otherwise the simulation would
//! prove nothing of it.

use super::run::play_without;
use super::{commands, rows};
use crate::support::model::Cure;

/// So many seeds are played at most until one breaks a promise.
const SEEDS: u64 = 600;

/// Plays worlds until a promise is broken, and says which.
fn found(without: Cure, is_world: fn(u64) -> bool) -> String {
    let mut worlds = (0..SEEDS).filter(|seed| is_world(*seed));
    let found = worlds.find_map(|seed| play_without(seed, Some(without)).broken);
    found.unwrap_or_else(|| panic!("{without:?} is not needed"))
}

#[test]
fn each_cure_of_a_command_is_needed() {
    for (without, promise) in [
        (Cure::DetailsDecides, "ends with Cancelled"),
        (Cure::LostIsUnknown, "ends with Cancelled"),
        (Cure::UnlistedIsOpen, "Failed CLAIMED"),
        (Cure::PaymentCounts, "ends with Cancelled"),
        (Cure::NotFoundIsNotYet, "Failed EXPIRED, and its link is None"),
        (Cure::EffectsMayBeLate, "no event says so"),
    ] {
        let broken = found(without, commands::are_in);
        assert!(broken.contains(promise), "{without:?}: {broken}");
    }
}

#[test]
fn each_cure_of_a_store_is_needed() {
    for (without, promise) in [
        (Cure::ClaimComesFirst, "has two links"),
        (Cure::ClaimIsRemembered, "new again"),
        (Cure::RecordIsKept, "has two links"),
    ] {
        let broken = found(without, rows::are_played_by);
        assert!(broken.contains(promise), "{without:?}: {broken}");
    }
}
