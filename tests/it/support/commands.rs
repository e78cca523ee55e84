//! Commands as upstream publishes them.

use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::ShortString;
use serde_json::json;

/// A wish to change a link.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    /// Whose link it is.
    pub(crate) merchant: String,
    /// The reference of the link.
    pub(crate) reference: String,
    /// The command's own id, its `message_id`.
    pub(crate) id: String,
    /// What is to be done.
    pub(crate) action: Action,
}

/// What is to be done to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Cancel,
    /// Until then.
    Extend(Timestamp),
}

impl Command {
    /// Its routing key, its body and its properties.
    pub(crate) fn message(&self) -> (&str, Vec<u8>, BasicProperties) {
        let reference = &self.reference;
        let body = match self.action {
            Action::Cancel => json!({ "command": "cancel", "merchantRefId": reference }),
            Action::Extend(expiry) => json!({
                "command": "extend",
                "merchantRefId": reference,
                "expiryDate": expiry.to_string(),
            }),
        };
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_message_id(ShortString::try_new(self.id.clone()).unwrap())
            .with_delivery_mode(2);
        (&self.merchant, body.to_string().into_bytes(), properties)
    }
}
