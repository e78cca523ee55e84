//! Asking PayU directly, beside the worker.

use super::exit::{CommandError, Exit, complain};
use crate::config::Merchant;
use crate::inquiry::{Inquiry, InquiryError, NothingLearnt};

/// Waits for the turn to ask, and says that somebody asks.
pub(super) async fn begin(merchant: &Merchant) -> Result<Inquiry<'_>, CommandError> {
    let inquiry = Inquiry::begin(merchant).await.map_err(|error| match error {
        InquiryError::Account(_) => CommandError::usage(error),
        InquiryError::Pace(_) => CommandError::failed(error),
    })?;
    complain(&format_args!(
        "asking PayU outside of the worker's limiter, at most once a second for the account {} ({})",
        merchant.account.payout_merchant_id,
        inquiry.lock_file().display()
    ));
    Ok(inquiry)
}

/// Says why nothing can be shown of what was asked about.
pub(super) fn nothing(about: &str, why: &NothingLearnt) -> Exit {
    complain(&format_args!("{about}: {}", why.why()));
    if why.is_unanswered() { Exit::WorkLeft } else { Exit::Failed }
}
