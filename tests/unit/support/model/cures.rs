//! Cures against what can go wrong with a command or with a store, taken out of the real worker
//! without a change to it: what it sees is falsified, and nobody else sees that.

use smartsend::domain::call::CallResult;
use smartsend::domain::command::{Action, Command};
use smartsend::domain::reference::Reference;

use super::smart_send::SmartSend;

/// What a worker does without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cure {
    /// Details decides: without it a cancel is done that was accepted.
    DetailsDecides,
    /// A lost answer means nothing: without it such a cancel is done.
    LostIsUnknown,
    /// A word that is in no list closes no link: without it the link is claimed.
    UnlistedIsOpen,
    /// A payment counts more than the link's own word: without it no payment is seen.
    PaymentCounts,
    /// Not found means not yet: without it the link is gone.
    NotFoundIsNotYet,
    /// What may still take effect is waited for.
    EffectsMayBeLate,
    /// A claim is on the disk before the row is delivered: without it a kill undoes it.
    ClaimComesFirst,
    /// What is found claimed may have been sent: without it the row is as new.
    ClaimIsRemembered,
    /// What is known of a row is kept while it waits: without it a kill makes it new.
    RecordIsKept,
}

impl SmartSend {
    /// A worker has sent a command, and seen this.
    pub(super) fn heard(&self, command: &Command, result: &CallResult) {
        let mut state = self.lock();
        let is_taken_for_done = match (state.without, result) {
            (Some(Cure::DetailsDecides), CallResult::Answered(answer)) => {
                answer.envelope.as_ref().is_some_and(|envelope| envelope.status == 0)
            }
            (Some(Cure::LostIsUnknown), CallResult::NoAnswer(_)) => true,
            (_, _) => false,
        };
        if is_taken_for_done && command.action == Action::Cancel {
            state.taken_for_done.insert(command.reference.to_string());
        }
    }

    /// What a worker of commands sees of a lookup.
    pub(super) fn falsified(&self, reference: &Reference, mut result: CallResult) -> CallResult {
        let state = self.lock();
        let CallResult::Answered(answer) = &mut result else { return result };
        let Some(envelope) = &mut answer.envelope else { return result };
        if envelope.status != 0 {
            if state.without == Some(Cure::NotFoundIsNotYet) {
                envelope.status = 0;
                envelope.data.link_status = Some("EXPIRED".to_owned());
            }
            return result;
        }
        let is_unlisted = envelope.data.link_status.as_deref() == Some("ACTIVE");
        if state.taken_for_done.contains(reference.as_str()) {
            envelope.data.link_status = Some("CANCELLED".to_owned());
        }
        match state.without {
            Some(Cure::UnlistedIsOpen) if is_unlisted => {
                envelope.data.link_status = Some("INITIATED".to_owned());
            }
            Some(Cure::PaymentCounts) => envelope.data.payment_status = None,
            _ => {}
        }
        result
    }
}
