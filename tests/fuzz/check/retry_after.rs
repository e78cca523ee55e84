//! `Retry-After`: whatever it says, the pause ends within `max_retry_after`.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;

use smartsend::admission::rate_limiter::Rate;
use smartsend::admission::signal::Signal;
use smartsend::admission::{Admission, Limits};
use smartsend::domain::call::RetryAfter;
use smartsend::payu::retry_after::parse;
use smartsend::ports::Moment;

const MAX_RETRY_AFTER: Duration = Duration::from_mins(15);
/// The longest delay that is kept; it fits every sum that it goes into.
const DELAY_MAX: Duration = Duration::from_hours(366 * 24);

/// Checks one value of the header.
pub(crate) fn check(data: &[u8]) {
    let value = String::from_utf8_lossy(data);
    let read = parse(&value);
    if let Some(RetryAfter::In(delay)) = read {
        assert!(delay <= DELAY_MAX, "{delay:?}");
        let is_of_number = |b: u8| b.is_ascii_digit() || b == b'.';
        assert!(value.trim().bytes().all(is_of_number), "{value:?} is not a number");
    }
    let now = Moment {
        wall: Timestamp::from_second(1_800_000_000).unwrap(),
        steady: Duration::from_hours(1),
    };
    let limits = Limits {
        rate: Rate { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN },
        concurrency: 1,
        max_retry_after: MAX_RETRY_AFTER,
    };
    let mut admission = Admission::new(limits, now);
    admission.record(None, Signal::Throttled(read), now);
    admission.next(now);
    match admission.state().throttled_until {
        Some(until) => {
            assert!(until > now.steady && until <= now.steady + MAX_RETRY_AFTER, "{until:?}");
        }
        // At once, because the header said so: a time that is over, or no seconds.
        None => assert!(read.is_some_and(|read| is_over(read, now)), "{read:?}"),
    }
}

fn is_over(asked: RetryAfter, now: Moment) -> bool {
    match asked {
        RetryAfter::In(delay) => delay.is_zero(),
        RetryAfter::At(time) => time <= now.wall,
    }
}
