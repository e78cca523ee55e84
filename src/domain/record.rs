//! What is known of an intent. It travels with the intent, in headers, because the worker keeps
//! nothing.
//!
//! A record is either *new* (never sent, by all that is known) or *in doubt* (may have been sent).
//! An in doubt record has no path to a create call except through lookups: see [`super::decide`].

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::account::{Account, Api};

/// All that is known of an intent on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The account and API that it belongs to.
    pub account: Account,
    /// When a worker first saw it.
    pub first_seen: Timestamp,
    /// Creates that may have left.
    pub attempts: u32,
    /// Trips through retry queues; a hand-back is none.
    pub returns: u32,
    /// Not-found answers since the last create, or since the deadline of a new one.
    pub lookups: u32,
    /// How much of the quarantine is over: a sum of waits gone through, never a difference of
    /// clocks, because clocks jump and replicas disagree.
    pub waited: Duration,
    /// Whether it may have been sent.
    pub state: State,
}

/// Whether an intent may have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Never sent, by all that is known.
    New,
    /// May have been sent.
    InDoubt(Doubt),
}

/// Why an intent may have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What made it in doubt.
    pub seen: Seen,
    /// When the last create may have left, for people; nothing is decided by it.
    pub last_sent: Option<Timestamp>,
    /// The provider's code, if there was one.
    pub code: Option<i64>,
}

/// What made an intent in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The broker delivered it before, or its record could not be read.
    Redelivered,
    /// This process has handled the same reference lately.
    Recent,
    /// A create was answered: there is such a link already.
    Duplicate,
    /// A create had no answer that makes sense.
    Unknown,
    /// A create was refused, in a way that may depend on the day.
    Refused,
}

impl Seen {
    const ALL: [Self; 5] =
        [Self::Redelivered, Self::Recent, Self::Duplicate, Self::Unknown, Self::Refused];

    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redelivered => "redelivered",
            Self::Recent => "recent",
            Self::Duplicate => "duplicate",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }

    /// Whether a create may follow once the lookups are over. The provider has said of the other
    /// two that it will not make this link, and asking again is a loop without an end.
    pub fn may_resend(self) -> bool {
        match self {
            Self::Redelivered | Self::Recent | Self::Unknown => true,
            Self::Duplicate | Self::Refused => false,
        }
    }
}

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
/// The version of the record that this worker writes, and the only one that it reads.
const VERSION: &str = "v1";

impl Record {
    /// The record of an intent that is seen for the first time.
    pub fn first(account: Account, now: Timestamp) -> Self {
        Self {
            account,
            first_seen: now,
            attempts: 0,
            returns: 0,
            lookups: 0,
            waited: Duration::ZERO,
            state: State::New,
        }
    }

    /// Whether it may have been sent.
    pub fn is_in_doubt(&self) -> bool {
        match self.state {
            State::New => false,
            State::InDoubt(_) => true,
        }
    }

    /// The record once it is known that another create may have left, unseen: the lookups begin
    /// anew. A record that can no longer lead to a create keeps its kind and its lookups, since
    /// nothing can have been sent on its behalf.
    #[must_use]
    pub fn doubted(self, seen: Seen) -> Self {
        let (last_sent, code) = match &self.state {
            State::New => (None, None),
            State::InDoubt(doubt) if !doubt.seen.may_resend() => return self,
            State::InDoubt(doubt) => (doubt.last_sent, doubt.code),
        };
        Self {
            attempts: self.attempts.saturating_add(1),
            lookups: 0,
            waited: Duration::ZERO,
            state: State::InDoubt(Doubt { seen, last_sent, code }),
            ..self
        }
    }

    /// The headers that say all this, by the part after the prefix. `due` is when it may go on.
    pub fn to_headers(&self, due: Option<Timestamp>) -> BTreeMap<String, Value> {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut headers = BTreeMap::from([
            ("record".to_owned(), text(VERSION)),
            ("account".to_owned(), text(&self.account.payout_merchant_id)),
            ("api".to_owned(), text(self.account.api.as_str())),
            ("first-seen".to_owned(), Value::Text(written(self.first_seen))),
            ("waited".to_owned(), Value::Number(millis(self.waited))),
            ("attempts".to_owned(), Value::Number(self.attempts.into())),
            ("looks".to_owned(), Value::Number(self.lookups.into())),
            ("returns".to_owned(), Value::Number(self.returns.into())),
        ]);
        let mut put = |name: &str, value: Value| {
            headers.insert(name.to_owned(), value);
        };
        if let Some(due) = due {
            put("due", Value::Text(written(due)));
        }
        match &self.state {
            State::New => put("state", text("new")),
            State::InDoubt(doubt) => {
                put("state", text("unsure"));
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

    /// Reads the headers of a record. Every part that decides anything must be there and whole:
    /// a record that is half understood is no record.
    pub fn from_headers(headers: &BTreeMap<String, Value>) -> Result<Self, Unreadable> {
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
            "unsure" => State::InDoubt(reader.doubt()?),
            _ => return Err(Unreadable("state")),
        };
        Ok(Self {
            account,
            first_seen: reader.time("first-seen")?,
            attempts: reader.count("attempts")?,
            returns: reader.count("returns")?,
            lookups: reader.count("looks")?,
            waited: reader.millis("waited")?,
            state,
        })
    }
}

/// The header that keeps a record from being read, by the part after the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

struct Reader<'a>(&'a BTreeMap<String, Value>);

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
