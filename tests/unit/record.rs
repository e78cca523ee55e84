//! A record travels in headers and comes back whole, or not at all.

use std::time::Duration;

use jiff::Timestamp;
use proptest::option;
use proptest::prelude::*;

use smartsend::domain::account::{Account, Api};
use smartsend::domain::record::headers::{Unreadable, Value};
use smartsend::domain::record::{Doubt, Record, Seen, State};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

fn account() -> Account {
    Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 }
}

fn unsure(seen: Seen) -> Record {
    Record {
        account: account(),
        first_seen: at(1_800_000_000_123),
        attempts: 2,
        returns: 3,
        singled_out: 2,
        turned_away_at: Some(at(1_800_000_001_789)),
        lookups: 1,
        quarantined: Duration::from_millis(45_678),
        waited: Duration::from_millis(98_765),
        state: State::InDoubt(Doubt {
            seen,
            last_sent: Some(at(1_800_000_001_456)),
            code: Some(1103),
        }),
    }
}

const KINDS: [Seen; 5] =
    [Seen::Redelivered, Seen::Recent, Seen::Duplicate, Seen::Unknown, Seen::Refused];

prop_compose! {
    fn a_time()(millis in 0_i64..4_000_000_000_000) -> Timestamp { at(millis) }
}

prop_compose! {
    fn a_doubt()(kind in 0_usize..5, last_sent in option::of(a_time()), code in option::of(any::<i64>()))
        -> Doubt {
        Doubt { seen: KINDS[kind], last_sent, code }
    }
}

prop_compose! {
    fn a_record()(
        id in "[0-9]{1,9}",
        v2 in any::<bool>(),
        first_seen in a_time(),
        counts in any::<(u32, u32, u32)>(),
        waits in (0_u64..1_000_000_000_000, 0_u64..1_000_000_000_000),
        doubt in option::of(a_doubt()),
    ) -> Record {
        Record {
            account: Account { payout_merchant_id: id, api: if v2 { Api::V2 } else { Api::V1 } },
            first_seen,
            attempts: counts.0,
            returns: counts.1,
            singled_out: counts.0 / 2,
            turned_away_at: (counts.0 % 3 == 0).then_some(first_seen),
            lookups: counts.2,
            quarantined: Duration::from_millis(waits.0),
            waited: Duration::from_millis(waits.1),
            state: doubt.map_or(State::New, State::InDoubt),
        }
    }
}

proptest! {
    #[test]
    fn any_record_comes_back_from_its_headers(record in a_record(), due in option::of(a_time())) {
        prop_assert_eq!(Record::from_headers(&record.to_headers(due)), Ok(record));
    }

    #[test]
    fn no_headers_make_the_reader_panic(
        names in proptest::collection::btree_map("[a-z-]{1,12}|lookups|state|record", any::<i64>(), 0..6)
    ) {
        let headers = names.into_iter().map(|(name, n)| (name, Value::Number(n))).collect();
        prop_assert!(Record::from_headers(&headers).is_err());
    }
}

#[test]
fn the_headers_are_those_of_the_contract() {
    let headers = unsure(Seen::Unknown).to_headers(Some(at(1_800_000_002_000)));
    let text = |text: &str| Value::Text(text.to_owned());
    let expected = [
        ("account", text("1111312")),
        ("api", text("v1")),
        ("attempts", Value::Number(2)),
        ("code", Value::Number(1103)),
        ("due", text("2027-01-15T08:00:02.000Z")),
        ("first-seen", text("2027-01-15T08:00:00.123Z")),
        ("last-sent", text("2027-01-15T08:00:01.456Z")),
        ("lookups", Value::Number(1)),
        ("quarantined", Value::Number(45_678)),
        ("record", text("v2")),
        ("returns", Value::Number(3)),
        ("seen", text("unknown")),
        ("singled-out", Value::Number(2)),
        ("state", text("in-doubt")),
        ("turned-away-at", text("2027-01-15T08:00:01.789Z")),
        ("waited", Value::Number(98_765)),
    ];
    let actual: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(actual, expected);
}

#[test]
fn a_new_record_has_no_headers_of_doubt() {
    let headers = Record::first(account(), at(0)).to_headers(None);
    for absent in ["seen", "code", "last-sent", "due", "turned-away-at"] {
        assert!(!headers.contains_key(absent), "{absent}");
    }
    assert_eq!(headers["state"], Value::Text("new".to_owned()));
}

#[test]
fn a_record_without_any_one_of_its_headers_is_unreadable() {
    let whole = unsure(Seen::Unknown).to_headers(None);
    let needed = [
        "record",
        "account",
        "api",
        "state",
        "first-seen",
        "attempts",
        "returns",
        "lookups",
        "quarantined",
        "waited",
        "seen",
    ];
    for name in needed {
        let mut headers = whole.clone();
        headers.remove(name);
        assert_eq!(Record::from_headers(&headers), Err(Unreadable(name)), "{name}");
    }
}

#[test]
fn a_header_of_the_wrong_type_makes_the_record_unreadable() {
    let whole = unsure(Seen::Unknown).to_headers(None);
    for (name, value) in &whole {
        let mut headers = whole.clone();
        let wrong = match value {
            Value::Text(_) => Value::Number(1),
            Value::Number(number) => Value::Text(number.to_string()),
        };
        headers.insert(name.clone(), wrong);
        let unreadable = Record::from_headers(&headers).unwrap_err();
        assert_eq!(unreadable.0, name);
    }
}

#[test]
fn a_header_that_says_nothing_known_makes_the_record_unreadable() {
    let wrong = [
        ("record", "v1"),
        ("api", "v3"),
        ("state", "NEW"),
        ("state", ""),
        ("seen", "forgotten"),
        ("first-seen", "yesterday"),
        ("first-seen", ""),
        ("last-sent", "1800000000"),
    ];
    for (name, text) in wrong {
        let mut headers = unsure(Seen::Unknown).to_headers(None);
        headers.insert(name.to_owned(), Value::Text(text.to_owned()));
        assert_eq!(Record::from_headers(&headers).map_err(|e| e.0), Err(name), "{name} {text}");
    }
}

#[test]
fn numbers_below_zero_or_too_large_make_the_record_unreadable() {
    for (name, number) in [
        ("attempts", -1),
        ("returns", -1),
        ("lookups", -1),
        ("quarantined", -1),
        ("waited", -1),
        ("attempts", i64::MAX),
        ("lookups", i64::from(u32::MAX) + 1),
        ("waited", i64::MIN),
    ] {
        let mut headers = unsure(Seen::Unknown).to_headers(None);
        headers.insert(name.to_owned(), Value::Number(number));
        assert_eq!(Record::from_headers(&headers), Err(Unreadable(name)), "{name} {number}");
    }
}

#[test]
fn doubt_marks_a_new_record_and_counts_a_create_that_may_have_left() {
    let record = Record { returns: 4, ..Record::first(account(), at(7)) };
    let doubted = record.doubted(Seen::Redelivered);
    assert!(doubted.is_in_doubt());
    assert_eq!((doubted.attempts, doubted.returns, doubted.first_seen), (1, 4, at(7)));
    assert_eq!(
        doubted.state,
        State::InDoubt(Doubt { seen: Seen::Redelivered, last_sent: None, code: None })
    );
}

#[test]
fn doubt_begins_lookups_and_quarantine_anew_where_a_create_may_have_left() {
    for seen in [Seen::Redelivered, Seen::Recent, Seen::Unknown] {
        let doubted = unsure(seen).doubted(Seen::Redelivered);
        assert_eq!((doubted.lookups, doubted.quarantined), (0, Duration::ZERO), "{seen:?}");
        assert_eq!(doubted.waited, unsure(seen).waited, "it grows no younger");
        assert_eq!(doubted.attempts, 3);
    }
}

#[test]
fn a_record_that_can_lead_to_no_create_keeps_its_kind_its_lookups_and_its_quarantine() {
    for seen in [Seen::Duplicate, Seen::Refused] {
        assert_eq!(unsure(seen).doubted(Seen::Redelivered), unsure(seen));
    }
}

#[test]
fn only_what_was_not_answered_may_be_sent_again() {
    let may: Vec<Seen> = KINDS.into_iter().filter(|seen| seen.may_resend()).collect();
    assert_eq!(may, [Seen::Redelivered, Seen::Recent, Seen::Unknown]);
}

/// It may have been sent, and a person has looked: its waits begin anew, and a create may follow, but
/// never where a link is known to exist.
#[test]
fn a_replayed_record_is_in_doubt_and_has_waited_for_nothing() {
    for seen in [Seen::Redelivered, Seen::Unknown, Seen::Refused, Seen::TurnedAway] {
        let record = unsure(seen).replayed();
        assert!(record.is_in_doubt() && !record.knows_link(), "{seen:?}");
        let State::InDoubt(doubt) = &record.state else { panic!("{seen:?}") };
        assert!(doubt.seen.may_resend(), "{seen:?}");
        assert_eq!((record.waited, record.quarantined), (Duration::ZERO, Duration::ZERO));
        assert_eq!((record.returns, record.singled_out, record.lookups), (0, 0, 0));
        assert_eq!(record.attempts, 3);
        assert!(record.was_sent());
    }
    assert!(unsure(Seen::Duplicate).knows_link());
    let record = unsure(Seen::Duplicate).replayed();
    let State::InDoubt(doubt) = &record.state else { panic!() };
    assert!(record.knows_link() && !doubt.seen.may_resend());
    assert_eq!((record.waited, record.attempts), (Duration::ZERO, 2));
    let new = Record::first(account(), at(0));
    assert!(!new.knows_link() && !new.was_sent());
    assert!(new.replayed().is_in_doubt());
}
