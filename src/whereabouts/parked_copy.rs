//! A message of the parked queue that is about the reference.

use jiff::Timestamp;

use crate::amqp::ParkedMessage;
use crate::domain::account::Api;
use crate::domain::amount::Amount;
use crate::domain::intent::wire::parse;
use crate::domain::record::Record;
use crate::domain::record::headers::{Headers, Value};
use crate::domain::reference::Reference;
use crate::domain::work::Work;

/// What is parked, without what names a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedCopy {
    pub work: Work,
    /// Whose it is, or the routing key with which it came.
    pub merchant: String,
    /// Why it is parked; RabbitMQ itself parks some without a reason.
    pub reason: Option<String>,
    pub parked_at: Option<Timestamp>,
    pub amount: Option<Amount>,
    /// Whether it may have been sent; `None` if its record cannot be read.
    pub in_doubt: Option<bool>,
}

impl ParkedCopy {
    /// The message, if it is about this reference. `api` is the one by whose rules it is read.
    pub fn of(parked: &ParkedMessage, reference: &Reference, api: Api) -> Option<Self> {
        // A body that breaks a rule is parked too, and may name its reference all the same.
        let (named, amount, is_command) = match parse(&parked.body, api) {
            Ok(intent) => (Some(intent.reference), Some(intent.amount), false),
            Err(invalid) => (invalid.valid.reference, invalid.valid.amount, invalid.is_command),
        };
        if named.as_ref() != Some(reference) {
            return None;
        }
        let text = |name| text(&parked.headers, name);
        Some(Self {
            work: if is_command { Work::Commands } else { Work::Intents },
            merchant: plain(&text("merchant").unwrap_or_else(|| parked.routing_key.clone())),
            reason: text("reason").map(|reason| plain(&reason)),
            parked_at: text("parked-at").and_then(|time| time.parse().ok()),
            amount,
            in_doubt: Record::from_headers(&parked.headers).ok().map(|record| record.is_in_doubt()),
        })
    }
}

fn text(headers: &Headers, name: &str) -> Option<String> {
    match headers.get(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        Some(Value::Number(_)) | None => None,
    }
}

/// Whoever may write to the queue chooses the text.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "?")
}
