//! The events of commands.
//!
//! Nobody who learns of a change knows what the link's intent said. So their ids are made of the
//! reference, the type, and what distinguishes two changes of one type: a cancel by this worker and one
//! by the merchant's dashboard make one event.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::wire::Reason;
use super::{Event, EventResult, NAMESPACE, Name, Origin, Subject};
use crate::domain::command::{Action, Command, InvalidCommand};
use crate::domain::dead_letter::PutAside;
use crate::domain::publisher_guard::GuardRefusal;
use crate::domain::record::headers::written;
use crate::domain::reference::Reference;
use crate::domain::verdict::CommandVerdict;

static NO_METADATA: BTreeMap<String, String> = BTreeMap::new();

impl<'a> Event<'a> {
    /// The event for the verdict on a command with this body.
    pub fn of_command(
        command: &'a Command,
        verdict: CommandVerdict,
        body: &[u8],
        origin: Origin<'_>,
    ) -> Self {
        let result = match (verdict, command.action) {
            (CommandVerdict::Cancelled(shown), _) => EventResult::Cancelled(shown),
            (CommandVerdict::Extended(shown), _) => EventResult::Extended(shown),
            (CommandVerdict::Failed { why, shown }, Action::Cancel) => {
                EventResult::CancelFailed { reason: why.reason(), shown }
            }
            (CommandVerdict::Failed { why, shown }, Action::Extend(_)) => {
                EventResult::ExtendFailed { reason: why.reason(), shown }
            }
            (CommandVerdict::Unresolved(why), _) => EventResult::CommandUnresolved(why.reason()),
        };
        let discriminator = match (&result, command.action) {
            (EventResult::Cancelled(_), _) => String::new(),
            (EventResult::Extended(_), Action::Extend(expiry)) => written(expiry),
            _ => message_id(body, origin),
        };
        Self::of_life(Some(&command.reference), result, &discriminator, body, origin)
    }

    /// The event for a body that is not a valid command.
    pub fn of_invalid_command(
        invalid: &'a InvalidCommand,
        body: &[u8],
        origin: Origin<'_>,
    ) -> Self {
        let reason = if invalid.is_intent {
            Reason::wrong_queue()
        } else {
            Reason::invalid_command(invalid.errors.clone())
        };
        let result = EventResult::CommandUnresolved(reason);
        let discriminator = message_id(body, origin);
        Self::of_life(invalid.reference.as_ref(), result, &discriminator, body, origin)
    }

    /// The event for a command that the guard does not let through.
    pub fn of_refused_command(
        command: &'a Command,
        why: GuardRefusal,
        body: &[u8],
        origin: Origin<'_>,
    ) -> Self {
        let result = EventResult::CommandUnresolved(why.reason());
        let discriminator = message_id(body, origin);
        Self::of_life(Some(&command.reference), result, &discriminator, body, origin)
    }

    /// The event for a command that the broker put aside.
    pub(super) fn of_dead_command(
        command: Result<&'a Command, &'a InvalidCommand>,
        why: PutAside,
        body: &[u8],
        origin: Origin<'_>,
    ) -> Self {
        match (command, why) {
            (Err(invalid), PutAside::DeadLettered) => {
                Self::of_invalid_command(invalid, body, origin)
            }
            (command, why) => {
                let reference = match command {
                    Ok(command) => Some(&command.reference),
                    Err(invalid) => invalid.reference.as_ref(),
                };
                let result = EventResult::CommandUnresolved(why.reason());
                Self::of_life(reference, result, &message_id(body, origin), body, origin)
            }
        }
    }

    fn of_life(
        reference: Option<&'a Reference>,
        result: EventResult,
        discriminator: &str,
        body: &[u8],
        origin: Origin<'_>,
    ) -> Self {
        let event_type = result.kind().event_type();
        let named = reference.map_or("", Reference::as_str);
        let head = format!("life\n{}\n{named}\n{event_type}\n{discriminator}", origin.merchant);
        let subject = Subject {
            reference,
            amount: None,
            description: None,
            name: None,
            mobile: None,
            email: None,
            metadata: &NO_METADATA,
        };
        let id = Name { head, tail: None }.id(None);
        Self::with_ids(id, message_id(body, origin), subject, result, origin)
    }
}

/// The command's `message_id`, or else an id made of its bytes.
fn message_id(body: &[u8], origin: Origin<'_>) -> String {
    let of_bytes = || Uuid::new_v5(&NAMESPACE, body).to_string();
    origin.message_id.map_or_else(of_bytes, ToOwned::to_owned)
}
