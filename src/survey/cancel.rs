//! Cancelling a link of one's own, in each of the ways that PayU's pages name.

use std::time::Duration;

use super::called::Called;
use super::caller::{Caller, Interrupted};
use super::observed::{CancelEnd, Cancelled, Sight};
use super::watch::Watch;
use crate::config::CancelAs;
use crate::domain::call::CallResult;
use crate::domain::classify::link_status::LinkStatus;
use crate::domain::classify::manage::ManageOutcome;
use crate::domain::command::{Action, Command};
use crate::domain::reference::Reference;
use crate::payu::trial::Trial;

/// "Payout cannot be cancelled as it is already processed or cancelled".
const PROCESSED_OR_CANCELLED: i64 = 1110;

/// "Payout transaction already cancelled", which has no code.
const ALREADY_CANCELLED: &str = "already cancelled";

/// Cancels the link of a reference: as the merchant is set to, twice, since PayU may answer that
/// its payout is in progress; then in the other way. Waits so long for details to show it.
pub(super) async fn cancel(
    caller: &mut Caller,
    reference: &Reference,
    wait: Duration,
) -> Result<Cancelled, Interrupted> {
    let set = caller.cancel_as;
    let other = match set {
        CancelAs::Query => CancelAs::Form,
        CancelAs::Form => CancelAs::Query,
    };
    let command = Command { reference: reference.clone(), action: Action::Cancel };
    let mut tries = Vec::new();
    let mut may_be_done = false;
    for way in [set, set, other] {
        let asked = caller.ask_by(Trial::Change(&command), way).await?;
        let outcome = ManageOutcome::classify(asked.tried.result.clone(), reference);
        let is_accepted =
            outcome == ManageOutcome::Done || may_be_done && says_cancelled(&asked.tried.result);
        may_be_done |= matches!(outcome, ManageOutcome::Unknown(_) | ManageOutcome::Refused(None));
        tries.push((way, Called::of(&asked.tried)));
        let limit = if is_accepted { wait } else { Duration::ZERO };
        let watch = Watch { reference, since: asked.answered_at, limit };
        let shows = |status| matches!(status, LinkStatus::Cancelled);
        let (sight, _) = watch.until(caller, |details| shows(details.status)).await?;
        let end = match sight {
            Sight::Seen(late) => CancelEnd::Shown(way, late),
            Sight::Unseen(_) | Sight::Unanswered(_) if is_accepted => {
                CancelEnd::Accepted(way, limit)
            }
            Sight::Unseen(_) | Sight::Unanswered(_) => continue,
        };
        return Ok(Cancelled { tries, end });
    }
    Ok(Cancelled { tries, end: CancelEnd::Not })
}

/// Whether a cancel of a second link of a reference was accepted.
pub(super) async fn cancel_again(
    caller: &mut Caller,
    reference: &Reference,
    way: CancelAs,
) -> Result<bool, Interrupted> {
    let command = Command { reference: reference.clone(), action: Action::Cancel };
    let asked = caller.ask_by(Trial::Change(&command), way).await?;
    Ok(ManageOutcome::classify(asked.tried.result, reference) == ManageOutcome::Done)
}

/// Whether it is refused as done before. Nobody else has the link, so that it is not "processed";
/// but an account that cannot cancel at all might get this too, so it counts only after a call that
/// may have done it.
fn says_cancelled(result: &CallResult) -> bool {
    let CallResult::Answered(answer) = result else { return false };
    answer.envelope.as_ref().is_some_and(|envelope| {
        let says = |text: &str| text.to_ascii_lowercase().contains(ALREADY_CANCELLED);
        envelope.codes.contains(&PROCESSED_OR_CANCELLED)
            || envelope.texts.iter().any(|text| says(text.expose()))
    })
}
