//! How links changed after they were made: the provider's history of each, beside what the events
//! of commands say.
//!
//! An event says what a lookup has shown, so the history must have a state that it is true of, and
//! that began before the event. A cancelled link is never claimed again: so what an event calls
//! cancelled must be cancelled in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use lapin::BasicProperties;
use serde_json::{Value, json};

use super::commands::{Action, Command};
use super::provider::{LinkChange, LinkMade};
use super::results::Message;

/// By how much an event's time may be before the change that it reports: it ends at milliseconds,
/// and the clocks of two processes follow the machine's each for itself.
const SLACK_US: u64 = 20_000;

/// An event of a command.
#[derive(Debug)]
struct Announced {
    id: String,
    /// Its type without `smartsend.`.
    kind: String,
    at_us: u64,
    reference: String,
    expiry: Option<Timestamp>,
    /// Nothing where it was done.
    reason: String,
}

/// The state of a link, as far as a command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stand {
    Open,
    Cancelled,
    /// Paid too.
    Claimed,
    Expired,
}

/// The ledger's links by reference, and the events by the command that they answer.
pub(crate) struct Lives<'a> {
    links: HashMap<&'a str, &'a LinkMade>,
    announced: HashMap<String, Vec<Announced>>,
}

/// How many links a state has by the events, and by the ledger.
pub(crate) type Counts = BTreeMap<&'static str, (u64, u64)>;

/// The outcomes of some commands.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// How many there are.
    pub(crate) commands: u64,
    /// What is not as it should be, a sentence each: no event, an event that is not true, two ids.
    pub(crate) wrong: Vec<String>,
    /// Commands that are left to a person.
    pub(crate) unresolved: u64,
    /// Commands with two ends. A kill between an event and the acknowledgement has the command
    /// looked up again, and then the link may stand otherwise.
    pub(crate) changed: u64,
    /// The links that these commands are about.
    pub(crate) counts: Counts,
}

impl Stand {
    fn of(status: &str) -> Self {
        match status {
            "PENDING" | "APPROVAL_PENDING" | "APPROVED" => Self::Open,
            "CANCELLED" => Self::Cancelled,
            "INITIATED" | "SUCCESS" => Self::Claimed,
            "EXPIRED" => Self::Expired,
            other => panic!("no test makes a link {other}"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Cancelled => "cancelled",
            Self::Claimed => "claimed",
            Self::Expired => "expired",
        }
    }
}

impl LinkMade {
    pub(crate) fn stand(&self) -> Stand {
        Stand::of(&self.status)
    }

    /// Whether it stood so at a time, or before.
    fn has_stood(&self, stand: Stand, by_us: u64) -> bool {
        let changes = self.history.iter().filter(|change| change.at_us <= by_us + SLACK_US);
        changes.map(|change| Stand::of(&change.status)).any(|it| it == stand)
    }

    /// Whether it was extended to this second or, if asked, to a later one.
    fn was_extended(&self, to: Timestamp, or_later: bool, by_us: u64) -> bool {
        let second = |us: u64| i64::try_from(us / 1_000_000).unwrap();
        let changes = self.history.iter().filter(|change| change.at_us <= by_us + SLACK_US);
        let mut extended = changes.filter(|change| change.by == "extend");
        extended.any(|change| {
            let expiry = second(change.expires_at_us);
            expiry == to.as_second() || or_later && expiry > to.as_second()
        })
    }
}

impl Announced {
    fn of(message: &Message) -> Option<Self> {
        let kind = message.properties.kind().as_ref()?.to_string();
        let kind = kind.strip_prefix("smartsend.")?.to_owned();
        if matches!(&*kind, "link.created" | "link.unresolved" | "link.failed" | "intent.rejected")
        {
            return None;
        }
        let event = message.event();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let at: Timestamp = text(&event["time"]).parse().unwrap();
        Some(Self {
            id: text(&event["id"]),
            kind,
            at_us: u64::try_from(at.as_microsecond()).unwrap(),
            reference: text(&event["subject"]),
            expiry: text(&event["data"]["expiryDate"]).parse().ok(),
            reason: text(&event["data"]["reason"]["code"]),
        })
    }

    /// How it says that the link stands, if it says so for good.
    fn stand(&self) -> Option<Stand> {
        match (&*self.kind, &*self.reason) {
            ("link.cancelled", _) | (_, "CANCELLED") => Some(Stand::Cancelled),
            (_, "CLAIMED" | "PAID") => Some(Stand::Claimed),
            (_, "EXPIRED") => Some(Stand::Expired),
            _ => None,
        }
    }

    /// Whether the ledger has a state that it is true of.
    fn is_true(&self, link: &LinkMade, action: Action) -> bool {
        if let Some(stand) = self.stand() {
            return link.stand() == stand && link.has_stood(stand, self.at_us);
        }
        match (&*self.kind, action, &*self.reason) {
            ("command.unresolved", ..) => true, // it claims nothing
            ("link.extended", Action::Extend(asked), _) => {
                let shown = self.expiry.is_some_and(|it| it.as_second() == asked.as_second());
                shown && link.was_extended(asked, false, self.at_us)
            }
            ("link.extend_failed", Action::Extend(asked), "EXPIRY_INVALID") => {
                link.was_extended(asked, true, self.at_us)
            }
            _ => false,
        }
    }
}

impl<'a> Lives<'a> {
    /// Sorts it.
    pub(crate) fn gather(links: &'a [LinkMade], results: &[Message]) -> Self {
        let mut announced = HashMap::<_, Vec<Announced>>::new();
        for message in results {
            if let Some(event) = Announced::of(message) {
                announced.entry(message.correlation_id()).or_default().push(event);
            }
        }
        let links = links.iter().map(|link| (&*link.reference, link)).collect();
        Self { links, announced }
    }

    /// Holds the events of these commands, which are all that there are, against the ledger. Each
    /// reference has a link by now.
    pub(crate) fn judge(&self, commands: &[Command]) -> Verdicts {
        let mut verdicts = Verdicts::default();
        let mut by_reference = BTreeMap::<&str, Vec<&Command>>::new();
        for command in commands {
            self.judge_one(command, &mut verdicts);
            by_reference.entry(&command.reference).or_default().push(command);
        }
        for (reference, commands) in by_reference {
            self.judge_chain(reference, &commands, &mut verdicts);
        }
        let known: BTreeSet<_> = commands.iter().map(|command| &command.id).collect();
        let strangers = self.announced.keys().filter(|id| !known.contains(id));
        verdicts
            .wrong
            .extend(strangers.map(|id| format!("{id} has an event and is not a command")));
        verdicts
    }

    fn judge_one(&self, command: &Command, verdicts: &mut Verdicts) {
        let Command { reference, id, action, .. } = command;
        verdicts.commands += 1;
        let Some(events) = self.announced.get(id) else {
            verdicts.wrong.push(format!("{id} has no event"));
            return;
        };
        let link = self.links[&**reference];
        for event in events {
            if event.reference != *reference || !event.is_true(link, *action) {
                verdicts.wrong.push(format!("{id}: {event:?} is not true of {link:?}"));
            }
        }
        let kinds: BTreeSet<_> = events.iter().map(|event| &event.kind).collect();
        let ids: BTreeSet<_> = events.iter().map(|event| &event.id).collect();
        if ids.len() != kinds.len() {
            verdicts.wrong.push(format!("{id}: one end has two ids: {events:?}"));
        }
        verdicts.changed += kinds.len() as u64 - 1;
        verdicts.unresolved += u64::from(events.iter().any(|it| it.kind == "command.unresolved"));
    }

    /// What the last events of a reference say is what the ledger says.
    fn judge_chain(&self, reference: &str, commands: &[&Command], verdicts: &mut Verdicts) {
        let link = self.links[reference];
        let events =
            || commands.iter().filter_map(|command| self.announced.get(&command.id)).flatten();
        if events().any(|event| event.kind == "command.unresolved") {
            return; // a person has to decide
        }
        let mut chain: Vec<_> = events().collect();
        chain.sort_by_key(|event| event.at_us);
        let last = chain.iter().rev().find_map(|event| event.stand());
        if commands.iter().any(|command| command.action == Action::Cancel) {
            let (by_events, by_ledger) = (last.unwrap_or(Stand::Open), link.stand());
            verdicts.counts.entry(by_events.name()).or_default().0 += 1;
            verdicts.counts.entry(by_ledger.name()).or_default().1 += 1;
            if by_events != by_ledger {
                verdicts.wrong.push(format!("{chain:?} does not end as {link:?}"));
            }
        }
        let extensions: Vec<_> =
            chain.iter().filter(|event| event.kind == "link.extended").collect();
        let was_extended = link.history.iter().any(|change| change.by == "extend");
        // What came to pass first may hide it: then the events report that.
        let is_hidden = extensions.is_empty() && last.is_some();
        let counted = verdicts.counts.entry("extended").or_default();
        counted.0 += u64::from(!extensions.is_empty());
        counted.1 += u64::from(was_extended && !is_hidden);
        let latest = extensions.iter().filter_map(|event| event.expiry).max();
        let in_ledger = i64::try_from(link.expires_at_us / 1_000_000).unwrap();
        if latest.is_some_and(|expiry| expiry.as_second() != in_ledger)
            || was_extended && extensions.is_empty() && !is_hidden
        {
            verdicts.wrong.push(format!("{chain:?} does not end with the expiry of {link:?}"));
        }
    }
}

impl Verdicts {
    /// Nothing is wrong, and no more than this is left to a person or has two ends.
    pub(crate) fn assert_true(&self, what: &str, changed_max: u64) {
        assert!(self.wrong.is_empty(), "{what}: {} wrong: {:#?}", self.wrong.len(), self.wrong);
        assert_eq!(self.unresolved, 0, "{what}: commands are left to a person");
        let changed = self.changed;
        assert!(changed <= changed_max, "{what}: {changed} have two ends, {changed_max} may have");
        for (state, (by_events, by_ledger)) in &self.counts {
            assert_eq!(by_events, by_ledger, "{what}: {state}");
        }
    }
}

/// A ledger with one link that was claimed at second 10, and an event about it.
fn verdict_on(status: &str, command: Action, kind: &str, at_second: i64, data: &Value) -> Verdicts {
    let change = |status: &str| LinkChange {
        at_us: 10_000_000,
        by: if status == "PENDING" { "extend" } else { "desk" }.to_owned(),
        status: status.to_owned(),
        expires_at_us: 90_000_000,
    };
    let link = LinkMade {
        reference: "order-1".to_owned(),
        link: "https://test.payumoney.com/url/1".to_owned(),
        expires_at_us: 90_000_000,
        status: status.to_owned(),
        history: vec![change(status)],
    };
    let kind = format!("smartsend.{kind}");
    let time = Timestamp::from_second(at_second).unwrap().to_string();
    let event =
        json!({ "id": "1", "type": kind, "subject": "order-1", "time": time, "data": data });
    let properties =
        BasicProperties::default().with_type(kind.into()).with_correlation_id("c-1".into());
    let message =
        Message { routing_key: String::new(), body: event.to_string().into(), properties };
    let command = Command {
        merchant: "default".to_owned(),
        reference: "order-1".to_owned(),
        id: "c-1".to_owned(),
        action: command,
    };
    Lives::gather(&[link], &[message]).judge(&[command])
}

#[test]
fn an_event_that_the_ledger_does_not_bear_out_is_found() {
    let (none, cancel) = (json!({}), Action::Cancel);
    let because = |code: &str| json!({ "reason": { "code": code } });
    let to = |second| Action::Extend(Timestamp::from_second(second).unwrap());
    let until_90 = json!({ "expiryDate": "1970-01-01T00:01:30Z" });
    let right = [
        verdict_on("CANCELLED", cancel, "link.cancelled", 11, &none),
        verdict_on("INITIATED", cancel, "link.cancel_failed", 11, &because("CLAIMED")),
        verdict_on("PENDING", to(90), "link.extended", 11, &until_90),
    ];
    for verdicts in right {
        verdicts.assert_true("as the ledger says", 0);
    }
    let wrong = [
        verdict_on("PENDING", cancel, "link.cancelled", 11, &none),
        verdict_on("INITIATED", cancel, "link.cancelled", 11, &none),
        verdict_on("CANCELLED", cancel, "link.cancelled", 9, &none),
        verdict_on("CANCELLED", cancel, "link.cancel_failed", 11, &because("CLAIMED")),
        verdict_on("PENDING", cancel, "link.cancel_failed", 11, &because("REFUSED")),
        verdict_on("PENDING", to(91), "link.extended", 11, &until_90),
        verdict_on("CANCELLED", to(90), "link.extended", 11, &until_90),
        verdict_on("PENDING", to(90), "link.extend_failed", 11, &because("EXPIRY_INVALID")),
        verdict_on("CANCELLED", cancel, "link.created", 11, &none),
    ];
    for (number, verdicts) in wrong.into_iter().enumerate() {
        assert!(!verdicts.wrong.is_empty(), "{number}");
    }
}
