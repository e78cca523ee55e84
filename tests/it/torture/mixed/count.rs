//! What a run of mixed work has come to, by the events and by the ledger.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Ground, Mixed};
use crate::support::lives::{Counts, Lives, Stand, Verdicts};
use crate::support::parked::Parked;
use crate::support::proof::Row;
use crate::support::provider::LinkMade;
use crate::support::results::Message;
use crate::support::tally::{Evidence, Tally};

/// The numbers of one run.
pub(in crate::torture) struct Count {
    tally: Tally,
    verdicts: Verdicts,
    counts: Counts,
    kills: u64,
    lost_answers: u64,
    parked: Parked,
    left: u64,
    seconds: u64,
    /// Intents that were announced as unresolved for another reason than that their link is closed,
    /// or whose link is not closed.
    wrongly_unresolved: Vec<String>,
    /// Links that were cancelled or expired.
    closed: u64,
}

impl Ground<'_> {
    pub(super) async fn count(self, kills: u64, left: u64, took: Duration) -> Count {
        let results = self.results.all().await;
        let parked = self.scenario.parked().await.all().await;
        let provider = &self.scenario.provider;
        let lost_answers = provider.faults_met().await;
        let links = provider.links().await;
        let verdicts = Lives::gather(&links, &results).judge(&self.plan.all_commands());
        let closed = |link: &&LinkMade| matches!(link.stand(), Stand::Cancelled | Stand::Expired);
        let closed_count = links.iter().filter(closed).count() as u64;
        let wrongly_unresolved = wrongly_unresolved(&results, &links);
        let references = self.plan.payments.iter().map(|payment| payment.reference.clone());
        let tally = Evidence::gather(links, &results).tally(references);
        let mut counts = verdicts.counts.clone();
        counts.insert("made", (tally.created + tally.unresolved - tally.both, tally.references));
        Count {
            tally,
            verdicts,
            counts,
            kills,
            lost_answers,
            parked: Parked::gather(&parked, &results),
            left,
            seconds: took.as_secs(),
            wrongly_unresolved,
            closed: closed_count,
        }
    }
}

/// A link that is cancelled or has expired before its intent's event is for a person to see, and
/// none but those.
fn wrongly_unresolved(results: &[Message], links: &[LinkMade]) -> Vec<String> {
    let events = results.iter().map(Message::event);
    let unresolved = events.filter(|event| event["type"] == "smartsend.link.unresolved");
    let is_right = |event: &serde_json::Value| {
        let link = links.iter().find(|link| event["subject"] == *link.reference);
        let is_closed =
            link.is_some_and(|it| matches!(it.stand(), Stand::Cancelled | Stand::Expired));
        is_closed && event["data"]["reason"]["code"] == "LINK_CLOSED"
    };
    unresolved.filter(|event| !is_right(event)).map(|event| event.to_string()).collect()
}

impl Count {
    /// How many there are of each state on both sides, for a person.
    pub(in crate::torture) fn text(&self, run: &Mixed) -> String {
        let Self { tally, verdicts, kills, lost_answers, seconds, .. } = self;
        let mut text = format!(
            "{}: {} intents, {} commands, {kills} kills, {lost_answers} faults, {seconds} s, seed \
             {}; {} intents unresolved, {} commands unresolved, {} with two ends\n{:<10} {:>7} {:>7}",
            run.name,
            tally.intents,
            verdicts.commands,
            run.seed,
            tally.unresolved,
            verdicts.unresolved,
            verdicts.changed,
            "links",
            "events",
            "ledger",
        );
        for (state, (by_events, by_ledger)) in &self.counts {
            write!(text, "\n{state:<10} {by_events:>7} {by_ledger:>7}").unwrap();
        }
        text
    }

    /// A row of the proof's table.
    pub(in crate::torture) fn row(&self, run: &Mixed) -> Row {
        let apis: Vec<_> = run.merchants.iter().map(|(_, api)| *api).collect();
        let commands = self.verdicts.commands;
        let name = format!("torture: {}, {} and {commands} commands", run.name, apis.join(" "));
        Row {
            faults: self.kills + self.lost_answers,
            kills: self.kills,
            seeds: run.seed.to_string(),
            unresolved: self.tally.unresolved + self.verdicts.unresolved,
            unresolved_max: self.closed,
            ..self.tally.row(name)
        }
    }

    pub(in crate::torture) fn assert_kept(&self, run: &Mixed) {
        let what = format!("{}, seed {}", run.name, run.seed);
        assert_eq!(self.left, 0, "{what}: messages are left in the queues");
        assert_eq!(self.kills, run.kills, "{what}: the work was over before the kills");
        assert!(self.lost_answers > 0, "{what}: no answer was lost");
        self.tally.assert_nothing_lost_or_doubled(&what);
        let all = self.tally.intents;
        assert_eq!((self.tally.links, self.tally.references), (all, all), "{what}: no link");
        assert!(self.wrongly_unresolved.is_empty(), "{what}: {:?}", self.wrongly_unresolved);
        self.verdicts.assert_true(&what, run.changed_max());
        for state in ["made", "cancelled", "claimed", "expired", "extended"] {
            assert!(self.counts.get(state).is_some_and(|count| count.0 > 0), "{what}: no {state}");
        }
        self.parked.assert_as_announced(&what, run.parked_again_max());
    }
}
