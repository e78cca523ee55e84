//! The table of event kinds.

use crate::domain::work::Work;

/// A kind of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventKind {
    /// A link was made, or found.
    Created,
    /// The reference has no link and gets none.
    Failed,
    /// The message is not acted on; its reference may have a link by another one.
    Rejected,
    /// Only a person can decide.
    Unresolved,
    /// The link is cancelled, whoever did it.
    Cancelled,
    /// The link expires when a command asked for.
    Extended,
    /// A cancel was not done, and will not be.
    CancelFailed,
    /// An extend was not done, and will not be.
    ExtendFailed,
    /// Only a person can decide how a command ended.
    CommandUnresolved,
}

/// What is fixed about a kind.
struct Row {
    /// The CloudEvents type.
    event_type: &'static str,
    /// Its name in logs, metrics and summaries.
    outcome: &'static str,
    /// Whether the reason's code is part of the event's id: one intent can have several events of
    /// this kind, which say different things.
    reason_in_id: bool,
}

/// What every type begins with.
const TYPE_PREFIX: &str = "smartsend.";

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Created,
        Self::Failed,
        Self::Rejected,
        Self::Unresolved,
        Self::Cancelled,
        Self::Extended,
        Self::CancelFailed,
        Self::ExtendFailed,
        Self::CommandUnresolved,
    ];
    /// How an intent can end.
    pub const OF_INTENTS: [Self; 4] =
        [Self::Created, Self::Failed, Self::Rejected, Self::Unresolved];
    /// How a command can end.
    pub const OF_COMMANDS: [Self; 5] = [
        Self::Cancelled,
        Self::Extended,
        Self::CancelFailed,
        Self::ExtendFailed,
        Self::CommandUnresolved,
    ];

    /// How one of this work can end.
    pub fn of(work: Work) -> &'static [Self] {
        match work {
            Work::Intents => &Self::OF_INTENTS,
            Work::Commands => &Self::OF_COMMANDS,
        }
    }

    const fn row(self) -> Row {
        let (event_type, outcome, reason_in_id) = match self {
            Self::Created => ("smartsend.link.created", "created", false),
            Self::Failed => ("smartsend.link.failed", "failed", false),
            Self::Rejected => ("smartsend.intent.rejected", "rejected", true),
            Self::Unresolved => ("smartsend.link.unresolved", "unresolved", true),
            Self::Cancelled => ("smartsend.link.cancelled", "cancelled", false),
            Self::Extended => ("smartsend.link.extended", "extended", false),
            Self::CancelFailed => ("smartsend.link.cancel_failed", "cancel_failed", false),
            Self::ExtendFailed => ("smartsend.link.extend_failed", "extend_failed", false),
            Self::CommandUnresolved => ("smartsend.command.unresolved", "unresolved", false),
        };
        Row { event_type, outcome, reason_in_id }
    }

    /// The kind with this CloudEvents type, if there is one.
    pub fn find(event_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.event_type() == event_type)
    }

    /// The CloudEvents type.
    pub const fn event_type(self) -> &'static str {
        self.row().event_type
    }

    /// Its name in logs, metrics and summaries.
    pub const fn outcome(self) -> &'static str {
        self.row().outcome
    }

    /// The type without `smartsend.`, which a routing key begins with.
    pub fn routing_word(self) -> &'static str {
        self.event_type().trim_start_matches(TYPE_PREFIX)
    }

    /// The routing key of a merchant's events of this kind.
    pub fn routing_key(self, merchant: &str) -> String {
        format!("{}.{merchant}", self.routing_word())
    }

    /// The kind's name in an event's id.
    pub(super) fn name_in_id(self, code: Option<&str>) -> String {
        let Row { event_type, reason_in_id, .. } = self.row();
        match code {
            Some(code) if reason_in_id => format!("{event_type}/{code}"),
            Some(_) | None => event_type.to_owned(),
        }
    }
}
