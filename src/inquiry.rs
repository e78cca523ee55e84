//! What a person asks the provider, beside the worker.
//!
//! Such a question goes out outside of the worker's limiter, which may be in another process or on
//! another machine. So it has a limit of its own, which is small enough to be left out of account:
//! one request a second for each account on this machine. It only reads, and decides nothing.

mod pace;
mod shown;

use std::path::Path;

use crate::clock::SystemClock;
use crate::config::Merchant;
use crate::domain::call::{Answer, CallResult};
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::payu::{AccountError, PayuAccount};
use crate::ports::{Provider, TokenError};
use crate::telemetry::metrics::Metrics;
pub use pace::PaceError;
pub(crate) use pace::{APART, Pace};
pub use shown::{Shown, masked_email, masked_mobile};

/// The turn to ask about one merchant's account.
pub struct Inquiry<'a> {
    merchant: &'a Merchant,
    account: PayuAccount<SystemClock>,
    pace: Pace,
}

/// Why nothing can be asked.
#[derive(Debug, thiserror::Error)]
pub enum InquiryError {
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Pace(#[from] PaceError),
}

impl<'a> Inquiry<'a> {
    /// Waits for the turn, which lasts until this is dropped.
    pub async fn begin(merchant: &'a Merchant) -> Result<Self, InquiryError> {
        let clock = SystemClock::start();
        let metrics = Metrics::new().merchant(&merchant.name);
        let account = PayuAccount::new(merchant, clock, metrics)?;
        let pace = Pace::take(&merchant.account.payout_merchant_id, APART, clock).await?;
        Ok(Self { merchant, account, pace })
    }

    /// The file that keeps others of this machine from asking about the same account meanwhile.
    pub fn lock_file(&self) -> &Path {
        self.pace.path()
    }

    /// Asks for a reference's details, once.
    pub async fn lookup(&self, reference: &Reference) -> Shown {
        let token = self.account.new_token(|| self.pace.turn()).await;
        self.pace.mark();
        let result = match token {
            Ok(token) => {
                self.pace.turn().await;
                let result = self.account.lookup(&token, reference).await;
                self.pace.mark();
                result
            }
            Err(TokenError::Refused) => CallResult::TokenRefused,
            Err(TokenError::Throttled(retry_after)) => CallResult::TokenThrottled(retry_after),
            Err(TokenError::Unavailable(why)) => CallResult::NotSent(why),
        };
        let (status, payment) = words(&result);
        let lookup = Lookup::classify(result, reference, &self.merchant.rules);
        Shown { reference: reference.clone(), status, payment, lookup }
    }
}

/// PayU's own words for what has become of the link and of the money: those that we do not know
/// are shown too.
fn words(result: &CallResult) -> (Option<String>, Option<String>) {
    match result {
        CallResult::Answered(Answer { envelope: Some(envelope), .. }) => {
            let data = &envelope.data;
            (data.link_status.clone(), data.payment_status.clone())
        }
        CallResult::Answered(_)
        | CallResult::NotSent(_)
        | CallResult::NoAnswer(_)
        | CallResult::TokenRefused
        | CallResult::TokenThrottled(_) => (None, None),
    }
}
