//! `Retry-After`: whatever it says, the gate opens again within `max_pause`.

use std::time::Duration;

use jiff::Timestamp;

use smartsend::domain::call::RetryAfter;
use smartsend::gate::{Admission, Gate, Report};
use smartsend::payu::retry_after::parse;
use smartsend::ports::Moment;

const MAX_PAUSE: Duration = Duration::from_mins(15);
/// The longest delay that is kept; it fits every sum that it goes into.
const DELAY_MAX: Duration = Duration::from_hours(366 * 24);

/// Checks one value of the header.
pub(crate) fn check(data: &[u8]) {
    let value = String::from_utf8_lossy(data);
    let read = parse(&value);
    if let Some(RetryAfter::In(delay)) = read {
        assert!(delay <= DELAY_MAX, "{delay:?}");
        assert!(value.trim().bytes().all(|b| b.is_ascii_digit()), "{value:?} is no number");
    }
    let now = Moment {
        wall: Timestamp::from_second(1_800_000_000).unwrap(),
        steady: Duration::from_hours(1),
    };
    let mut gate = Gate::probing(MAX_PAUSE);
    gate.told(Report::Throttled(read), now);
    match gate.admission(now) {
        Admission::NotBefore(until) => {
            assert!(until > now.steady && until <= now.steady + MAX_PAUSE, "{until:?}");
        }
        // At once, because the header said so: a time that is over, or no seconds.
        Admission::One => assert!(read.is_some_and(|read| is_over(read, now)), "{read:?}"),
        admission @ (Admission::Free | Admission::Shut) => {
            panic!("{read:?} made it {admission:?}")
        }
    }
}

fn is_over(asked: RetryAfter, now: Moment) -> bool {
    match asked {
        RetryAfter::In(delay) => delay.is_zero(),
        RetryAfter::At(time) => time <= now.wall,
    }
}
