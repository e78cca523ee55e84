//! What is published.

/// The three kinds of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A link was made, or found.
    Created,
    /// There is no link, and every copy of the intent would come to the same verdict.
    Failed,
    /// Nobody but a person can tell.
    Unresolved,
}

impl EventKind {
    /// The CloudEvents type.
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Created => "smartsend.link.created",
            Self::Failed => "smartsend.link.failed",
            Self::Unresolved => "smartsend.link.unresolved",
        }
    }

    /// The routing key's part before the merchant.
    pub fn routing_word(self) -> &'static str {
        match self {
            Self::Created => "link.created",
            Self::Failed => "link.failed",
            Self::Unresolved => "link.unresolved",
        }
    }
}
