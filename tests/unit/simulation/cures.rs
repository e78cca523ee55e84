//! The reverse: with a cure taken out, a seed has to break a promise. Otherwise the simulation would
//! prove nothing of it.

use super::commands;
use super::run::play_without;
use crate::support::model::Cure;

/// So many seeds are played at most until one breaks a promise.
const SEEDS: u64 = 600;

/// Plays until a promise is broken, and says which.
fn found(without: Cure) -> String {
    let mut with_commands = (0..SEEDS).filter(|seed| commands::are_in(*seed));
    let found = with_commands.find_map(|seed| play_without(seed, Some(without)).broken);
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
        let broken = found(without);
        assert!(broken.contains(promise), "{without:?}: {broken}");
    }
}
