//! What follows from lookups at growing pace.

use crate::survey::finding::Finding;
use crate::survey::observed::{RateEnd, RateSeen};
use crate::survey::present::Present;
use crate::survey::question::Question;

pub(super) fn rate(rate: &RateSeen, present: &Present) -> Finding {
    let quiet = rate.quiet;
    match &rate.end {
        RateEnd::Ceiling => Finding::found(
            Question::Rate,
            format!("not up to {quiet} lookups per second, the ceiling"),
            setting(quiet, present),
        ),
        RateEnd::Throttled { at, retry_after } => {
            let header = if *retry_after { "with" } else { "without" };
            Finding::found(
                Question::Rate,
                format!("at {at} lookups per second, {header} Retry-After; not at {quiet}"),
                setting(quiet, present),
            )
        }
        RateEnd::Stopped { at, called } => {
            let seen =
                format!("stopped at {at} lookups per second by {called}; no 429 up to {quiet}");
            Finding::open(Question::Rate, seen)
        }
    }
}

/// As many requests as the rate and the burst together can fall into one second.
fn setting(quiet: u32, present: &Present) -> String {
    let Present { rate, burst, .. } = *present;
    if rate.saturating_add(burst) <= quiet {
        return format!("none: rate_per_second = {rate} and burst = {burst} stay below it");
    }
    let fitting = quiet.saturating_sub(burst);
    if fitting == 0 {
        return "rate_per_second = 1, burst = 1, and ask PayU what it allows".to_owned();
    }
    format!("rate_per_second = {fitting}: with burst = {burst} it stays below it")
}
