//! Whether a parked message is replayed, and on what evidence.
//!
//! A replay never makes a worker do what it would not do by itself: the copy is looked up before
//! anything is sent. So a message that would only be parked again is refused here, where that costs
//! nobody a wait, and so is everything that was parked before a guard had let it through: a copy goes
//! out under the worker's own login, which no guard asks.

use std::borrow::Cow;

use jiff::Timestamp;

use super::message::{Content, Parked};
use crate::amqp::ParkedMessage;
use crate::config::Merchant;
use crate::domain::classify::comparison::{Comparison, Likeness};
use crate::domain::classify::lookup::{Details, DetailsLink, Lookup};
use crate::domain::dead_letter::PutAside;
use crate::domain::decide::InDoubtPolicy;
use crate::domain::intent::Intent;
use crate::domain::publisher_guard::Publication;
use crate::domain::record::Record;
use crate::domain::work::Work;

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// A copy goes back to the worker.
    Replay,
    /// It stays parked, for a person.
    Refuse,
    /// It stays parked, because nothing is decided yet.
    Undecided,
}

/// A decision, and why, in words that name nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub decision: Decision,
    pub evidence: Cow<'static, str>,
}

/// From this many replays on a further one has to be asked for.
const REPLAYS_MAX: u32 = 2;

/// What was never let through to a worker's decision, and stays so.
const NEVER: [(&str, &str); 6] = [
    ("NOT_SIGNED", "it has no signature, and a replay would go around that guard"),
    ("NOT_ALLOWED", "its publisher is not allowed, and a replay would go around that guard"),
    ("INVALID_INTENT", "it is no valid intent, and would be rejected again: correct it upstream"),
    ("INVALID_COMMAND", "it is no valid command, and would be parked again"),
    (
        "WRONG_QUEUE",
        "it was published to the wrong exchange: upstream publishes it to the right one",
    ),
    ("UNKNOWN_MERCHANT", "it names no merchant: upstream publishes it with a merchant's name"),
];

impl Decision {
    pub const ALL: [Self; 3] = [Self::Replay, Self::Refuse, Self::Undecided];

    /// The word in a plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Refuse => "refuse",
            Self::Undecided => "undecided",
        }
    }
}

impl Judgement {
    pub fn refuse(evidence: impl Into<Cow<'static, str>>) -> Self {
        Self { decision: Decision::Refuse, evidence: evidence.into() }
    }

    fn replay(evidence: impl Into<Cow<'static, str>>) -> Self {
        Self { decision: Decision::Replay, evidence: evidence.into() }
    }

    pub fn undecided(evidence: impl Into<Cow<'static, str>>) -> Self {
        Self { decision: Decision::Undecided, evidence: evidence.into() }
    }
}

/// Why a message is not replayed, whatever PayU shows of it. `again` allows a third replay.
pub fn refusal(
    parked: &Parked,
    message: &ParkedMessage,
    merchant: Option<&Merchant>,
    again: bool,
) -> Option<Cow<'static, str>> {
    if let Some((_, why)) = NEVER.iter().find(|(code, _)| *code == parked.code()) {
        return Some((*why).into());
    }
    if !parked.own || parked.code.is_none() {
        return Some("it was not parked under this login: use the worker's in broker.urls".into());
    }
    let Some(merchant) = merchant else {
        return Some("its merchant is not in the configuration".into());
    };
    if let Content::Unreadable { .. } = parked.content {
        return Some("it cannot be read, or its merchant now has another api".into());
    }
    if merchant.account.is_foreign_to(&message.headers) {
        return Some("it may have been sent from another account or API: look it up there".into());
    }
    let work = parked.content.work();
    if work == Work::Commands && merchant.limits.commands.is_none() {
        return Some("its merchant takes no commands".into());
    }
    if parked.code() == PutAside::DeadLettered.reason().code && guards(work, merchant, message) {
        return Some("nothing says that its publisher was allowed: publish it again".into());
    }
    (parked.replays >= REPLAYS_MAX && !again).then(|| {
        format!("it was replayed {} times and came back: --again for once more", parked.replays)
            .into()
    })
}

/// Whether a guard keeps it from a worker. What RabbitMQ put aside may never have met one.
fn guards(work: Work, merchant: &Merchant, message: &ParkedMessage) -> bool {
    let publication = Publication {
        merchant: &merchant.name,
        user_id: None, // it was the publisher's, and is lost
        own: false,
        message_id: message.properties.message_id.as_deref(),
        headers: &message.headers,
        body: &message.body,
    };
    merchant.publisher_guard.refuses(work, publication).is_some()
}

/// What follows from a lookup, for what is not refused anyway.
pub fn judge(
    content: &Content,
    record: Option<&Record>,
    lookup: &Lookup,
    merchant: &Merchant,
    now: Timestamp,
) -> Judgement {
    match (content, lookup) {
        (Content::Unreadable { .. }, _) => Judgement::refuse("it cannot be read"),
        (Content::Intent(intent), Lookup::Found(details)) => found(intent, details),
        (Content::Intent(intent), Lookup::NotFound) => {
            not_found(intent, record.is_some_and(Record::knows_link), merchant, now)
        }
        (Content::Command(_), Lookup::Found(details)) if details.status.is_closed() => {
            Judgement::replay("its link is closed, and the worker will say so")
        }
        (Content::Command(_), Lookup::Found(_)) => Judgement::replay("its link exists"),
        (Content::Command(_), Lookup::NotFound) => {
            Judgement::replay("no link was found, and the command waits for one")
        }
        (
            Content::Intent(_) | Content::Command(_),
            Lookup::Failed(_) | Lookup::NoToken(_) | Lookup::Throttled(_) | Lookup::Denied(_),
        ) => Judgement::undecided(format!("PayU gave no answer: the lookup is {}", lookup.word())),
    }
}

fn found(intent: &Intent, details: &Details) -> Judgement {
    let compared = Comparison::new(details, intent.amount, &intent.contact);
    if compared.looks_different() {
        let fields =
            [(compared.amount, "amount"), (compared.mobile, "mobile"), (compared.email, "e-mail")];
        let differs = fields.iter().filter(|(likeness, _)| *likeness == Likeness::Different);
        let differs: Vec<_> = differs.map(|(_, name)| *name).collect();
        return Judgement::refuse(format!(
            "its reference has a link with another {}: find out which of the two is right",
            differs.join(" and ")
        ));
    }
    if details.status.is_closed() {
        return Judgement::refuse("its link is closed: look it up, and decide");
    }
    match &details.link {
        DetailsLink::Here(_) if compared.is_ours() => Judgement::replay(
            "its link exists, with the same amount and customer: the worker will announce it",
        ),
        DetailsLink::Here(_) => {
            Judgement::refuse("there is a link, but PayU does not show enough to tell whose it is")
        }
        DetailsLink::Foreign => {
            Judgement::refuse("there is a link, on a host that is not in link_hosts")
        }
        DetailsLink::Absent | DetailsLink::Repeated => {
            Judgement::refuse("there is a link, and PayU does not show its address")
        }
    }
}

fn not_found(intent: &Intent, knows_link: bool, merchant: &Merchant, now: Timestamp) -> Judgement {
    if knows_link {
        return Judgement::refuse("PayU has said that it has a link, and shows none now");
    }
    if intent.deadline.is_some_and(|deadline| deadline < now) {
        return Judgement::refuse("no link was found, and its deadline has passed");
    }
    if intent.amount > merchant.max_amount {
        return Judgement::refuse(
            "no link was found, and it is above max_amount: raise that, restart the worker, and \
             plan again",
        );
    }
    match merchant.in_doubt.policy {
        InDoubtPolicy::Resend => Judgement::replay(
            "no link was found: it is looked up for a whole quarantine, and then sent again",
        ),
        InDoubtPolicy::Park | InDoubtPolicy::Strict => Judgement::refuse(
            "no link was found, and in_doubt.policy sends nothing again: it would be parked again",
        ),
    }
}
