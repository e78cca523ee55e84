//! What a parked message says of itself.

use std::fmt::{self, Write};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;

use crate::amqp::ParkedMessage;
use crate::config::Config;
use crate::domain::account::{Api, is_merchant_name};
use crate::domain::amount::Amount;
use crate::domain::command::Command;
use crate::domain::command::wire as command;
use crate::domain::intent::Intent;
use crate::domain::intent::wire::parse;
use crate::domain::record::headers::{ACTED_AT, ACTOR, Headers, NOTE, REPLAYS, Value};
use crate::domain::reference::Reference;
use crate::domain::work::Work;

/// What stands where a message does not say.
pub const UNKNOWN: &str = "unknown";
/// The longest code that is taken for one.
const CODE_LEN_MAX: usize = 80;
/// How many bytes of the digest make an id.
const ID_BYTES: usize = 16;

/// A parked message, without its body.
#[derive(Clone, Debug)]
pub struct Parked {
    pub id: Id,
    /// The merchant, if its name can be one.
    pub merchant: Option<String>,
    /// The code of the reason, if it can be one.
    pub code: Option<String>,
    pub content: Content,
    pub parked_at: Option<Timestamp>,
    /// How often it was replayed before, and the last time.
    pub replays: u32,
    pub last: Option<Acted>,
    /// Whether the broker vouches that our own login has parked it.
    pub own: bool,
}

/// Distinguishes a parked message from all others, and from its own copy that is parked another time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(String);

/// What it says.
#[derive(Clone, Debug)]
pub enum Content {
    Intent(Box<Intent>),
    Command(Command),
    /// It cannot be read as a whole; these parts can.
    Unreadable {
        work: Work,
        reference: Option<Reference>,
        amount: Option<Amount>,
    },
}

/// What a person has done to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    pub actor: Option<String>,
    pub note: Option<String>,
    pub at: Option<Timestamp>,
}

impl Parked {
    pub fn read(message: &ParkedMessage, config: &Config) -> Self {
        let headers = &message.headers;
        let merchant = text(headers, "merchant").filter(|name| is_merchant_name(name));
        let merchant = merchant.map(str::to_owned);
        let api = merchant.as_ref().and_then(|name| config.merchants.get(name));
        let acted = Acted {
            actor: text(headers, ACTOR).map(plain),
            note: text(headers, NOTE).map(plain),
            at: time(headers, ACTED_AT),
        };
        let replays = match headers.get(REPLAYS) {
            Some(Value::Number(count)) => u32::try_from(*count).unwrap_or(u32::MAX),
            Some(Value::Text(_)) => u32::MAX, // whatever it means, it is not none
            None => 0,
        };
        Self {
            id: Id::of(message),
            code: text(headers, "reason").filter(|code| is_code(code)).map(str::to_owned),
            content: Content::read(&message.body, api.map(|merchant| merchant.account.api)),
            merchant,
            parked_at: time(headers, "parked-at"),
            replays,
            last: (replays > 0 || acted.at.is_some()).then_some(acted),
            own: message.own,
        }
    }

    pub fn merchant(&self) -> &str {
        self.merchant.as_deref().unwrap_or(UNKNOWN)
    }

    pub fn code(&self) -> &str {
        self.code.as_deref().unwrap_or(UNKNOWN)
    }
}

impl Id {
    /// Each part with its length, so that no two messages give the same bytes.
    pub fn of(message: &ParkedMessage) -> Self {
        let header = |name| text(&message.headers, name).unwrap_or_default();
        let message_id = message.properties.message_id.as_deref().unwrap_or_default();
        let parts = [header("merchant"), header("reason"), header("parked-at"), message_id];
        let mut whole = Vec::with_capacity(message.body.len().saturating_add(256));
        for part in parts.map(str::as_bytes).into_iter().chain([&*message.body]) {
            whole.extend(part.len().to_be_bytes());
            whole.extend(part);
        }
        let mut text = digest_of(&whole);
        text.truncate(2 * ID_BYTES);
        Self(text)
    }

    /// Reads one that was written down.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex =
            text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (text.len() == 2 * ID_BYTES && is_hex).then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Enough of it for a table.
    pub fn short(&self) -> &str {
        self.0.get(..10).unwrap_or(&self.0)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Content {
    /// Where nothing says which API the merchant has, an intent of either is one.
    pub fn read(body: &[u8], api: Option<Api>) -> Self {
        let intent = match api {
            Some(api) => parse(body, api),
            None => parse(body, Api::V2).or_else(|_| parse(body, Api::V1)),
        };
        let invalid = match intent {
            Ok(intent) => return Self::Intent(Box::new(intent)),
            Err(invalid) if invalid.is_command => match command::parse(body) {
                Ok(command) => return Self::Command(command),
                Err(invalid) => {
                    let (work, amount) = (Work::Commands, None);
                    return Self::Unreadable { work, reference: invalid.reference, amount };
                }
            },
            Err(invalid) => invalid.valid,
        };
        let (reference, amount) = (invalid.reference, invalid.amount);
        Self::Unreadable { work: Work::Intents, reference, amount }
    }

    pub fn work(&self) -> Work {
        match self {
            Self::Intent(_) => Work::Intents,
            Self::Command(_) => Work::Commands,
            Self::Unreadable { work, .. } => *work,
        }
    }

    pub fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Intent(intent) => Some(&intent.reference),
            Self::Command(command) => Some(&command.reference),
            Self::Unreadable { reference, .. } => reference.as_ref(),
        }
    }

    /// The rupees of an intent; `None` where they are not known. A command has none.
    pub fn amount(&self) -> Option<Amount> {
        match self {
            Self::Intent(intent) => Some(intent.amount),
            Self::Command(_) => None,
            Self::Unreadable { amount, .. } => *amount,
        }
    }
}

/// SHA-256, in hexadecimal.
pub(super) fn digest_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest(&SHA256, bytes).as_ref() {
        write!(text, "{byte:02x}").ok(); // a String takes everything
    }
    text
}

/// A header of ours that is a text.
pub(super) fn text<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    match headers.get(name) {
        Some(Value::Text(text)) => Some(text),
        Some(Value::Number(_)) | None => None,
    }
}

fn time(headers: &Headers, name: &str) -> Option<Timestamp> {
    text(headers, name)?.parse().ok()
}

fn is_code(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.len() <= CODE_LEN_MAX && text.bytes().all(is_word)
}

/// A text of somebody's on a terminal.
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, "?")
}
