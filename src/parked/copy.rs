//! The copy that replaces a parked message.

use jiff::Timestamp;

use super::message::Parked;
use crate::actor::Actor;
use crate::amqp::ParkedMessage;
use crate::domain::account::Account;
use crate::domain::record::Record;
use crate::domain::record::headers::{Headers, REPLAYS, Value, history};
use crate::ports::Copied;

/// The copy for a worker: in doubt, whatever the message was, with its waits at zero. Its reference,
/// its body and its `message_id` stay what they are.
pub fn replayed(
    parked: &Parked,
    message: &ParkedMessage,
    account: &Account,
    (actor, now): (&Actor, Timestamp),
) -> Copied {
    let record = Record::from_headers(&message.headers).ok().filter(|_| message.own);
    let record = record.unwrap_or_else(|| Record::first(account.clone(), now)).replayed();
    let mut headers = record.to_headers(None);
    headers.extend(history(&message.headers));
    let replays = i64::from(parked.replays).saturating_add(1);
    headers.insert(REPLAYS.to_owned(), Value::Number(replays));
    copied(parked.merchant(), message, headers, (actor, now))
}

/// The copy that can be fetched back for a while: as it was parked, and who has discarded it.
pub fn discarded(parked: &Parked, message: &ParkedMessage, by: (&Actor, Timestamp)) -> Copied {
    copied(parked.merchant(), message, message.headers.clone(), by)
}

fn copied(
    merchant: &str,
    message: &ParkedMessage,
    mut headers: Headers,
    (actor, now): (&Actor, Timestamp),
) -> Copied {
    headers.extend(actor.headers_at(now));
    Copied {
        merchant: merchant.to_owned(),
        body: message.body.clone(),
        properties: message.properties.clone(),
        headers,
    }
}
