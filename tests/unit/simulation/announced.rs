//! An event, as the oracle and the trace read it.

use serde_json::Value as Json;
use smartsend::domain::event::EventKind;
use smartsend::ports::EventMessage;

/// What an event says.
pub(super) struct Announced {
    pub(super) kind: EventKind,
    /// The reason's code, if there is one.
    pub(super) code: String,
    pub(super) attempts: Option<u64>,
    pub(super) data: Json,
}

impl Announced {
    pub(super) fn of(event: &EventMessage) -> Self {
        let json: Json = serde_json::from_slice(&event.body).unwrap();
        let data = json["data"].clone();
        let code = data["reason"]["code"].as_str().unwrap_or_default().to_owned();
        Self { kind: event.kind, code, attempts: data["attempts"].as_u64(), data }
    }

    pub(super) fn ends_without_a_link(&self) -> bool {
        self.kind != EventKind::Created
    }

    /// Whether the event alone replaces a delivery: the others are parked as well.
    pub(super) fn is_enough(&self) -> bool {
        match self.kind {
            EventKind::Created
            | EventKind::Failed
            | EventKind::Cancelled
            | EventKind::Extended
            | EventKind::CancelFailed
            | EventKind::ExtendFailed => true,
            EventKind::Rejected | EventKind::Unresolved | EventKind::CommandUnresolved => false,
        }
    }
}
