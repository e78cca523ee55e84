//! What a person asks the provider, beside the worker.
//!
//! Such a question goes out outside of the worker's limiter, which may be in another process or on
//! another machine. So it has a limit of its own, which is small enough to be left out of account:
//! one request a second for each account on this machine. It decides nothing; and it only reads, but
//! for a [bulk file](bulk) that a person sends.

mod balance;
mod bulk;
mod mask;
mod nothing_learnt;
mod pace;
mod preflight;
mod sent_note;
mod shown;
mod status_call;
mod vpas;
mod words;

use std::future::Future;
use std::path::Path;

use crate::clock::SystemClock;
use crate::config::Merchant;
use crate::domain::call::{Answer, CallResult};
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::payu::{AccountError, PayuAccount};
use crate::ports::{Provider, Token, TokenError};
use crate::telemetry::metrics::Metrics;
pub use balance::Balance;
pub use bulk::{FileError, FileShown, NamedFile, NotBegun, guards_bypassed};
pub use mask::{masked_email, masked_number, masked_text};
pub use nothing_learnt::NothingLearnt;
pub use pace::PaceError;
pub(crate) use pace::{APART, Pace};
pub use preflight::{ClockSeen, Preflight};
pub use sent_note::SentNoteError;
pub use shown::Shown;
pub use status_call::StatusCall;
pub use vpas::Vpas;

/// The turn to ask about one merchant's account.
pub struct Inquiry<'a> {
    merchant: &'a Merchant,
    account: PayuAccount<SystemClock>,
    pace: Pace,
    clock: SystemClock,
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
        let account = account(merchant, clock)?;
        let pace = Pace::take(&merchant.account.payout_merchant_id, APART, clock).await?;
        Ok(Self { merchant, account, pace, clock })
    }

    /// The same, unless somebody else has the turn.
    pub fn try_begin(merchant: &'a Merchant) -> Result<Self, InquiryError> {
        let clock = SystemClock::start();
        let account = account(merchant, clock)?;
        let pace = Pace::try_take(&merchant.account.payout_merchant_id, APART, clock)?;
        Ok(Self { merchant, account, pace, clock })
    }

    /// The file that keeps others of this machine from asking about the same account meanwhile.
    pub fn lock_file(&self) -> &Path {
        self.pace.path()
    }

    /// Asks for a reference's details, once, and then what the API's status call says of it.
    pub async fn lookup(&self, reference: &Reference) -> Shown {
        let (mut shown, token) = self.shown(reference).await;
        // Who asks for fewer requests, or does not answer, is not asked again.
        if let Some(token) = token.filter(|_| shown.lookup.is_answered()) {
            let result = self.turn(self.account.status(&token, reference)).await;
            shown.status_call.result = Some(result);
        }
        shown
    }

    /// Asks for a reference's details only, which takes a second less.
    pub async fn details(&self, reference: &Reference) -> Shown {
        self.shown(reference).await.0
    }

    async fn shown(&self, reference: &Reference) -> (Shown, Option<Token>) {
        let api = self.merchant.account.api;
        // That of the last question serves while it is good.
        let token = match self.account.token() {
            Some(token) => Ok(token),
            None => self.token().await,
        };
        let (result, token) = match token {
            Ok(token) => (self.turn(self.account.lookup(&token, reference)).await, Some(token)),
            Err(result) => (result, None),
        };
        let (status, payment) = words_of(&result);
        let lookup = Lookup::classify(result, reference, &self.merchant.rules);
        if let (Some(token), Lookup::Denied(_)) = (&token, &lookup) {
            self.account.discard(token);
        }
        let status_call = StatusCall { api, result: None };
        let shown = Shown { reference: reference.clone(), status, payment, lookup, status_call };
        (shown, token)
    }

    /// A new token, or what a call without one came to.
    async fn token(&self) -> Result<Token, CallResult> {
        let token = self.account.new_token(|| self.pace.turn()).await;
        self.pace.mark();
        token.map_err(|error| match error {
            TokenError::Refused => CallResult::TokenRefused,
            TokenError::Throttled(retry_after) => CallResult::TokenThrottled(retry_after),
            TokenError::Unavailable(why) => CallResult::NotSent(why),
        })
    }

    /// Makes a call when its turn has come.
    async fn turn<T>(&self, call: impl Future<Output = T>) -> T {
        self.pace.turn().await;
        let result = call.await;
        self.pace.mark();
        result
    }
}

fn account(
    merchant: &Merchant,
    clock: SystemClock,
) -> Result<PayuAccount<SystemClock>, AccountError> {
    PayuAccount::new(merchant, clock, Metrics::new().merchant(&merchant.name))
}

/// PayU's own words for what has become of the link and of the money: those that we do not know
/// are shown too.
fn words_of(result: &CallResult) -> (Option<String>, Option<String>) {
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
