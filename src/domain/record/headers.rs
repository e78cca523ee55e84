//! A record as the headers of a message.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{Doubt, Record, Seen, State};
use crate::domain::account::{Account, Api};

/// Headers `x-smartsend-…`, by the part after the prefix.
pub type Headers = BTreeMap<String, Value>;

/// A header's value: text, or a signed 64-bit number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A long string.
    Text(String),
    /// A number, read from any integer type.
    Number(i64),
}

/// The prefix of every header of ours.
pub const HEADER_PREFIX: &str = "x-smartsend-";
/// What upstream signs a message with.
pub const SIGNATURE: &str = "signature";
/// How often a person has sent it back from the parked queue.
pub const REPLAYS: &str = "replays";
/// The operating-system user who has published, replayed or discarded it last.
pub const ACTOR: &str = "actor";
/// Why, in that person's words.
pub const NOTE: &str = "note";
/// When it was replayed or discarded last.
pub const ACTED_AT: &str = "acted-at";
/// The headers of a record.
const RECORD: [&str; 16] = [
    "record",
    "state",
    "account",
    "api",
    "first-seen",
    "last-sent",
    "due",
    "quarantined",
    "waited",
    "attempts",
    "lookups",
    "returns",
    "singled-out",
    "turned-away-at",
    "seen",
    "code",
];
/// Who published a message, who has done what with it, and why. It stays with every copy: a parked
/// one that a person publishes again still has its signature.
const HISTORY: [&str; 5] = [REPLAYS, ACTOR, NOTE, ACTED_AT, SIGNATURE];
/// The version of the record that this worker writes, and the only one that it reads.
const VERSION: &str = "v2";

/// Those of a message's headers that belong to every copy of it, beside a record.
pub fn history(received: &Headers) -> Headers {
    named(received, &[&HISTORY])
}

/// The record that a message came with, as it came, and what belongs to every copy of it.
pub fn record_as_received(received: &Headers) -> Headers {
    named(received, &[&RECORD, &HISTORY])
}

/// Whether a worker has published the message before, as far as its headers say.
pub fn is_of_record(headers: &Headers) -> bool {
    headers.keys().any(|name| !HISTORY.contains(&&**name))
}

fn named(received: &Headers, names: &[&[&str]]) -> Headers {
    let names = names.iter().copied().flatten();
    let found = names.filter_map(|name| received.get_key_value(*name));
    found.map(|(name, value)| (name.clone(), value.clone())).collect()
}

impl Record {
    /// The record as headers, by the part after the prefix. `due` is when it may continue.
    pub fn to_headers(&self, due: Option<Timestamp>) -> Headers {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut headers = BTreeMap::from([
            ("record".to_owned(), text(VERSION)),
            ("account".to_owned(), text(&self.account.payout_merchant_id)),
            ("api".to_owned(), text(self.account.api.as_str())),
            ("first-seen".to_owned(), Value::Text(written(self.first_seen))),
            ("quarantined".to_owned(), Value::Number(millis(self.quarantined))),
            ("waited".to_owned(), Value::Number(millis(self.waited))),
            ("attempts".to_owned(), Value::Number(self.attempts.into())),
            ("lookups".to_owned(), Value::Number(self.lookups.into())),
            ("returns".to_owned(), Value::Number(self.returns.into())),
            ("singled-out".to_owned(), Value::Number(self.singled_out.into())),
        ]);
        let mut put = |name: &str, value: Value| {
            headers.insert(name.to_owned(), value);
        };
        if let Some(due) = due {
            put("due", Value::Text(written(due)));
        }
        if let Some(at) = self.turned_away_at {
            put("turned-away-at", Value::Text(written(at)));
        }
        match &self.state {
            State::New => put("state", text("new")),
            State::InDoubt(doubt) => {
                put("state", text("in-doubt"));
                put("seen", text(doubt.seen.as_str()));
                if let Some(last_sent) = doubt.last_sent {
                    put("last-sent", Value::Text(written(last_sent)));
                }
                if let Some(code) = doubt.code {
                    put("code", Value::Number(code));
                }
            }
        }
        headers
    }

    /// Reads the headers of a record. Every part that a decision uses must be present and valid:
    /// half a record is not a record.
    pub fn from_headers(headers: &Headers) -> Result<Self, Unreadable> {
        let reader = Reader(headers);
        if reader.text("record")? != VERSION {
            return Err(Unreadable("record"));
        }
        let account = Account {
            payout_merchant_id: reader.text("account")?.to_owned(),
            api: Api::parse(reader.text("api")?).ok_or(Unreadable("api"))?,
        };
        let state = match reader.text("state")? {
            "new" => State::New,
            "in-doubt" => State::InDoubt(reader.doubt()?),
            _ => return Err(Unreadable("state")),
        };
        Ok(Self {
            account,
            first_seen: reader.time("first-seen")?,
            attempts: reader.count("attempts")?,
            returns: reader.count("returns")?,
            singled_out: reader.count("singled-out")?,
            turned_away_at: reader.optional("turned-away-at", Reader::time)?,
            lookups: reader.count("lookups")?,
            quarantined: reader.millis("quarantined")?,
            waited: reader.millis("waited")?,
            state,
        })
    }
}

/// The header that keeps a record from being read, by the part after the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

struct Reader<'a>(&'a Headers);

impl Reader<'_> {
    fn text(&self, name: &'static str) -> Result<&str, Unreadable> {
        match self.0.get(name) {
            Some(Value::Text(text)) => Ok(text),
            Some(Value::Number(_)) | None => Err(Unreadable(name)),
        }
    }

    fn time(&self, name: &'static str) -> Result<Timestamp, Unreadable> {
        self.text(name)?.parse().map_err(|_| Unreadable(name))
    }

    fn number(&self, name: &'static str) -> Result<i64, Unreadable> {
        match self.0.get(name) {
            Some(Value::Number(number)) => Ok(*number),
            Some(Value::Text(_)) | None => Err(Unreadable(name)),
        }
    }

    fn count(&self, name: &'static str) -> Result<u32, Unreadable> {
        self.number(name)?.try_into().map_err(|_| Unreadable(name))
    }

    fn millis(&self, name: &'static str) -> Result<Duration, Unreadable> {
        let millis = self.number(name)?.try_into().map_err(|_| Unreadable(name))?;
        Ok(Duration::from_millis(millis))
    }

    fn doubt(&self) -> Result<Doubt, Unreadable> {
        let word = self.text("seen")?;
        let seen = Seen::ALL.into_iter().find(|seen| seen.as_str() == word);
        Ok(Doubt {
            seen: seen.ok_or(Unreadable("seen"))?,
            last_sent: self.optional("last-sent", Self::time)?,
            code: self.optional("code", Self::number)?,
        })
    }

    fn optional<T>(
        &self,
        name: &'static str,
        read: impl Fn(&Self, &'static str) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, Unreadable> {
        if self.0.contains_key(name) { read(self, name).map(Some) } else { Ok(None) }
    }
}

/// RFC 3339, UTC, milliseconds.
pub fn written(time: Timestamp) -> String {
    format!("{time:.3}")
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
