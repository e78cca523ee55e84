//! What the oracle knows of one command.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;
use smartsend::domain::command::Action;
use smartsend::domain::event::EventKind;
use smartsend::domain::record::headers::written;
use smartsend::ports::EventMessage;

use super::Broken;
use super::copies::Copies;
use super::links::{Link, Links};
use crate::simulation::announced::Announced;
use crate::simulation::commands::PlannedCommand;
use crate::simulation::tally::End;
use crate::support::model::Standing;

/// What an event about a link never says: a command knows nothing of the customer.
const PRIVATE: [&str; 5] = ["custName", "custMobile", "custEmail", "description", "link"];

/// A command, and where it is.
pub(super) struct KnownCommand {
    pub(super) copies: Copies,
    pub(super) reference: String,
    /// What it asks for; nothing if it breaks the contract.
    action: Option<Action>,
    /// When upstream first published it.
    asked_at: Option<Duration>,
    /// The kinds of its events, and the codes of their reasons.
    announced: BTreeSet<End>,
    /// The id of the events that say each thing.
    ids: BTreeMap<String, String>,
}

impl KnownCommand {
    pub(super) fn new(planned: &PlannedCommand) -> Self {
        Self {
            copies: Copies::of(&planned.id),
            reference: planned.reference.clone(),
            action: planned.action,
            asked_at: None,
            announced: BTreeSet::new(),
            ids: BTreeMap::new(),
        }
    }

    pub(super) fn queued(&mut self, at: Duration, returned: bool) {
        self.copies.queued(returned);
        self.asked_at.get_or_insert(at);
    }

    /// Whether everybody who waits for it knows its outcome.
    pub(super) fn has_ended(&self) -> bool {
        let unresolved = EventKind::CommandUnresolved.outcome();
        self.announced.iter().any(|(kind, _)| *kind != unresolved) || self.is_parked()
    }

    /// Whether it is parked, and was announced.
    fn is_parked(&self) -> bool {
        self.copies.parked > 0 && self.has_announced(EventKind::CommandUnresolved)
    }

    /// Whether it is parked though it keeps to the contract, with no better outcome.
    pub(super) fn is_with_a_person(&self) -> bool {
        self.is_valid() && self.is_parked() && self.announced.len() == 1
    }

    pub(super) fn is_valid(&self) -> bool {
        self.action.is_some()
    }

    pub(super) fn was_announced_with(&self, reason: &str) -> bool {
        let unresolved = EventKind::CommandUnresolved.outcome();
        self.announced.contains(&(unresolved, reason.to_owned()))
    }

    fn gave_reason(&self, reason: &str) -> bool {
        self.announced.iter().any(|(_, code)| code == reason)
    }

    fn id_of_cancelled(&self) -> Option<&str> {
        self.ids.get(&said(EventKind::Cancelled, "")).map(|id| &**id)
    }

    fn has_announced(&self, kind: EventKind) -> bool {
        self.announced.iter().any(|(announced, _)| *announced == kind.outcome())
    }

    /// Takes an event about it: it must be true when it goes out, with the id that it always had.
    pub(super) fn announced(
        &mut self,
        event: &EventMessage,
        announced: Announced,
        at: Duration,
        links: &Links,
    ) -> Result<(), Broken> {
        let (id, kind, code) = (self.copies.id.clone(), announced.kind, announced.code);
        let since = self.asked_at.unwrap_or(at);
        let truth = Truth {
            link: links.get(&self.reference),
            since,
            at,
            seen_from: links.seen_from(since),
            is_bounded: links.is_bounded,
            max_age: links.max_age,
        };
        let is_true = match (kind, self.action) {
            // Nobody can claim it any more, and nobody is being paid.
            (EventKind::Cancelled, Some(Action::Cancel)) => {
                truth.link.standing(at) == Some(Standing::Cancelled)
            }
            (EventKind::Extended, Some(Action::Extend(asked))) => truth.has_expired_at(asked),
            (EventKind::CancelFailed, Some(Action::Cancel)) => truth.keeps_from(None, &code),
            (EventKind::ExtendFailed, Some(Action::Extend(asked))) => {
                truth.keeps_from(Some(asked), &code)
            }
            (EventKind::CommandUnresolved, Some(_)) => {
                ["OUTCOME_UNKNOWN", "NOT_SENT"].contains(&&*code)
            }
            (EventKind::CommandUnresolved, None) => code == "INVALID_COMMAND",
            // `link.failed` is never the answer to a command, nor is anything else of an intent.
            (
                EventKind::Created
                | EventKind::Failed
                | EventKind::Rejected
                | EventKind::Unresolved
                | EventKind::Cancelled
                | EventKind::Extended
                | EventKind::CancelFailed
                | EventKind::ExtendFailed,
                _,
            ) => false,
        };
        if !is_true {
            let standing = truth.link.standing(at);
            return Err(format!("{id} ends with {kind:?} {code}, and its link is {standing:?}"));
        }
        self.check_data(&announced.data)?;
        self.announced.insert((kind.outcome(), code.clone()));
        let event_id = event.properties.message_id.clone().unwrap();
        let known = self.ids.entry(said(kind, &code)).or_insert_with(|| event_id.clone());
        if *known != event_id {
            return Err(format!("{id} has two ids for {kind:?} {code}: {known} and {event_id}"));
        }
        Ok(())
    }

    fn check_data(&self, data: &Json) -> Result<(), Broken> {
        let id = &self.copies.id;
        if data["merchantRefId"].as_str() != Some(&self.reference) {
            return Err(format!("the event of {id} is about another reference"));
        }
        match PRIVATE.iter().find(|name| !data[**name].is_null()) {
            Some(name) => Err(format!("the event of {id} has the {name}")),
            None => Ok(()),
        }
    }
}

fn said(kind: EventKind, code: &str) -> String {
    format!("{kind:?} {code}")
}

/// What is known of a command's link when an event says something of it.
struct Truth<'a> {
    link: &'a Link,
    /// When the command was published.
    since: Duration,
    /// From when on details may speak.
    seen_from: Duration,
    at: Duration,
    /// Whether what was sent has taken effect by the last lookup.
    is_bounded: bool,
    max_age: Duration,
}

impl Truth<'_> {
    /// Whether it expires, or has expired by an earlier extend, at this second.
    fn has_expired_at(&self, asked: Timestamp) -> bool {
        let expiries = self.link.expiries(Duration::ZERO, self.at);
        expiries.iter().any(|expiry| expiry.as_second() == asked.as_second())
    }

    /// Whether what a failure gives as its reason was so at some time since the command was
    /// published. `asked` is the expiry of an extend.
    fn keeps_from(&self, asked: Option<Timestamp>, code: &str) -> bool {
        let Self { link, since, seen_from, at, is_bounded, max_age } = *self;
        let was = |standing| link.standings(seen_from, at).contains(&standing);
        match code {
            "CLAIMED" => was(Standing::Claimed),
            "PAID" => was(Standing::Paid),
            "EXPIRED" => was(Standing::Expired),
            "CANCELLED" => asked.is_some() && was(Standing::Cancelled),
            "REJECTED" => was(Standing::Rejected),
            // It is what lookups have shown, after everything that may be waited for.
            "LINK_NOT_FOUND" => link.was_not_found_since(since) && at >= since + max_age,
            "EXPIRY_INVALID" => asked.is_some_and(|asked| {
                let lives_longer = link.expiries(seen_from, at).iter().any(|it| *it > asked);
                lives_longer || link.refused_since(since).any(|code| code == Some(1121))
            }),
            // What was refused must have been, after what another worker may have sent, and not have
            // been done all the same.
            name => {
                let is_done = match asked {
                    None => link.standing(at) == Some(Standing::Cancelled),
                    Some(asked) => self.has_expired_at(asked),
                };
                let is_refused = link.refused_since(since).next().is_some();
                name == "REFUSED" && is_refused && !(is_done && is_bounded)
            }
        }
    }
}

/// How often they ended in which way.
pub(super) fn ends(commands: &[KnownCommand]) -> BTreeMap<End, u64> {
    let mut ends = BTreeMap::new();
    for end in commands.iter().flat_map(|command| &command.announced) {
        *ends.entry(end.clone()).or_default() += 1;
    }
    ends
}

/// The last judgement of what was said of one reference: it ends in what is true of its link.
pub(super) fn judge(
    reference: &str,
    commands: &[KnownCommand],
    link: &Link,
    at: Duration,
) -> Result<(), Broken> {
    let all = || commands.iter().filter(|command| command.reference == reference);
    let is_announced = |action: Action, kind: EventKind| {
        let mut ours = all().filter(|command| command.action == Some(action));
        ours.any(|command| {
            // A payment was under way, and that was the end of it, whatever came of the payment.
            let is_claimed = link.was_claimed_in_vain() && command.gave_reason("CLAIMED");
            command.has_announced(kind) || command.is_parked() || is_claimed
        })
    };
    let cancelled = all().filter_map(|command| command.id_of_cancelled());
    if cancelled.collect::<BTreeSet<_>>().len() > 1 {
        return Err(format!("{reference} is cancelled in more than one event"));
    }
    let standing = link.standing(at);
    let is_cancelled = standing == Some(Standing::Cancelled) && link.was_cancelled_by_us();
    if is_cancelled && !is_announced(Action::Cancel, EventKind::Cancelled) {
        return Err(format!("{reference} is cancelled, and no event says so"));
    }
    let extended = link.extended_by_us(at).filter(|_| standing == Some(Standing::Open));
    if let Some(expiry) = extended
        && !is_announced(Action::Extend(expiry), EventKind::Extended)
    {
        return Err(format!("{reference} expires at {}, and no event says so", written(expiry)));
    }
    Ok(())
}
