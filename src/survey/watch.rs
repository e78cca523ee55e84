//! Looking a reference up until details shows what is waited for.

use std::time::Duration;

use super::called::Called;
use super::caller::{Caller, Interrupted};
use super::observed::{Lateness, Sight};
use crate::domain::call::CallResult;
use crate::domain::classify::link_status::Approval;
use crate::domain::classify::lookup::{Details, Lookup};
use crate::domain::reference::Reference;
use crate::payu::trial::Trial;

/// Whose details are looked at, and how late they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch<'a> {
    pub(super) reference: &'a Reference,
    /// When it was done, on the steady clock.
    pub(super) since: Duration,
    /// How long to wait for it; one lookup is always made.
    pub(super) limit: Duration,
}

/// What a lookup showed.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) details: Details,
    /// As its status says, also where the link is not shown.
    pub(super) approval: Approval,
}

impl Watch<'_> {
    /// How late details showed it, and those details.
    pub(super) async fn until(
        self,
        caller: &mut Caller,
        shows: impl Fn(&Details) -> bool,
    ) -> Result<(Sight, Option<Found>), Interrupted> {
        let mut not_before = Duration::ZERO;
        loop {
            let asked = caller.ask(Trial::Lookup(self.reference)).await?;
            let came = Called::of(&asked.tried);
            let by = asked.answered_at.saturating_sub(self.since);
            let approval = approval_of(&asked.tried.result);
            let lookup = Lookup::classify(asked.tried.result, self.reference, &caller.rules);
            let sight = match lookup {
                Lookup::Found(details) if shows(&details) => {
                    let found = Found { details, approval };
                    return Ok((Sight::Seen(Lateness { not_before, by }), Some(found)));
                }
                Lookup::Found(_) | Lookup::NotFound => {
                    not_before = asked.sent_at.saturating_sub(self.since);
                    Sight::Unseen(by)
                }
                Lookup::Failed(_)
                | Lookup::NoToken(_)
                | Lookup::Throttled(_)
                | Lookup::Denied(_) => Sight::Unanswered(came),
            };
            if by >= self.limit {
                return Ok((sight, None));
            }
        }
    }
}

fn approval_of(result: &CallResult) -> Approval {
    let CallResult::Answered(answer) = result else { return Approval::Unknown };
    let status = answer.envelope.as_ref().and_then(|it| it.data.link_status.as_deref());
    Approval::read(status)
}
