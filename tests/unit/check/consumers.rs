//! What the counts of the queues mean.

use std::time::Duration;

use smartsend::amqp::Topology;
use smartsend::amqp::topology::Audit;
use smartsend::check::broker::consumers::findings;
use smartsend::check::report::Level;
use smartsend::telemetry::status::QueueCount;

/// Level and sentence, where these queues have so many messages and consumers, and others none.
fn of(counts: &[(&str, u32, u32)], leave_out: Option<&str>) -> Vec<(Level, String)> {
    let topology = Topology::new("p", ["a"], &[Duration::from_secs(1)]).unwrap();
    let none = QueueCount { ready: 0, consumers: 0 };
    let mut audit = Audit::default();
    audit.counts.extend(topology.queues().map(|queue| (queue.to_owned(), none)));
    for (queue, ready, consumers) in counts {
        let count = QueueCount { ready: *ready, consumers: *consumers };
        assert!(audit.counts.insert((*queue).to_owned(), count).is_some(), "{queue}");
    }
    audit.counts.retain(|queue, _| leave_out != Some(queue));
    findings(&topology, &audit).into_iter().map(|it| (it.level, it.says)).collect()
}

#[test]
fn nobody_is_fine_where_nothing_waits() {
    let says = "nobody consumes, and nothing waits in, p.dead, p.intents.a".to_owned();
    assert_eq!(of(&[], None), [(Level::Ok, says)]);
}

#[test]
fn what_waits_for_nobody_or_for_a_person_is_a_warning() {
    let counts =
        [("p.intents.a", 3, 0), ("p.parked", 2, 0), ("p.dead", 0, 1), ("p.discarded", 9, 0)];
    let found = of(&counts, None);
    let expected = [
        (Level::Ok, "p.dead: consumers 1, waiting 0"),
        (Level::Warning, "3 wait in p.intents.a, and nobody consumes it"),
        (Level::Warning, "2 in p.parked wait for a person"),
    ];
    assert_eq!(found, expected.map(|(level, says)| (level, says.to_owned())));
}

#[test]
fn whoever_consumes_what_nobody_may_is_reported() {
    for queue in ["p.retry.1s", "p.checkpoint.a"] {
        let found = of(&[(queue, 1, 1)], None);
        assert_eq!(
            found[0],
            (Level::Warning, format!("consumers of {queue}, which may have none: 1"))
        );
    }
}

#[test]
fn what_could_not_be_counted_is_unknown_and_not_empty() {
    let found = of(&[], Some("p.intents.a"));
    let unknown = "who consumes, and what waits in, p.intents.a is unknown".to_owned();
    let idle = "nobody consumes, and nothing waits in, p.dead".to_owned();
    assert_eq!(found, [(Level::Warning, unknown), (Level::Ok, idle)]);
}
