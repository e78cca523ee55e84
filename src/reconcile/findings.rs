//! What was found, row by row, and what to do about it.

use std::collections::{BTreeMap, HashMap};

use super::events::{Announced, Events};
use super::row::{Claim, Row, Says};
use super::seen::{Seen, Unlearnt};
use super::verdict::{Stray, Timing, Verdict, judge};
use crate::domain::reference::Reference;

/// Everything that was found.
pub struct Findings {
    /// In the order of FILE.
    pub items: Vec<Item>,
    /// Links that only events announce, for references that FILE does not have.
    pub only_in_events: Vec<(Reference, Stray)>,
    /// Whether PayU showed any link, so that "no link" means more than that lookups show none.
    pub has_readback: bool,
    /// Events that cannot be read: each may announce a link.
    pub broken_events: usize,
}

/// One row, and what was found of it.
pub struct Item {
    pub row: Row,
    pub announced: Option<Announced>,
    pub verdict: Verdict,
}

/// How it ends, for whoever only wants to know whether all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    AllMatched,
    Differences,
    Undecided,
}

/// What follows for a row that is not matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Next {
    /// Nobody ever announced a link: `submit` can send it again, under the same reference.
    Submit,
    /// It is parked, and `parked replay` can take it back.
    Replay,
    /// It can be known later.
    AskAgain,
    /// A person has to find out.
    LookUp,
}

impl Findings {
    /// Judges the rows below the row `after`. A reference counts as FILE's wherever it stands there.
    pub fn new(
        rows: Vec<Row>,
        after: usize,
        events: &Events,
        answers: &BTreeMap<Reference, Seen>,
        timing: &Timing,
    ) -> Self {
        let mut first: HashMap<Reference, usize> = HashMap::new();
        let mut items = Vec::new();
        for row in rows {
            let seen = seen_of(&row, answers, &mut first);
            if row.number > after {
                let announced = row.reference().and_then(|reference| events.of(reference)).cloned();
                let verdict = judge(&row, announced.as_ref(), &seen, timing);
                items.push(Item { row, announced, verdict });
            }
        }
        let strays = events.strays(|it| first.contains_key(it)).map(|(reference, announced)| {
            (reference.clone(), Stray::announced(announced, answers.get(reference)))
        });
        let has_readback = answers.values().any(|seen| matches!(seen, Seen::Link(_)));
        let (only_in_events, broken_events) = (strays.collect(), events.counts.broken);
        Self { items, only_in_events, has_readback, broken_events }
    }

    pub fn outcome(&self) -> Outcome {
        let classes = || self.items.iter().map(|item| item.verdict.class());
        if !self.only_in_events.is_empty() || classes().any(|class| class.is_difference()) {
            Outcome::Differences
        } else if self.broken_events > 0 || classes().any(|class| class.is_undecided()) {
            Outcome::Undecided
        } else {
            Outcome::AllMatched
        }
    }

    /// After which row asking ended early, so that another run can go on from there: none above it
    /// is left without an answer.
    pub fn stopped_after(&self) -> Option<usize> {
        let is_stopped =
            |item: &Item| matches!(item.verdict, Verdict::NotLookedAt(Unlearnt::Stopped));
        let is_unanswered =
            |item: &Item| matches!(item.verdict, Verdict::NotLookedAt(Unlearnt::Unanswered(_)));
        self.items.iter().find(|item| is_stopped(item))?;
        let is_left = |item: &Item| is_stopped(item) || is_unanswered(item);
        let last = self.items.iter().position(is_left)?.checked_sub(1)?;
        self.items.get(last).map(|item| item.row.number)
    }

    /// Whether "no link" and "no event" mean what they say.
    fn is_proof_possible(&self) -> bool {
        self.has_readback && self.broken_events == 0
    }

    /// What follows for a row; `None` if nothing does.
    pub fn next(&self, item: &Item) -> Option<Next> {
        Some(match &item.verdict {
            Verdict::Matched(_) => return None,
            Verdict::TooEarly { .. }
            | Verdict::NotLookedAt(Unlearnt::Stopped | Unlearnt::Unanswered(_)) => Next::AskAgain,
            Verdict::Differing(differences) => {
                let only_status = differences.iter().all(|it| it.field == "status");
                if only_status && item.is_parked() { Next::Replay } else { Next::LookUp }
            }
            Verdict::Missing { said_by: None, is_aged, .. } => {
                if item.is_parked() {
                    Next::Replay
                } else if *is_aged && self.is_proof_possible() && item.was_never_heard_of() {
                    Next::Submit
                } else {
                    Next::LookUp
                }
            }
            Verdict::Missing { said_by: Some(_), .. }
            | Verdict::Unknown(_)
            | Verdict::NotLookedAt(
                Unlearnt::NoReference | Unlearnt::Repeated { .. } | Unlearnt::NoAmount,
            ) => Next::LookUp,
        })
    }
}

/// What PayU shows of a row: of the `first` row with its reference, since one link is not two payouts.
fn seen_of(
    row: &Row,
    answers: &BTreeMap<Reference, Seen>,
    first: &mut HashMap<Reference, usize>,
) -> Seen {
    let Some(reference) = row.reference() else {
        return Seen::Unlearnt(Unlearnt::NoReference);
    };
    if let Some(first) = first.get(reference) {
        return Seen::Unlearnt(Unlearnt::Repeated { first: *first });
    }
    first.insert(reference.clone(), row.number);
    answers.get(reference).cloned().unwrap_or(Seen::Unlearnt(Unlearnt::Stopped))
}

impl Item {
    /// Whether FILE or an event says that it is parked, and no event says that this has ended.
    fn is_parked(&self) -> bool {
        let announced = self.announced.as_ref();
        let is_over =
            announced.is_some_and(|announced| announced.has_link() || announced.has_no_link());
        let is_claimed =
            matches!(&self.row.says, Says::Pays(payout) if matches!(payout.claim, Claim::Parked));
        !is_over && (is_claimed || announced.is_some_and(Announced::is_parked))
    }

    /// Whether it is an intent that `submit` would send, and no event announces it.
    fn was_never_heard_of(&self) -> bool {
        let Says::Pays(payout) = &self.row.says else { return false };
        matches!(payout.claim, Claim::Wanted(Some(_))) && self.announced.is_none()
    }
}
