//! The `Retry-After` header (RFC 9110, 10.2.3): seconds, or an HTTP date.
//!
//! No clock is read here: a date stays a date until the caller compares it with one.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::call::RetryAfter;

/// The longest delay: more is a mistake, and would overflow what it is added to.
const DELAY_MAX: Duration = Duration::from_hours(366 * 24);

/// Whole seconds, rounded up: some servers write a fraction, and earlier is too early.
fn seconds(value: &str) -> Option<u64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    // All digits, but not a u64: it is too large for one.
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    let has_more = fraction.bytes().any(|b| b != b'0');
    Some(whole.saturating_add(has_more.into()))
}

/// Reads the header's value, or `None` where it is neither.
pub fn parse(value: &str) -> Option<RetryAfter> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    if let Some(seconds) = seconds(value) {
        return Some(RetryAfter::In(Duration::from_secs(seconds).min(DELAY_MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Timestamp::try_from(date).ok().map(RetryAfter::At)
}
