//! Lookups at growing pace, until PayU asks for fewer. They move no money.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::called::Called;
use super::caller::{Caller, Interrupted};
use super::observed::{RateEnd, RateSeen};
use crate::domain::call::{Answer, CallResult};
use crate::domain::reference::Reference;
use crate::payu::trial::{Trial, Tried};
use crate::ports::Clock;

/// How long each pace is kept.
const SECONDS: u32 = 2;

/// Between two paces, so that a second of PayU's holds only one of them.
const REST: Duration = Duration::from_secs(1);

/// Each pace up to the ceiling, a quarter more than the one before.
pub fn paces(ceiling: u32) -> Vec<u32> {
    let mut paces = Vec::new();
    let mut pace = 1_u32;
    while pace < ceiling {
        paces.push(pace);
        pace = pace.saturating_add((pace / 4).max(1));
    }
    paces.push(ceiling);
    paces
}

pub(super) async fn find(
    caller: &Caller,
    reference: &Reference,
    ceiling: u32,
) -> Result<RateSeen, Interrupted> {
    let mut quiet = 0;
    for at in paces(ceiling) {
        caller.sleep(REST).await?;
        if let Some(end) = keep(caller, reference, at).await? {
            return Ok(RateSeen { quiet, end });
        }
        quiet = at;
    }
    Ok(RateSeen { quiet, end: RateEnd::Ceiling })
}

/// Keeps one pace; `None` if every lookup was answered. After another answer nothing more is sent.
async fn keep(
    caller: &Caller,
    reference: &Reference,
    at: u32,
) -> Result<Option<RateEnd>, Interrupted> {
    let apart = Duration::from_secs(1) / at;
    let clock = caller.clock();
    let mut lookups: FuturesUnordered<_> = (0..at.saturating_mul(SECONDS))
        .map(|number| async move {
            clock.sleep(apart.saturating_mul(number)).await;
            caller.ask_unpaced(Trial::Lookup(reference)).await
        })
        .collect();
    while let Some(tried) = lookups.next().await {
        if caller.is_stopped() {
            return Err(Interrupted);
        }
        let end = tried.and_then(|tried| end_at(at, &tried));
        if end.is_some() {
            return Ok(end);
        }
    }
    Ok(None)
}

fn end_at(at: u32, tried: &Tried) -> Option<RateEnd> {
    match &tried.result {
        CallResult::Answered(Answer { status: 200..=299 | 404, .. }) => None,
        CallResult::Answered(Answer { status: 429, retry_after, .. }) => {
            Some(RateEnd::Throttled { at, retry_after: retry_after.is_some() })
        }
        CallResult::Answered(_)
        | CallResult::NoAnswer(_)
        | CallResult::NotSent(_)
        | CallResult::TokenRefused
        | CallResult::TokenThrottled(_) => Some(RateEnd::Stopped { at, called: Called::of(tried) }),
    }
}
