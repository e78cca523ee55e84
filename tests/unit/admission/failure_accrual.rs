//! The bounds of what counts as a provider that is down; `outage` has the examples.

use smartsend::admission::signal::{FailureKind, Signal};

use super::{at, closed, is_closed, is_down};

const SILENT: Signal = Signal::Failed(FailureKind::Silent);

#[test]
fn failures_that_are_an_hour_apart_are_a_row() {
    let mut admission = closed();
    for number in 0..4 {
        admission.record(None, SILENT, at(number * 3600));
    }
    assert!(is_closed(&admission));
    admission.record(None, SILENT, at(4 * 3600));
    assert!(is_down(&admission));
}

/// Each call leaves the window by its own second, and not by that of the one before.
#[test]
fn what_is_six_seconds_old_counts_when_what_was_before_it_does_not_any_more() {
    let mut admission = closed();
    for now in [100, 115, 121] {
        for signal in [SILENT, SILENT, SILENT, Signal::Answered] {
            admission.record(None, signal, at(now));
        }
    }
    assert!(is_closed(&admission), "8 calls");
    admission.record(None, Signal::Answered, at(121));
    assert!(is_closed(&admission));
    admission.record(None, SILENT, at(121));
    assert!(is_down(&admission), "7 of 10");
}
