//! One parked message, whole, for a person.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::message::{Content, Parked, UNKNOWN, plain};
use crate::amqp::ParkedMessage;
use crate::domain::command::Action;
use crate::domain::record::headers::{Value as Header, written};
use crate::inquiry::{masked_email, masked_number};

/// Headers that are shown by other names, or that hold what people have written.
const SHOWN_ELSEWHERE: [&str; 3] = ["reason", "merchant", "parked-at"];

/// What is shown of it: names and values, in order.
pub struct Shown(Vec<(String, Value)>);

impl Shown {
    /// With `reveal` also what names the customer, and the body as it is.
    pub fn of(parked: &Parked, message: &ParkedMessage, reveal: bool) -> Self {
        let mut shown = Self(Vec::new());
        shown.put("id", parked.id.as_str());
        shown.put("merchant", parked.merchant());
        shown.put("reason", parked.code());
        shown.put("kind", parked.content.work().noun());
        shown.put("parkedAt", parked.parked_at.map(written));
        let by = if parked.own { "this login" } else { "another login, or RabbitMQ itself" };
        shown.put("parkedBy", by);
        shown.put("messageId", message.properties.message_id.as_deref().map(plain));
        shown.put("correlationId", message.properties.correlation_id.as_deref().map(plain));
        shown.put("merchantRefId", parked.content.reference().map(ToString::to_string));
        shown.put_content(&parked.content, reveal);
        shown.put("bytes", message.body.len());
        for (name, value) in &message.headers {
            if SHOWN_ELSEWHERE.contains(&&**name) {
                continue;
            }
            match value {
                Header::Text(text) => shown.put(&format!("header {name}"), plain(text)),
                Header::Number(number) => shown.put(&format!("header {name}"), *number),
            }
        }
        if reveal {
            shown.put("body", plain(&String::from_utf8_lossy(&message.body)));
        }
        shown
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.push((name.to_owned(), value.into()));
    }

    fn put_content(&mut self, content: &Content, reveal: bool) {
        let masked = |text: &str, mask: fn(&str) -> String| {
            plain(&if reveal { text.to_owned() } else { mask(text) })
        };
        match content {
            Content::Intent(intent) => {
                self.put("rupees", intent.amount.to_string());
                let mobile = intent.contact.mobile();
                self.put("custMobile", mobile.map(|it| masked(it.expose(), masked_number)));
                let email = intent.contact.email();
                self.put("custEmail", email.map(|it| masked(it.expose(), masked_email)));
                self.put("deadline", intent.deadline.map(written));
                self.put("expiryDate", intent.expiry.map(written));
            }
            Content::Command(command) => match command.action {
                Action::Cancel => self.put("command", "cancel"),
                Action::Extend(expiry) => {
                    self.put("command", "extend");
                    self.put("expiryDate", written(expiry));
                }
            },
            Content::Unreadable { amount, .. } => {
                self.put("rupees", amount.map(|amount| amount.to_string()));
            }
        }
    }

    pub fn table(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let mut table = String::new();
        for (name, value) in &self.0 {
            let cell = match value {
                Value::Null if name == "rupees" => UNKNOWN.to_owned(),
                Value::Null => "-".to_owned(),
                Value::String(text) => text.clone(),
                other
                @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                    other.to_string()
                }
            };
            // Writing to a String cannot fail.
            writeln!(table, "{name:<width$}  {cell}").ok();
        }
        table
    }

    pub fn json(&self) -> Value {
        let mut headers = Map::new();
        let mut whole = Map::new();
        for (name, value) in &self.0 {
            match name.strip_prefix("header ") {
                Some(header) => headers.insert(header.to_owned(), value.clone()),
                None => whole.insert(name.clone(), value.clone()),
            };
        }
        whole.insert("headers".to_owned(), json!(headers));
        Value::Object(whole)
    }
}
