//! The `Retry-After` header (RFC 9110, 10.2.3): seconds, or an HTTP date.
//!
//! No clock is read here: a date stays a date until the caller compares it with one.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::call::RetryAfter;

/// The longest delay: more is a mistake, and would overflow what it is added to.
const DELAY_MAX: Duration = Duration::from_hours(366 * 24);

/// Reads the header's value, or `None` where it is neither.
pub fn parse(value: &str) -> Option<RetryAfter> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    if value.bytes().all(|b| b.is_ascii_digit()) {
        // All digits, but not a u64: it is too large for one.
        let delay = value.parse().map_or(DELAY_MAX, Duration::from_secs);
        return Some(RetryAfter::In(delay.min(DELAY_MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Timestamp::try_from(date).ok().map(RetryAfter::At)
}
