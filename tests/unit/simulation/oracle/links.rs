//! What the oracle knows of the links: what is true of each, and what was said of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use smartsend::domain::call::{CallResult, Envelope};

use crate::support::model::{Called, Change, LinkLife, Scene, Standing};

/// All of them, by reference.
pub(super) struct Links {
    /// How late details shows a change of a link.
    lag: Duration,
    /// Whether every request takes effect, and details shows it, within the quarantine.
    pub(super) is_bounded: bool,
    /// How long a command waits for its link.
    pub(super) max_age: Duration,
    each: BTreeMap<String, Link>,
}

/// A reference, and its first link.
#[derive(Default)]
pub(super) struct Link {
    pub(super) life: Option<LinkLife>,
    /// How our requests have changed it.
    ours: Vec<Change>,
    /// When a process last saw that no link is found.
    not_found_at: Option<Duration>,
    /// When processes saw that a command was refused, and with which code.
    refused: Vec<(Duration, Option<i64>)>,
}

impl Links {
    /// Those that are there from the start are somebody else's.
    pub(super) fn of<'a>(
        scene: &Scene,
        (is_bounded, max_age): (bool, Duration),
        references: impl Iterator<Item = &'a str>,
    ) -> Self {
        let known = |reference: &str| {
            let life = scene.smart_send.links(reference).first().map(|link| link.life.clone());
            (reference.to_owned(), Link { life, ..Link::default() })
        };
        Self {
            lag: scene.smart_send.lag(),
            is_bounded,
            max_age,
            each: references.map(known).collect(),
        }
    }

    pub(super) fn made(&mut self, reference: &str, at: Duration, expires: Option<Timestamp>) {
        let link = self.each.get_mut(reference).unwrap();
        link.life.get_or_insert_with(|| LinkLife::new(at, expires));
    }

    pub(super) fn changed(&mut self, reference: &str, at: Duration, change: Change, ours: bool) {
        let link = self.each.get_mut(reference).unwrap();
        link.life.as_mut().unwrap().add(at, change);
        link.ours.extend(ours.then_some(change));
    }

    pub(super) fn answered(
        &mut self,
        reference: &str,
        at: Duration,
        called: Called,
        result: &CallResult,
    ) {
        let Some(link) = self.each.get_mut(reference) else { return }; // a probe's
        let CallResult::Answered(answer) = result else { return };
        let Some(Envelope { status: 1, codes, .. }) = &answer.envelope else { return };
        match called {
            Called::Lookup => link.not_found_at = Some(at),
            Called::Manage => link.refused.push((at, codes.first().copied())),
            Called::Create | Called::Token => {}
        }
    }

    pub(super) fn get(&self, reference: &str) -> &Link {
        &self.each[reference]
    }

    /// Whether an event may say of an intent that its link is closed.
    pub(super) fn is_closed(&self, reference: &str, at: Duration) -> bool {
        let link = self.get(reference);
        // It may be claimed again, and a careless provider says so of one that is being paid.
        let words = [Change::PaymentFailed, Change::Cancelled];
        let is_called_so = link
            .life
            .as_ref()
            .is_some_and(|life| life.changes(at).any(|change| words.contains(&change)));
        let closed = [Standing::Cancelled, Standing::Rejected, Standing::Expired];
        is_called_so || link.standings(Duration::ZERO, at).iter().any(|is| closed.contains(is))
    }

    /// From when on details may speak, in answer to something that is asked then.
    pub(super) fn seen_from(&self, asked: Duration) -> Duration {
        asked.saturating_sub(self.lag)
    }
}

impl Link {
    pub(super) fn standing(&self, at: Duration) -> Option<Standing> {
        self.life.as_ref().filter(|life| life.made_at <= at).map(|life| life.standing(at))
    }

    pub(super) fn standings(&self, from: Duration, to: Duration) -> Vec<Standing> {
        let Some(life) = self.life.as_ref().filter(|life| life.made_at <= to) else {
            return Vec::new();
        };
        life.standings(from.max(life.made_at), to)
    }

    /// Every expiry that it has between two moments.
    pub(super) fn expiries(&self, from: Duration, to: Duration) -> Vec<Timestamp> {
        self.life.as_ref().map_or_else(Vec::new, |life| life.expiries(from, to))
    }

    pub(super) fn was_not_found_since(&self, since: Duration) -> bool {
        self.not_found_at.is_some_and(|at| at >= since)
    }

    /// The codes with which commands were refused since then.
    pub(super) fn refused_since(&self, since: Duration) -> impl Iterator<Item = Option<i64>> {
        self.refused.iter().filter(move |(at, _)| *at >= since).map(|(_, code)| *code)
    }

    /// Whether a payment of it has failed.
    pub(super) fn was_claimed_in_vain(&self) -> bool {
        let changes = self.life.as_ref().map(|life| life.changes(Duration::MAX));
        changes.is_some_and(|mut changes| changes.any(|it| it == Change::PaymentFailed))
    }

    /// Whether a request of ours has cancelled it.
    pub(super) fn was_cancelled_by_us(&self) -> bool {
        self.ours.contains(&Change::Cancelled)
    }

    /// The expiry that our last extend has given it, if that still holds.
    pub(super) fn extended_by_us(&self, at: Duration) -> Option<Timestamp> {
        let now = self.life.as_ref()?.expiry(at)?;
        self.ours.contains(&Change::Extended(now)).then_some(now)
    }
}
