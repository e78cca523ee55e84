//! What a person is told at the end, and the exit code.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::fate::Count;
use super::send::Ending;
use crate::cli::Exit;
use crate::ports::PublishError;

/// The numbers, for stdout.
pub(super) fn summary(count: &Count, waited: bool) -> String {
    let mut text = String::new();
    let mut line = |name: &str, count: usize| writeln!(text, "{name:<11} {count}").ok();
    let unsettled = count.unsent.saturating_add(count.skipped);
    line("rows", count.rows);
    line("sent", count.rows.saturating_sub(unsettled).saturating_sub(count.unconfirmed));
    line("skipped", count.skipped);
    let seldom = [("unsent", count.unsent), ("unconfirmed", count.unconfirmed)];
    for (name, number) in seldom.into_iter().filter(|(_, number)| *number > 0) {
        line(name, number);
    }
    if !waited {
        return text;
    }
    line("created", count.created);
    for (name, reasons) in [("failed", &count.failed), ("unresolved", &count.unresolved)] {
        line(name, total(reasons));
        for (code, number) in reasons {
            line(&format!("  {code}"), *number);
        }
    }
    if count.open > 0 {
        line("unknown", count.open);
    }
    text
}

fn total(reasons: &BTreeMap<String, usize>) -> usize {
    reasons.values().sum()
}

/// What a person has to know beyond the numbers.
pub(super) fn sentence(ending: Ending) -> Option<&'static str> {
    match ending {
        Ending::Finished => None,
        Ending::Interrupted => Some(
            "stopped before the end; what was sent stays with the worker, and the file can be \
             submitted again with the same references",
        ),
        Ending::GaveUp(PublishError::Unroutable) => Some(
            "RabbitMQ has no queue for the intents any more; declare it with `smartsend topology \
             apply`, then submit the file again with the same references",
        ),
        Ending::GaveUp(PublishError::Refused | PublishError::Unconfirmed) => Some(
            "RabbitMQ did not take every intent; once it is well, submit the file again with \
                 the same references: what it has already is not paid twice",
        ),
        Ending::ResultsLost => Some(
            "the connection to RabbitMQ was lost, and with it the results that came meanwhile; \
             the intents themselves are safe with the worker, and their events went to the queues \
             of downstream",
        ),
    }
}

/// Every row of a file that was waited for must have a link.
pub(super) fn exit(ending: Ending, count: &Count, waited: bool) -> Exit {
    match ending {
        Ending::Interrupted => Exit::WorkLeft,
        Ending::GaveUp(_) | Ending::ResultsLost => Exit::Failed,
        Ending::Finished if waited && count.created < count.rows => Exit::Failed,
        Ending::Finished if count.rows > 0 && count.skipped == count.rows => Exit::Failed,
        Ending::Finished => Exit::Done,
    }
}
