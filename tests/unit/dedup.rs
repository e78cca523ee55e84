//! What this process remembers of the references that it sent takes no more room with time.

use std::time::Duration;

use smartsend::domain::reference::Reference;
use smartsend::worker::dedup::{DedupCache, Inserted};

const CAPACITY: usize = 1000;
const KEEP: Duration = Duration::from_mins(5);

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
}
