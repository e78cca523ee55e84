//! What is published in a delivery's place.

use bytes::Bytes;

use super::desk::Desk;
use crate::domain::event::wire::CONTENT_TYPE;
use crate::domain::event::{Event, Origin};
use crate::domain::record::{Value, written};
use crate::ports::{Clock, Copied, Delivered, EventMessage, Headers, Outbox, Properties, Provider};

impl<P: Provider, O: Outbox, C: Clock> Desk<P, O, C> {
    pub(super) fn origin<'a>(&'a self, delivered: &'a Delivered) -> Origin<'a> {
        Origin {
            payout_merchant_id: &self.policy.account.payout_merchant_id,
            merchant: &self.merchant,
            message_id: delivered.properties.message_id.as_deref(),
            now: self.clock.now().wall,
        }
    }

    pub(super) fn message(&self, event: &Event<'_>, delivered: &Delivered) -> EventMessage {
        let intent = &delivered.properties;
        EventMessage {
            kind: event.kind(),
            merchant: self.merchant.clone(),
            body: Bytes::from(event.to_json()),
            properties: Properties {
                content_type: Some(CONTENT_TYPE.to_owned()),
                message_id: Some(event.id.to_string()),
                correlation_id: intent.correlation_id.clone().or_else(|| intent.message_id.clone()),
                kind: Some(event.kind().event_type().to_owned()),
                app_id: Some("smartsend".to_owned()),
                timestamp: u64::try_from(event.time.as_second()).ok(),
                traceparent: intent.traceparent.clone(),
                tracestate: intent.tracestate.clone(),
            },
        }
    }

    /// The original, with these headers of ours and no others.
    pub(super) fn copy(&self, delivered: &Delivered, headers: Headers) -> Copied {
        Copied {
            merchant: self.merchant.clone(),
            body: delivered.body.clone(),
            properties: delivered.properties.clone(),
            headers,
        }
    }

    pub(super) fn parked_copy(
        &self,
        delivered: &Delivered,
        mut headers: Headers,
        reason: &str,
        errors: Option<String>,
    ) -> Copied {
        let mut put = |name: &str, text: String| {
            headers.insert(name.to_owned(), Value::Text(text));
        };
        put("reason", reason.to_owned());
        put("parked-at", written(self.clock.now().wall));
        put("merchant", self.merchant.clone());
        if let Some(errors) = errors {
            put("errors", errors);
        }
        self.copy(delivered, headers)
    }
}
