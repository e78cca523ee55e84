//! What an account answers before anything is sent to it.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::{Inquiry, NothingLearnt};
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::payu::TokenSeen;
use crate::payu::wire::AccountDetail;
use crate::ports::{Clock, Provider, Token};

/// What was seen, as far as it went: each step needs the one before.
#[derive(Clone, Debug)]
pub struct Preflight {
    pub token: TokenSeen,
    /// By the last answer with a `Date`.
    pub clock: Option<ClockSeen>,
    /// Of a reference that nobody has used.
    pub lookup: Option<Lookup>,
    pub account: Option<Result<AccountDetail, NothingLearnt>>,
}

/// The server's clock, and ours before and after its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSeen {
    pub date: Timestamp,
    pub sent: Timestamp,
    pub answered: Timestamp,
}

impl Inquiry<'_> {
    /// Asks for a token, for a reference and for the account, each once and at the pace.
    pub async fn preflight(&self, reference: &Reference) -> Preflight {
        let mut clock = None;
        let (token, sent, answered) = self.timed(self.account.token_once()).await;
        note(&mut clock, token.date, sent, answered);
        let mut seen = Preflight { token, clock, lookup: None, account: None };
        let Ok(granted) = &seen.token.granted else { return seen };
        let token = Token { issue: 0, bearer: granted.bearer.clone() };
        let result = self.turn(self.account.lookup(&token, reference)).await;
        let lookup = Lookup::classify(result, reference, &self.merchant.rules);
        // Who asks for fewer requests, or does not answer, is not asked again.
        if lookup.is_answered() {
            let asked = self.timed(self.account.account_detail(&token)).await;
            let (asked, sent, answered) = asked;
            note(&mut seen.clock, asked.date, sent, answered);
            seen.account = Some(NothingLearnt::unless(asked));
        }
        seen.lookup = Some(lookup);
        seen
    }

    /// Makes a call when its turn has come, and says when it was sent and answered.
    async fn timed<T>(&self, call: impl Future<Output = T>) -> (T, Timestamp, Timestamp) {
        self.pace.turn().await;
        let sent = self.clock.now().wall;
        let result = call.await;
        self.pace.mark();
        (result, sent, self.clock.now().wall)
    }
}

fn note(
    clock: &mut Option<ClockSeen>,
    date: Option<Timestamp>,
    sent: Timestamp,
    answered: Timestamp,
) {
    if let Some(date) = date {
        *clock = Some(ClockSeen { date, sent, answered });
    }
}

impl ClockSeen {
    /// How far our clock is ahead of the server's at least; negative if it is behind. A `Date` is
    /// whole seconds, and was written somewhere between the request and the answer.
    pub fn ahead(&self) -> SignedDuration {
        let date_end = self.date.saturating_add(SignedDuration::from_secs(1));
        let date_end = date_end.unwrap_or(Timestamp::MAX);
        if self.sent > date_end {
            self.sent.duration_since(date_end)
        } else if self.answered < self.date {
            self.answered.duration_since(self.date)
        } else {
            SignedDuration::ZERO
        }
    }
}
