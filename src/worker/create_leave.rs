//! The last things that may keep a create from being sent, and what it takes up.

use std::time::Duration;

use super::context::MerchantContext;
use super::dedup::Inserted;
use super::pause::{Allowance, Paused};
use super::spend_guard::Counted;
use crate::domain::classify::create::Outcome;
use crate::domain::decide::{CreateCall, Interrupted};
use crate::domain::reference::Reference;
use crate::ports::Ports;

/// What a create that is about to be sent takes up.
pub(super) struct CreateLeave {
    inserted: Inserted,
    counted: Option<Counted>,
    allowance: Option<Allowance>,
}

impl<P: Ports> MerchantContext<P> {
    /// Takes up what a create needs, right before its first byte leaves.
    pub(super) fn leave_to_create(
        &self,
        call: &CreateCall<'_>,
        now: Duration,
    ) -> Result<CreateLeave, Interrupted> {
        let reference = &call.intent().reference;
        let allowance = self.pause_switch.pass().map_err(|Paused| Interrupted::Paused)?;
        let inserted = self.dedup.insert(reference, now);
        let mut leave = CreateLeave { inserted, counted: None, allowance };
        if inserted == Inserted::Full {
            self.give_back(leave, reference);
            return Err(Interrupted::CacheFull);
        }
        let Ok(counted) = self.spend(call) else {
            self.give_back(leave, reference);
            return Err(Interrupted::LimitReached);
        };
        leave.counted = counted;
        Ok(leave)
    }

    /// Gives back what a create has not used. Only its own result removes its reference: a lookup that
    /// could not be sent says nothing of what was sent before it.
    pub(super) fn create_ended(
        &self,
        mut leave: CreateLeave,
        reference: &Reference,
        outcome: &Outcome,
    ) {
        if outcome.is_unsent() {
            self.give_back(leave, reference);
        } else if let Some(counted) = leave.counted.take_if(|_| !outcome.may_have_spent()) {
            self.take_back(&counted);
        }
    }

    fn give_back(&self, leave: CreateLeave, reference: &Reference) {
        let CreateLeave { inserted, counted, allowance } = leave;
        if inserted == Inserted::New {
            self.dedup.forget(reference);
        }
        if let Some(counted) = counted {
            self.take_back(&counted);
        }
        if let Some(allowance) = allowance {
            self.pause_switch.give_back(allowance);
        }
    }
}
