//! Durations as text.

use std::time::Duration;

use proptest::prelude::*;
use smartsend::config::duration;

#[test]
fn durations_have_one_shape() {
    for (text, ms) in [("1ms", 1), ("90s", 90_000), ("2m", 120_000), ("8760h", 31_536_000_000)] {
        assert_eq!(duration::parse(text), Ok(Duration::from_millis(ms)));
    }
    for text in ["", "5", "s", "0s", "05s", "1.5s", "-1s", "+1s", "1 s", "1d", "1S", "1s1", "1_0s"]
    {
        assert!(duration::parse(text).is_err(), "{text}");
    }
    for text in ["8761h", "99999999999999999999s", "18446744073709551615h"] {
        assert!(duration::parse(text).unwrap_err().contains("8760h"), "{text}");
    }
    for (text, short) in [("120s", "2m"), ("60m", "1h"), ("1000ms", "1s"), ("90s", "90s")] {
        assert_eq!(duration::shortest(duration::parse(text).unwrap()), short);
    }
    assert_eq!(duration::shortest(Duration::ZERO), "0ms");
}

proptest! {
    #[test]
    fn durations_round_trip(count in 1_u64..8760, unit in prop::sample::select(vec!["ms", "s", "m", "h"])) {
        let text = format!("{count}{unit}");
        let duration = duration::parse(&text).unwrap();
        let short = duration::shortest(duration);
        prop_assert!(short.len() <= text.len());
        prop_assert_eq!(duration::parse(&short), Ok(duration));
    }
}
