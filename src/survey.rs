//! Finds out, by a few links of one rupee to a contact of one's own, what PayU's documentation
//! leaves open about an account.
//!
//! No decision makes its calls: a worker would never send a reference twice to see what happens. So
//! it is for a test account, with its worker stopped. It keeps the pace of an inquiry, except where it
//! looks for the rate; every reference is entered before its create is sent, and cancelled at the
//! end, or named.

mod called;
mod caller;
mod cancel;
mod finding;
mod findings;
mod hosts;
mod made;
mod observed;
mod present;
mod question;
mod rate;
mod reading;
mod report;
mod steps;
mod tokens;
mod watch;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Merchant;
use crate::domain::amount::Amount;
use crate::domain::customer::{Contact, Private};
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;
use crate::inquiry::{APART, InquiryError};
use crate::ports::Clock;
use caller::Caller;
use made::Made;
use steps::Steps;

pub use called::{Called, Came};
pub use finding::Finding;
pub use findings::findings;
pub use hosts::production_hosts;
pub use observed::{
    CancelEnd, Cancelled, Extended, Fresh, Lateness, LinkHost, Observed, Printed, RateEnd,
    RateSeen, Refresh, Refusal, Repeat, RepeatEnd, SecondToken, Shown, Sight,
};
pub use present::Present;
pub use question::Question;
pub use rate::paces;
pub use report::Report;
pub use steps::Halt;

/// The most links that one survey makes, one for each create: of the first reference a first, one
/// while it has a link and one after that was cancelled; and one without a contact, if PayU takes it.
pub const LINKS_MAX: usize = 4;

/// PayU writes to nobody about a link without a contact.
pub const ANNOUNCED_MAX: usize = 3;

/// What is surveyed, and how.
pub struct Survey<'a, N> {
    pub merchant: &'a Merchant,
    /// Whom PayU writes to.
    pub contact: Contact,
    pub name: Private,
    /// How long details may take to show something.
    pub wait: Duration,
    /// The least time from an answer to the next request.
    pub apart: Duration,
    /// Up to how many lookups per second to look for the rate; `None` to leave that out.
    pub ceiling: Option<u32>,
    /// Ends the questions; what was made is cancelled all the same.
    pub stop: CancellationToken,
    /// Ends that too.
    pub abort: CancellationToken,
    /// Shows the person who waits how far it is.
    pub note: N,
}

/// The time from an answer to the next request that every tool keeps.
pub const PACE: Duration = APART;

impl<N: Fn(&str)> Survey<'_, N> {
    pub async fn run(&self) -> Result<Report, InquiryError> {
        let caller = Caller::begin(self.merchant, self.apart, self.stop.clone()).await?;
        (self.note)(&format!(
            "asking PayU outside of the worker's limiter, at most once a second for the account {} \
             ({})",
            self.merchant.account.payout_merchant_id,
            caller.lock_file().display()
        ));
        let [main, refused] = self.intents(&caller);
        let mut steps = Steps {
            caller,
            main: &main,
            refused: &refused,
            wait: self.wait,
            ceiling: self.ceiling,
            observed: Observed::default(),
            made: Made::default(),
            note: &self.note,
        };
        let mut halt = steps.run().await.err();
        steps.caller.stop_by(self.abort.clone());
        // If it is ended, what remains says so.
        let cleaned = self.abort.run_until_cancelled(steps.clean_up()).await;
        if cleaned != Some(Ok(())) {
            halt = Some(Halt::Interrupted);
        } else if halt.is_none() {
            steps.caller.stop_by(self.stop.clone());
            halt = steps.find_rate().await.err().map(Halt::from);
        }
        Ok(Report {
            merchant: self.merchant.name.clone(),
            account: self.merchant.account.payout_merchant_id.clone(),
            api: self.merchant.account.api.as_str(),
            findings: findings(&steps.observed, &Present::of(self.merchant)),
            links: steps.made.links(),
            remaining: steps.made.remaining(),
            halt,
        })
    }

    /// Of references that no other survey uses, and that show a person where they come from.
    fn intents(&self, caller: &Caller) -> [Intent; 2] {
        let now = caller.clock().now().wall.strftime("%Y%m%dT%H%M%SZ").to_string();
        let run: u16 = rand::random();
        ["a", "b"].map(|part| {
            let reference = format!("survey-{now}-{run:04x}-{part}");
            Intent {
                reference: reference_of(&reference),
                amount: one_rupee(),
                description: Private::new("smartsend survey"),
                name: Some(self.name.clone()),
                contact: self.contact.clone(),
                expiry: None,
                disable_approval: None,
                deadline: None,
                metadata: BTreeMap::new(),
            }
        })
    }
}

#[expect(clippy::expect_used, reason = "it is short, and made of letters, digits and dashes")]
fn reference_of(text: &str) -> Reference {
    Reference::parse(text).expect("a reference")
}

#[expect(clippy::expect_used, reason = "it is an amount")]
fn one_rupee() -> Amount {
    Amount::parse("1.00").expect("an amount")
}
