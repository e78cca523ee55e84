//! Every HTTP status of a create, and calls without an answer.

use super::*;

#[test]
fn the_rows_of_statuses_cover_200_to_599_without_a_gap() {
    let mut next = 200;
    for row in STATUS_ROWS {
        assert_eq!(row.from, next, "{row:?}");
        assert!(row.to >= row.from);
        next = row.to + 1;
    }
    assert_eq!(next, 600);
}

#[test]
fn every_status_without_an_envelope_is_what_its_row_says() {
    for status in 100..=599 {
        let row = STATUS_ROWS.iter().find(|row| (row.from..=row.to).contains(&status));
        let means = row.map_or("Unknown", |row| row.means);
        let says = |word: &str| means.contains(word);
        let outcome = create(status, None);
        match &outcome {
            Outcome::Throttled(None) => assert!(says("Throttled"), "{status}"),
            Outcome::Denied(_) => assert!(says("Denied"), "{status}"),
            Outcome::Unknown(UnknownReason::NoEnvelope) => {
                assert!(says("the body decides"), "{status}");
            }
            Outcome::Unknown(UnknownReason::Misdirected(it)) => {
                assert_eq!(*it, status);
                assert!(says("the circuit breaker opens"), "{status}");
            }
            Outcome::Unknown(UnknownReason::Status(it)) => {
                assert_eq!(*it, status);
                assert!(says("Unknown") && !says("circuit breaker"), "{status}");
            }
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[test]
fn every_status_with_a_refusal_is_what_its_row_says() {
    for status in 100..=599 {
        let row = STATUS_ROWS.iter().find(|row| (row.from..=row.to).contains(&status));
        let means = row.map_or("Unknown", |row| row.means);
        let expected = match create(status, Some(refusal(&[1101], &[]))) {
            Outcome::Rejected(1101) => "decides",
            Outcome::Throttled(_) => "Throttled",
            Outcome::Denied(Denial::Unauthorized | Denial::Forbidden) => "Denied",
            Outcome::Unknown(UnknownReason::Status(_)) => "Unknown:",
            other => panic!("{status}: {other:?}"),
        };
        assert!(means.contains(expected) || status < 200, "{status}: {expected}");
    }
}

#[test]
fn every_status_with_a_link_creates_only_as_2xx() {
    for status in 100..=599 {
        let created = matches!(create(status, Some(success(Some(LINK)))), Outcome::Created(_));
        assert_eq!(created, (200..=299).contains(&status), "{status}");
    }
}

#[test]
fn nothing_but_a_refusal_beside_2xx_or_4xx_is_certain() {
    for status in [100, 199, 301, 307, 500, 502, 503, 504, 599, 600, 999] {
        for codes in [&[1101][..], &[1103], &[1100], &[]] {
            let outcome = create(status, Some(refusal(codes, &["duplicate"])));
            assert_eq!(outcome, Outcome::Unknown(UnknownReason::Status(status)));
        }
    }
}

#[test]
fn three_statuses_are_about_the_merchant() {
    let denied: Vec<u16> =
        (100..=599).filter(|status| matches!(by_status(*status), ByStatus::Denied(_))).collect();
    assert_eq!(denied, [401, 403]);
    assert_eq!(create(401, None), Outcome::Denied(Denial::Unauthorized));
    assert_eq!(create(403, None), Outcome::Denied(Denial::Forbidden));
    let throttled: Vec<u16> =
        (100..=599).filter(|status| by_status(*status) == ByStatus::Throttled).collect();
    assert_eq!(throttled, [429]);
}

#[test]
fn a_throttled_answer_keeps_its_retry_after() {
    let after = Some(RetryAfter::In(Duration::from_mins(1)));
    let answer = Answer { status: 429, retry_after: after, envelope: None };
    let result = CallResult::Answered(answer);
    assert_eq!(
        Outcome::classify(result.clone(), &reference(), &rules()),
        Outcome::Throttled(after)
    );
    assert_eq!(Lookup::classify(result, &reference(), &rules()), Lookup::Throttled(after));
}

#[test]
fn an_envelope_whose_status_is_neither_0_nor_1_is_unknown() {
    for status in [-1, 2, 200, 401, 404] {
        let envelope = Envelope { status, ..success(Some(LINK)) };
        assert_eq!(
            create(200, Some(envelope.clone())),
            Outcome::Unknown(UnknownReason::NoEnvelope)
        );
        assert_eq!(create(404, Some(envelope)), Outcome::Unknown(UnknownReason::Misdirected(404)));
    }
}

#[test]
fn a_call_that_was_not_sent_is_not_sent_and_one_without_an_answer_is_unknown() {
    let of = |result| Outcome::classify(result, &reference(), &rules());
    let looked = |result| Lookup::classify(result, &reference(), &rules());
    for why in [
        NotSent::Dns,
        NotSent::Connect,
        NotSent::ConnectTimeout,
        NotSent::Unstarted,
        NotSent::Unbuildable,
        NotSent::NoToken,
        NotSent::NoSecret,
    ] {
        assert_eq!(of(CallResult::NotSent(why)), Outcome::NotSent(why));
        assert_eq!(looked(CallResult::NotSent(why)), Lookup::Failed(LookupFailure::NotSent(why)));
    }
    for why in [NoAnswer::Timeout, NoAnswer::Connection, NoAnswer::CutBody, NoAnswer::TooLarge] {
        assert_eq!(of(CallResult::NoAnswer(why)), Outcome::Unknown(UnknownReason::NoAnswer(why)));
        assert_eq!(looked(CallResult::NoAnswer(why)), Lookup::Failed(LookupFailure::NoAnswer(why)));
    }
    assert_eq!(of(CallResult::TokenRefused), Outcome::NoToken(NoToken::Refused));
    assert_eq!(looked(CallResult::TokenRefused), Lookup::NoToken(NoToken::Refused));
    let throttled = NoToken::Throttled(None);
    assert_eq!(of(CallResult::TokenThrottled(None)), Outcome::NoToken(throttled));
    assert_eq!(looked(CallResult::TokenThrottled(None)), Lookup::NoToken(throttled));
}
