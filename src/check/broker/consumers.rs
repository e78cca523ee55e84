//! Who consumes, and what waits.

use crate::amqp::Topology;
use crate::amqp::topology::Audit;
use crate::amqp::topology::names::{discarded_name, parked_name};
use crate::check::report::{Finding, Group, some_of};

const GROUP: Group = Group::Consumers;

/// What was counted; a queue that was not found is not among it.
pub fn findings(topology: &Topology, audit: &Audit) -> Vec<Finding> {
    let unconsumed: Vec<String> = topology.unconsumed_queues().collect();
    let (parked, discarded) = (parked_name(topology.prefix()), discarded_name(topology.prefix()));
    let (mut findings, mut idle) = (Vec::new(), Vec::new());
    // What was discarded waits for nobody.
    for (queue, count) in audit.counts.iter().filter(|(queue, _)| **queue != discarded) {
        let (waiting, consumers) = (count.ready, count.consumers);
        if *queue == parked {
            if waiting > 0 {
                let says = format!("{waiting} in {parked} wait for a person");
                let cure = "see \"Parked intents\" in the README: look each reference up first";
                findings.push(Finding::warning(GROUP, "parked", says, cure));
            }
        } else if unconsumed.contains(queue) {
            if consumers > 0 {
                let says = format!("consumers of {queue}, which may have none: {consumers}");
                let cure = "`rabbitmqctl list_consumers` names them; stop them";
                findings.push(Finding::warning(GROUP, "consumers", says, cure));
            }
        } else if consumers > 0 {
            let says = format!("{queue}: consumers {consumers}, waiting {waiting}");
            findings.push(Finding::ok(GROUP, "consumers", says));
        } else if waiting > 0 {
            let says = format!("{waiting} wait in {queue}, and nobody consumes it");
            let cure =
                "start `smartsend run`; if it runs, its /readyz says why it consumes nothing";
            findings.push(Finding::warning(GROUP, "consumers", says, cure));
        } else {
            idle.push(queue);
        }
    }
    let is_unknown = |queue: &&str| {
        !audit.counts.contains_key(*queue) && !audit.missing.contains(&format!("queue {queue}"))
    };
    let unknown: Vec<&str> = topology.queues().filter(is_unknown).collect();
    if !unknown.is_empty() {
        let says = format!("who consumes, and what waits in, {} is unknown", some_of(&unknown));
        let cure = "`rabbitmqctl list_queues name messages consumers` shows it";
        findings.push(Finding::warning(GROUP, "consumers", says, cure));
    }
    if !idle.is_empty() {
        let says = format!("nobody consumes, and nothing waits in, {}", some_of(&idle));
        findings.push(Finding::ok(GROUP, "consumers", says));
    }
    if audit.counts.is_empty() && unknown.is_empty() {
        findings.push(Finding::skipped(GROUP, "consumers", "the queues above"));
    }
    findings
}
