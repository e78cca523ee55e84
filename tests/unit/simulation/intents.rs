//! The intents of one world.

use std::time::Duration;

use jiff::SignedDuration;
use smartsend::domain::account::Api;
use smartsend::domain::event::EventKind;
use smartsend::domain::intent::Intent;
use smartsend::domain::intent::wire;
use smartsend::domain::record::headers::written;
use smartsend::ports::Clock;

use super::kinds::{Kind, Trouble};
use crate::support::model::{Chance, Scene};

/// Most worlds have so many intents at most.
pub(super) const FEW_MAX: usize = 12;

/// What is not found is sent again once a lookup has shown a link of ours. Where none was made
/// before, the one that comes so late has it.
pub(super) const AFTER_ALL_TROUBLE: Duration = Duration::from_mins(15);

/// The end of a reference that the provider never accepts.
pub(super) const REJECTED_END: &str = "z";

/// An intent that upstream publishes.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// Its name in the trace, and its `message_id`.
    pub(super) id: String,
    pub(super) reference: String,
    pub(super) body: String,
    pub(super) sort: Sort,
    /// When upstream publishes it; more than once if it repeats itself.
    pub(super) at: Vec<Duration>,
}

/// How it can end, besides with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Nothing else.
    Plain,
    /// The provider never accepts it.
    Rejected,
    /// It breaks the contract.
    Invalid,
    /// Its reference has a link of somebody else.
    Taken,
    /// It has a deadline.
    Deadline,
}

impl Sort {
    /// How it may end without a link, if it may: the only kind of event, and the only code.
    pub(super) fn may_end_with(self) -> Option<(EventKind, &'static str)> {
        match self {
            Self::Plain => None,
            Self::Rejected => Some((EventKind::Failed, "INVALID_EMAIL")),
            Self::Invalid => Some((EventKind::Rejected, "INVALID_INTENT")),
            Self::Taken => Some((EventKind::Rejected, "DUPLICATE_REFERENCE")),
            Self::Deadline => Some((EventKind::Failed, "DEADLINE_PASSED")),
        }
    }

    /// Whether the message itself is parked when it ends so.
    pub(super) fn is_parked(self) -> bool {
        self.may_end_with().is_some_and(|(kind, _)| kind == EventKind::Rejected)
    }
}

/// Draws the intents, and gives the provider the links that somebody else has made.
pub(super) fn draw(scene: &Scene, kind: &Kind) -> Vec<Planned> {
    let chance = &scene.chance;
    // Where there are deadlines, the wall clocks must not jump far.
    let deadlines = chance.percent(50) && !kind.is_beyond_quarantine();
    let few = 2 + chance.below(FEW_MAX as u64 - 1);
    // Now and then so many that they are in each other's way.
    let number = if chance.percent(2) { 40 + chance.below(60) } else { few };
    (0..number).map(|number| one(scene, kind, deadlines, number)).collect()
}

fn one(scene: &Scene, kind: &Kind, deadlines: bool, number: u64) -> Planned {
    let chance = &scene.chance;
    let sort = if number == 0 { Sort::Plain } else { sort(chance, kind, deadlines) };
    let end = if sort == Sort::Rejected { REJECTED_END } else { "" };
    let reference = format!("r{number}{end}");
    let amount = format!("{}.50", 100 + number);
    let body = match sort {
        Sort::Plain | Sort::Rejected | Sort::Taken => body(&reference, &amount, ""),
        Sort::Invalid => format!(r#"{{"merchantRefId":"{reference}","amount":"0.5.0"}}"#),
        Sort::Deadline => {
            let after = SignedDuration::from_millis(i64::try_from(chance.below(90_000)).unwrap());
            let deadline = written(scene.clock.now().wall + after);
            body(&reference, &amount, &format!(r#","deadline":"{deadline}""#))
        }
    };
    if sort == Sort::Taken {
        scene.smart_send.has_link(&parsed(&body_of_another(&reference)));
    }
    let at = times(chance, kind, number);
    Planned { id: format!("i{number}"), reference, body, sort, at }
}

/// Makes a plain intent of one that breaks the contract.
pub(super) fn make_good(planned: &mut Planned) {
    planned.sort = Sort::Plain;
    planned.body = body(&planned.reference, "100.50", "");
}

fn sort(chance: &Chance, kind: &Kind, deadlines: bool) -> Sort {
    if kind.has_only_good_intents() {
        return Sort::Plain;
    }
    match chance.below(100) {
        0..6 => Sort::Rejected,
        6..9 => Sort::Invalid,
        // A naive provider would make a second link for the reference, and rightly so.
        9..14 if !kind.provider.naive => Sort::Taken,
        14..60 if deadlines => Sort::Deadline,
        _ => Sort::Plain,
    }
}

/// Upstream's outbox may publish an intent again, soon or late.
fn times(chance: &Chance, kind: &Kind, number: u64) -> Vec<Duration> {
    let spread = match kind.trouble {
        Trouble::Outage if number == 0 => 0,
        Trouble::Truthful if number == 0 => return vec![AFTER_ALL_TROUBLE],
        Trouble::Outage => 400,
        Trouble::Everything | Trouble::OneCopy | Trouble::Truthful => chance.one_of(&[3, 60, 120]),
    };
    let first = chance.up_to(Duration::from_secs(spread));
    let mut at = vec![first];
    if kind.trouble != Trouble::OneCopy {
        while at.len() < 3 && chance.percent(25) {
            let longest = chance.one_of(&[1, 20, 90]);
            at.push(first + chance.up_to(Duration::from_secs(longest)));
        }
    }
    at
}

fn body(reference: &str, amount: &str, more: &str) -> String {
    format!(
        r#"{{"merchantRefId":"{reference}","amount":"{amount}","description":"Refund","custName":"Asha","custMobile":"9999999999","custEmail":"asha@example.com"{more}}}"#
    )
}

fn body_of_another(reference: &str) -> String {
    body(reference, "7.00", "").replace("9999999999", "8888888888").replace("asha@", "usha@")
}

fn parsed(body: &str) -> Intent {
    wire::parse(body.as_bytes(), Api::V1).unwrap()
}
