//! What RabbitMQ itself put aside, and what is announced of it.
//!
//! It puts aside what has expired, what came back too often, and what no queue takes. The first two
//! may have been sent before, and so may a copy of ours that finds no queue. A stranger's message
//! that finds none has a routing key that names no merchant, and was never with a worker.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::account::{Account, Api, is_merchant_name};
use super::command::{self, Command, InvalidCommand};
use super::event::wire::errors_json;
use super::event::{Event, Reason};
use super::intent::wire::parse;
use super::intent::{Intent, Invalid};
use super::object::BODY_BYTES_MAX;
use super::record::headers::{Headers, Value, history, is_of_record, record_as_received, written};
use super::record::{Record, Seen};
use super::reference::Reference;
use super::work::Work;

/// What stands for the merchant where the routing key names none.
pub const UNROUTED: &str = "unrouted";
/// What stands for the account where no configuration and no record names it.
pub const UNKNOWN_ACCOUNT: &str = "unknown";
/// How long until one is tried again that could not be announced.
pub const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The word of RabbitMQ's for a message that a consumer rejected.
const REJECTED: &str = "rejected";

/// Why RabbitMQ put a message aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutAside {
    /// It expired, came back too often, or is a copy of ours that no queue took.
    DeadLettered,
    /// No queue took it.
    UnknownMerchant,
}

/// A queue that a message has left without being acknowledged: an entry of `x-death`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The queue.
    pub queue: String,
    /// RabbitMQ's word for why.
    pub reason: String,
    /// When it last left that queue.
    pub time: Option<Timestamp>,
}

/// A message that was put aside, as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The exchange that it was published to last by anyone but the broker.
    pub exchange: &'a str,
    /// The routing key that it was first published with.
    pub routing_key: &'a str,
    /// The queues that it has left, the last one first.
    pub deaths: &'a [Death],
    /// The headers of ours, whoever wrote them.
    pub headers: &'a Headers,
    /// Whether the broker vouches that our own login wrote them.
    pub own: bool,
    /// The body.
    pub body: &'a [u8],
    /// The wall clock.
    pub now: Timestamp,
}

/// The merchants of a configuration.
#[derive(Clone, Debug)]
pub struct Merchants {
    /// What the names of their intents' queues begin with.
    pub intents_prefix: String,
    /// The same of their commands' queues.
    pub commands_prefix: String,
    /// The exchange that commands are published to.
    pub commands_exchange: String,
    /// Their accounts, by name.
    pub accounts: BTreeMap<String, Account>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Its merchant's worker has announced it already, and rejected it because of its size.
    Announced,
    /// It has to be announced.
    Unannounced(Box<DeadLetter>),
}

/// A message that has to be announced and parked.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// The merchant, or [`UNROUTED`].
    pub merchant: String,
    /// The merchant's account, or [`UNKNOWN_ACCOUNT`].
    pub payout_merchant_id: String,
    /// Why it is here.
    pub why: PutAside,
    /// What it says.
    pub content: Content,
    /// When a worker first saw it, or else when it was put aside.
    pub since: Timestamp,
    /// How long it is not to be announced yet.
    pub wait: Duration,
    /// Whether it is larger than an intent may be. Then it is not published again.
    pub is_large: bool,
    /// Its record, in doubt.
    record: Headers,
}

/// What a message says that has to be announced.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// It was published as an intent.
    Intent(Result<Intent, Box<Invalid>>),
    /// It was published as a command.
    Command(Result<Command, Box<InvalidCommand>>),
}

impl Content {
    /// Where nothing says which API the merchant has, an intent of either is one.
    fn read(work: Work, body: &[u8], api: Option<Api>) -> Self {
        match (work, api) {
            (Work::Commands, _) => Self::Command(command::wire::parse(body)),
            (Work::Intents, Some(api)) => Self::Intent(parse(body, api)),
            (Work::Intents, None) => {
                Self::Intent(parse(body, Api::V2).or_else(|_| parse(body, Api::V1)))
            }
        }
    }

    fn work(&self) -> Work {
        match self {
            Self::Intent(_) => Work::Intents,
            Self::Command(_) => Work::Commands,
        }
    }

    /// Its reference, if it can be read as a whole.
    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Intent(intent) => intent.as_ref().ok().map(|intent| &intent.reference),
            Self::Command(command) => command.as_ref().ok().map(|command| &command.reference),
        }
    }
}

impl PutAside {
    /// Both.
    pub const ALL: [Self; 2] = [Self::DeadLettered, Self::UnknownMerchant];
}

impl Finding {
    /// Says what follows for a message that was put aside.
    pub fn of(arrival: Arrival<'_>, merchants: &Merchants) -> Self {
        let is_large = arrival.body.len() > BODY_BYTES_MAX;
        let last = arrival.deaths.first();
        let was_rejected = last.is_some_and(|death| {
            merchants.of_queue(&death.queue).is_some() && death.reason == REJECTED
        });
        if is_large && was_rejected {
            return Self::Announced;
        }
        let Origin { merchant, work, why } = arrival.origin(merchants);
        let record = Record::from_headers(arrival.headers).ok();
        let account = merchants.accounts.get(&merchant);
        let of_record = record.as_ref().filter(|_| arrival.own).map(|record| &record.account);
        let since = arrival.since(merchants);
        Self::Unannounced(Box::new(DeadLetter {
            content: Content::read(
                work,
                arrival.body,
                account.or(of_record).map(|account| account.api),
            ),
            payout_merchant_id: account
                .or(of_record)
                .map_or(UNKNOWN_ACCOUNT, |account| &account.payout_merchant_id)
                .to_owned(),
            merchant,
            why,
            since,
            wait: arrival.wait(),
            is_large,
            record: doubted(record, arrival.headers, since),
        }))
    }
}

impl Merchants {
    fn of_queue<'a>(&self, queue: &'a str) -> Option<(Work, &'a str)> {
        let of = |prefix: &str| queue.strip_prefix(prefix).filter(|name| is_merchant_name(name));
        let intents = of(&self.intents_prefix).map(|name| (Work::Intents, name));
        intents.or_else(|| of(&self.commands_prefix).map(|name| (Work::Commands, name)))
    }
}

/// Whose a message is, and why it is here.
struct Origin {
    merchant: String,
    work: Work,
    why: PutAside,
}

impl Arrival<'_> {
    /// The merchant, and why the message is here. The queue that it has left counts before what its
    /// headers say, and those before the routing key, which is the publisher's.
    fn origin(&self, merchants: &Merchants) -> Origin {
        let mut queues = self.deaths.iter().map(|death| &*death.queue);
        if let Some((work, merchant)) = queues.find_map(|queue| merchants.of_queue(queue)) {
            return Origin { merchant: merchant.to_owned(), work, why: PutAside::DeadLettered };
        }
        if let Some((merchant, why)) = self.remembered() {
            let is_command = self.text("work") == Some(Work::Commands.noun());
            let work = if is_command { Work::Commands } else { Work::Intents };
            return Origin { merchant: merchant.to_owned(), work, why };
        }
        let is_command = self.exchange == merchants.commands_exchange;
        let work = if is_command { Work::Commands } else { Work::Intents };
        if !is_of_record(self.headers) {
            return Origin { merchant: UNROUTED.to_owned(), work, why: PutAside::UnknownMerchant };
        }
        // It has been with a worker, and ours writes the merchant's name there.
        let is_named = self.own && is_merchant_name(self.routing_key);
        let merchant = if is_named { self.routing_key } else { UNROUTED };
        Origin { merchant: merchant.to_owned(), work, why: PutAside::DeadLettered }
    }

    /// What a copy says that could not be announced before.
    fn remembered(&self) -> Option<(&str, PutAside)> {
        let merchant = self.text("merchant").filter(|name| is_merchant_name(name))?;
        let code = self.text("reason")?;
        let why = PutAside::ALL.into_iter().find(|why| why.reason().code == code)?;
        Some((merchant, why))
    }

    fn since(&self, merchants: &Merchants) -> Timestamp {
        let first_seen = self.text("first-seen").and_then(|text| text.parse().ok());
        let left =
            |death: &Death| death.time.filter(|_| merchants.of_queue(&death.queue).is_some());
        first_seen.or_else(|| self.deaths.iter().find_map(left)).unwrap_or(self.now)
    }

    /// Never longer than it was when the copy was published, whatever the clocks say.
    fn wait(&self) -> Duration {
        let due: Option<Timestamp> = self.text("due").and_then(|text| text.parse().ok());
        let due = due.filter(|_| self.remembered().is_some());
        let wait = due.map_or(SignedDuration::ZERO, |due| due.duration_since(self.now));
        Duration::try_from(wait).unwrap_or_default().min(RETRY_AFTER)
    }

    /// A header of ours, if our own login wrote it.
    fn text(&self, name: &str) -> Option<&str> {
        match self.headers.get(name) {
            Some(Value::Text(text)) if self.own => Some(text),
            Some(Value::Text(_) | Value::Number(_)) | None => None,
        }
    }
}

impl DeadLetter {
    /// The headers of its copy on the parked queue.
    pub fn parked_headers(&self, event: &Event<'_>, now: Timestamp) -> Headers {
        let of_event = event.reason().cloned();
        let Reason { code, errors, .. } = of_event.unwrap_or_else(|| self.why.reason());
        let mut headers = self.headers(&code);
        headers.insert("parked-at".to_owned(), Value::Text(written(now)));
        if !errors.is_empty() {
            headers.insert("errors".to_owned(), Value::Text(errors_json(&errors)));
        }
        headers
    }

    /// The headers of a copy that is to be announced later: it keeps why it is here, and whose it
    /// is, since what RabbitMQ says of that cannot be published again.
    pub fn retry_headers(&self, now: Timestamp) -> Headers {
        let mut headers = self.headers(&self.why.reason().code);
        let due = now.saturating_add(RETRY_AFTER).unwrap_or(Timestamp::MAX);
        headers.insert("due".to_owned(), Value::Text(written(due)));
        let work = self.content.work().noun().to_owned();
        headers.insert("work".to_owned(), Value::Text(work));
        headers
    }

    fn headers(&self, code: &str) -> Headers {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut headers = self.record.clone();
        headers.insert("reason".to_owned(), text(code));
        headers.insert("merchant".to_owned(), text(&self.merchant));
        headers
    }
}

/// The record that goes on. A worker may have sent the intent since its record was written, and a
/// copy of ours is believed, so a record that can be read goes on in doubt, whoever wrote it.
fn doubted(record: Option<Record>, received: &Headers, since: Timestamp) -> Headers {
    let Some(record) = record else {
        let mut headers = record_as_received(received);
        headers.remove("due");
        headers.remove("state"); // whoever wrote it, it stays unreadable
        headers.insert("first-seen".to_owned(), Value::Text(written(since)));
        return headers;
    };
    let mut headers = record.doubted(Seen::Redelivered).to_headers(None);
    headers.extend(history(received));
    headers
}
