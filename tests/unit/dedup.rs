//! What this process remembers of the references that it sent, and for how long; and that it takes
//! no more room with time.

use std::time::Duration;

use smartsend::domain::reference::Reference;
use smartsend::domain::verdict::{Failure, Verdict};
use smartsend::worker::dedup::{DedupCache, Inserted};
use uuid::Uuid;

const CAPACITY: usize = 1000;
const KEEP: Duration = Duration::from_mins(5);
/// How many verdicts are remembered.
const VERDICTS_MAX: u128 = 4096;

fn reference(number: usize) -> Reference {
    Reference::parse(&format!("order-{number}")).unwrap()
}

#[test]
fn a_full_cache_does_not_grow_while_references_come_and_go() {
    let cache = DedupCache::new(CAPACITY, KEEP, KEEP, false).with_room_for(CAPACITY);
    let room = cache.room();
    for number in 0..CAPACITY * 200 {
        assert_eq!(cache.insert(&reference(number), Duration::ZERO), Inserted::New);
        assert!(cache.room() <= room, "it grew after {number} references");
    }
    assert!(cache.holds(&reference(CAPACITY * 200 - 1), Duration::ZERO));
    assert!(!cache.holds(&reference(0), Duration::ZERO), "the oldest are pushed out");
}

#[test]
fn room_is_taken_for_no_more_than_may_be_remembered() {
    let bounded = DedupCache::new(CAPACITY, KEEP, KEEP, false).with_room_for(usize::MAX);
    assert_eq!(
        bounded.room(),
        DedupCache::new(CAPACITY, KEEP, KEEP, true).with_room_for(CAPACITY).room()
    );
    assert!(bounded.room() >= CAPACITY);
}

#[test]
fn a_reference_is_held_until_it_has_been_remembered_for_so_long() {
    let millisecond = Duration::from_millis(1);
    for (passed, is_held, again) in [
        (KEEP.saturating_sub(millisecond), true, Inserted::Known),
        (KEEP, false, Inserted::Known),
        (KEEP + millisecond, false, Inserted::New),
    ] {
        let cache = DedupCache::new(CAPACITY, KEEP, KEEP, false);
        cache.insert(&reference(1), Duration::ZERO);
        assert_eq!(cache.holds(&reference(1), passed), is_held, "{passed:?}");
        assert_eq!(cache.insert(&reference(1), passed), again, "{passed:?}");
    }
}

#[test]
fn a_verdict_is_remembered_until_its_event_has_been_confirmed_for_so_long() {
    let cache = DedupCache::new(CAPACITY, KEEP, KEEP, false);
    let name = Uuid::from_u128(1);
    let is_remembered = |now| cache.verdict_of(|| name, now).is_some();
    cache.remember_verdict(name, Verdict::Failed(Failure::DeadlinePassed));
    assert!(is_remembered(KEEP * 2));
    cache.verdict_confirmed(name, KEEP);
    assert!(is_remembered((KEEP * 2).saturating_sub(Duration::from_millis(1))));
    assert!(!is_remembered(KEEP * 2));
}

#[test]
fn the_oldest_verdict_makes_room_when_there_are_too_many() {
    let cache = DedupCache::new(CAPACITY, KEEP, KEEP, false);
    let names: Vec<_> = (0..=VERDICTS_MAX).map(Uuid::from_u128).collect();
    let remember =
        |name: Uuid| cache.remember_verdict(name, Verdict::Failed(Failure::DeadlinePassed));
    let is_remembered = |name: Uuid| cache.verdict_of(|| name, Duration::ZERO).is_some();
    let (last, first) = names.split_last().unwrap();
    first.iter().copied().for_each(remember);
    assert!(is_remembered(names[0]));
    remember(*last);
    assert!(!is_remembered(names[0]));
    assert!(names[1..].iter().copied().all(is_remembered));
}
