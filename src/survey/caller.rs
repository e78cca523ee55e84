//! One request at a time, at an inquiry's pace.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use crate::clock::SystemClock;
use crate::config::{CancelAs, Merchant};
use crate::domain::call::{Answer, CallResult, NotSent, RetryAfter};
use crate::domain::classify::ClassifyRules;
use crate::domain::customer::Private;
use crate::inquiry::{InquiryError, Pace};
use crate::payu::PayuAccount;
use crate::payu::trial::{Trial, Tried};
use crate::payu::wire::Granted;
use crate::ports::{Clock, Token, TokenError};
use crate::telemetry::metrics::Metrics;

/// How long to wait after a 429 that does not say.
const PAUSE: Duration = Duration::from_secs(5);

/// The longest pause that is kept; who waits for the survey would not wait longer.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// A signal came before the request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interrupted;

/// What was asked, and when it was sent and answered, on the steady clock.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) tried: Tried,
    pub(super) sent_at: Duration,
    pub(super) answered_at: Duration,
}

pub(super) struct Caller {
    /// What answers mean for this merchant.
    pub(super) rules: ClassifyRules,
    /// How the merchant is set to name the reference of a cancel.
    pub(super) cancel_as: CancelAs,
    /// One for each way to name the reference of a cancel.
    by_query: PayuAccount<SystemClock>,
    by_form: PayuAccount<SystemClock>,
    pace: Pace,
    clock: SystemClock,
    token: Option<Token>,
    /// No request before, since PayU asked for a pause.
    resumes_at: Duration,
    stop: CancellationToken,
}

impl Caller {
    /// Waits for the account's turn, which lasts until this is dropped.
    pub(super) async fn begin(
        merchant: &Merchant,
        apart: Duration,
        stop: CancellationToken,
    ) -> Result<Self, InquiryError> {
        let clock = SystemClock::start();
        let account = |cancel_as| {
            let merchant = Merchant { cancel_as, ..merchant.clone() };
            let metrics = Metrics::new().merchant(&merchant.name);
            PayuAccount::new(&merchant, clock, metrics)
        };
        let (by_query, by_form) = (account(CancelAs::Query)?, account(CancelAs::Form)?);
        let pace = Pace::take(&merchant.account.payout_merchant_id, apart, clock).await?;
        Ok(Self {
            rules: merchant.rules.clone(),
            cancel_as: merchant.cancel_as,
            by_query,
            by_form,
            pace,
            clock,
            token: None,
            resumes_at: Duration::ZERO,
            stop,
        })
    }

    /// The file that keeps others of this machine from asking meanwhile.
    pub(super) fn lock_file(&self) -> &Path {
        self.pace.path()
    }

    pub(super) fn clock(&self) -> SystemClock {
        self.clock
    }

    pub(super) fn use_token(&mut self, bearer: Private) {
        self.token = Some(Token { issue: 0, bearer });
    }

    /// From here on nothing but `stop` stops it.
    pub(super) fn stop_by(&mut self, stop: CancellationToken) {
        self.stop = stop;
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    pub(super) async fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        let slept = self.stop.run_until_cancelled(self.clock.sleep(duration)).await;
        slept.ok_or(Interrupted)
    }

    /// Asks for a token.
    pub(super) async fn grant(
        &self,
        refresh: Option<&Private>,
    ) -> Result<Result<Granted, TokenError>, Interrupted> {
        self.turn().await?;
        let granted = self.by_query.grant(refresh).await;
        self.pace.mark();
        Ok(granted)
    }

    /// Makes a call. One that is turned away for its token, which another program may have ended,
    /// is made again with a new one.
    pub(super) async fn ask(&mut self, trial: Trial<'_>) -> Result<Asked, Interrupted> {
        self.ask_by(trial, self.cancel_as).await
    }

    /// The same; a cancel names the reference this way.
    pub(super) async fn ask_by(
        &mut self,
        trial: Trial<'_>,
        way: CancelAs,
    ) -> Result<Asked, Interrupted> {
        let Some(token) = self.token.clone() else {
            let now = self.clock.now().steady;
            let tried = Tried { result: CallResult::NotSent(NotSent::NoToken), shape: None };
            return Ok(Asked { tried, sent_at: now, answered_at: now });
        };
        let asked = self.ask_with(&token, trial, way).await?;
        if !is_status(&asked.tried, 401) {
            return Ok(asked);
        }
        match self.grant(None).await? {
            Ok(granted) => {
                let token = Token { issue: 0, bearer: granted.bearer };
                self.token = Some(token.clone());
                self.ask_with(&token, trial, way).await
            }
            Err(_) => Ok(asked),
        }
    }

    /// The same with a token of the caller's.
    pub(super) async fn ask_with(
        &mut self,
        token: &Token,
        trial: Trial<'_>,
        way: CancelAs,
    ) -> Result<Asked, Interrupted> {
        self.turn().await?;
        let sent_at = self.clock.now().steady;
        let tried = self.account(way).attempt(token, trial).await;
        self.pace.mark();
        let answered_at = self.clock.now().steady;
        if let Some(pause) = self.pause_after(&tried) {
            self.resumes_at = answered_at.saturating_add(pause);
        }
        Ok(Asked { tried, sent_at, answered_at })
    }

    /// Makes a call at once, whatever the pace.
    pub(super) async fn ask_unpaced(&self, trial: Trial<'_>) -> Option<Tried> {
        Some(self.by_query.attempt(self.token.as_ref()?, trial).await)
    }

    fn account(&self, way: CancelAs) -> &PayuAccount<SystemClock> {
        match way {
            CancelAs::Query => &self.by_query,
            CancelAs::Form => &self.by_form,
        }
    }

    async fn turn(&self) -> Result<(), Interrupted> {
        let now = self.clock.now().steady;
        self.sleep(self.resumes_at.saturating_sub(now)).await?;
        // A stop that came already must win over a turn that is free.
        if self.is_stopped() {
            return Err(Interrupted);
        }
        self.stop.run_until_cancelled(self.pace.turn()).await.ok_or(Interrupted)
    }

    fn pause_after(&self, tried: &Tried) -> Option<Duration> {
        let CallResult::Answered(Answer { status: 429, retry_after, .. }) = &tried.result else {
            return None;
        };
        let pause = match retry_after {
            None => PAUSE,
            Some(RetryAfter::In(pause)) => *pause,
            Some(RetryAfter::At(time)) => {
                let pause: SignedDuration = time.duration_since(self.clock.now().wall);
                Duration::try_from(pause).unwrap_or_default()
            }
        };
        Some(pause.min(PAUSE_MAX))
    }
}

pub(super) fn is_status(tried: &Tried, wanted: u16) -> bool {
    matches!(&tried.result, CallResult::Answered(Answer { status, .. }) if *status == wanted)
}
