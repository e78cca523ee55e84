//! The guard on who may publish to a merchant: which logins, and with which signatures.
//!
//! To RabbitMQ a login may write to an exchange or may not, so whoever may publish for one merchant
//! may publish for all of them.

use std::fmt::{self, Write};
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::record::headers::{Headers, SIGNATURE, Value, is_of_record};
use super::work::Work;

/// Who may publish. The default lets everyone.
#[derive(Clone, Debug, Default)]
pub struct PublisherGuard {
    /// The logins that may publish intents; none: every login may.
    pub publishers: Vec<String>,
    /// The keys that messages may be signed with; none: they need no signature.
    pub signing_keys: Vec<SigningKey>,
}

/// Why a message is not acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardRefusal {
    /// The broker does not vouch for a login that may publish.
    NotAllowed,
    /// It has no signature by one of the keys.
    NotSigned,
}

/// What the guard looks at.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The queue's merchant.
    pub merchant: &'a str,
    /// The login that the broker vouches for: it refuses a `user_id` that is not the publisher's
    /// (RabbitMQ, "Validated User-ID").
    pub user_id: Option<&'a str>,
    /// Whether that login is our own.
    pub own: bool,
    /// The message's `message_id`.
    pub message_id: Option<&'a str>,
    /// The headers of ours, whoever wrote them.
    pub headers: &'a Headers,
    /// The body.
    pub body: &'a [u8],
}

impl PublisherGuard {
    /// Why the message is not acted on; `None` if it is. A copy of our own was let through before.
    pub fn refuses(&self, work: Work, message: Publication<'_>) -> Option<GuardRefusal> {
        if message.own && is_of_record(message.headers) {
            return None;
        }
        if !self.allows(work, message.user_id) {
            return Some(GuardRefusal::NotAllowed);
        }
        (!self.accepts_signature(message)).then_some(GuardRefusal::NotSigned)
    }

    /// Whether this login may publish: commands move no money to anyone, so every login may publish
    /// those.
    pub fn allows(&self, work: Work, user_id: Option<&str>) -> bool {
        let is_named = |user_id| self.publishers.iter().any(|login| login == user_id);
        work == Work::Commands || self.publishers.is_empty() || user_id.is_some_and(is_named)
    }

    fn accepts_signature(&self, message: Publication<'_>) -> bool {
        if self.signing_keys.is_empty() {
            return true;
        }
        let (Some(Value::Text(signature)), Some(message_id)) =
            (message.headers.get(SIGNATURE), message.message_id)
        else {
            return false;
        };
        let is_by = |key: &SigningKey| {
            let expected = key.sign(message.merchant, message_id, message.body);
            verify_slices_are_equal(expected.as_bytes(), signature.as_bytes()).is_ok()
        };
        self.signing_keys.iter().any(is_by)
    }
}

/// A key that messages are signed with, by HMAC-SHA256 (RFC 2104).
#[derive(Clone)]
pub struct SigningKey(Arc<hmac::Key>);

impl SigningKey {
    /// A key of any length.
    pub fn new(secret: &[u8]) -> Self {
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The signature of a message. It covers the merchant and the id too: otherwise whoever sees a
    /// message could have another account pay it, or pay it once more under another id.
    pub fn sign(&self, merchant: &str, message_id: &str, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        for part in [merchant.as_bytes(), b"\n", message_id.as_bytes(), b"\n", body] {
            context.update(part);
        }
        let mut text = String::from("v1=");
        for byte in context.sign().as_ref() {
            write!(text, "{byte:02x}").ok(); // a String takes everything
        }
        text
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}
