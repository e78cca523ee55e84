//! Every code, alone and with others, and the words beside them.

use super::*;

#[test]
fn the_codes_that_reject_are_those_that_depend_on_the_intent_alone() {
    let of = |wanted| -> Vec<i64> {
        CODES.iter().filter(|code| code.meaning == wanted).map(|code| code.number).collect()
    };
    assert_eq!(of(Meaning::Rejects), [1101, 1102, 1105, 1106, 1107, 1108, 1114]);
    assert_eq!(of(Meaning::Duplicate), [1103, 1115, 1125]);
    assert_eq!(of(Meaning::Denies), [1100]);
    let numbers: Vec<i64> = CODES.iter().map(|code| code.number).collect();
    assert_eq!(numbers, (1100..=1128).collect::<Vec<i64>>());
}

#[test]
fn every_code_alone_comes_to_what_it_means() {
    for Code { number, meaning, .. } in CODES {
        let expected = match meaning {
            Meaning::Rejects => Outcome::Rejected(*number),
            Meaning::Duplicate => Outcome::Duplicate(Some(*number)),
            Meaning::Denies => Outcome::Denied(Denial::Merchant),
            Meaning::Refuses => Outcome::Refused(Some(*number)),
        };
        for status in [200, 201, 299, 400, 404, 409, 422] {
            let envelope = refusal(&[*number], &["Fail"]);
            assert_eq!(create(status, Some(envelope)), expected, "{number} with {status}");
        }
    }
}

#[test]
fn a_code_that_payu_does_not_list_and_no_code_at_all_are_refusals() {
    for code in [0, -1, 1, 401, 1002, 1032, 1099, 1129, 20407, i64::MAX] {
        assert_eq!(refused_with(&[code]), Outcome::Refused(Some(code)));
    }
    assert_eq!(refused_with(&[]), Outcome::Refused(None));
}

#[test]
fn a_merchants_rejects_turn_refusals_into_rejections_and_nothing_else() {
    let every: Vec<i64> = CODES.iter().map(|code| code.number).chain([4711]).collect();
    let rules = ClassifyRules { rejects: every.clone(), ..rules() };
    for code in every {
        let result = answer(200, Some(refusal(&[code], &["Fail"])));
        let outcome = Outcome::classify(result, &reference(), &rules);
        match Code::find(code).map(|code| code.meaning) {
            Some(Meaning::Duplicate) => assert_eq!(outcome, Outcome::Duplicate(Some(code))),
            Some(Meaning::Denies) => assert_eq!(outcome, Outcome::Denied(Denial::Merchant)),
            Some(Meaning::Rejects | Meaning::Refuses) | None => {
                assert_eq!(outcome, Outcome::Rejected(code));
            }
        }
    }
}

#[test]
fn of_several_codes_the_least_certain_decides_and_is_reported() {
    assert_eq!(refused_with(&[1105, 1106]), Outcome::Rejected(1105));
    assert_eq!(refused_with(&[1105, 1128]), Outcome::Refused(Some(1128)));
    assert_eq!(refused_with(&[1128, 1105]), Outcome::Refused(Some(1128)));
    assert_eq!(refused_with(&[1105, 9999]), Outcome::Refused(Some(9999)));
    assert_eq!(refused_with(&[1105, 1103]), Outcome::Duplicate(Some(1103)));
    assert_eq!(refused_with(&[1128, 1125]), Outcome::Duplicate(Some(1125)));
    assert_eq!(refused_with(&[1100, 1103]), Outcome::Duplicate(Some(1103)));
    assert_eq!(refused_with(&[1105, 1100]), Outcome::Denied(Denial::Merchant));
}

#[test]
fn a_text_that_says_duplicate_or_already_is_a_duplicate_whatever_the_code() {
    for text in [
        "Duplicate merchantRefId",
        "DUPLICATE",
        "Link already exists",
        "ref ALREADY used",
        "this is a duplicate request",
    ] {
        for codes in [&[][..], &[1101], &[1100], &[1128], &[4711]] {
            let outcome = create(200, Some(refusal(codes, &["Fail", text])));
            assert_eq!(outcome, Outcome::Duplicate(codes.first().copied()), "{text} {codes:?}");
        }
    }
}

#[test]
fn the_providers_own_words_for_too_many_requests_throttle_where_there_is_no_code() {
    for text in ["Requests limit reached", "too many requests", "Too Many Requests, slow down"] {
        assert_eq!(create(200, Some(refusal(&[], &[text]))), Outcome::Throttled(None));
        assert_eq!(create(400, Some(refusal(&[], &[text]))), Outcome::Throttled(None));
        assert_eq!(lookup(200, Some(refusal(&[], &[text]))), Lookup::Throttled(None));
        // A limit that has a code is a limit of the account, and not of the pace.
        let limit = create(200, Some(refusal(&[1128], &[text])));
        assert_eq!(limit, Outcome::Refused(Some(1128)));
    }
}

#[test]
fn an_answer_about_another_reference_says_nothing_of_ours() {
    let other = |mut envelope: Envelope| {
        envelope.data.reference = Some("order-2".to_owned());
        envelope
    };
    let unknown = Outcome::Unknown(UnknownReason::OtherReference);
    assert_eq!(create(200, Some(other(success(Some(LINK))))), unknown);
    assert_eq!(create(200, Some(other(refusal(&[1101], &[])))), unknown);
    assert!(matches!(create(400, Some(other(refusal(&[1101], &[])))), Outcome::Unknown(_)));
    let odd = Lookup::Failed(LookupFailure::Odd);
    assert_eq!(lookup(200, Some(other(success(Some(LINK))))), odd);
    assert_eq!(lookup(200, Some(other(refusal(&[], &["Record not found"])))), odd);
}

#[test]
fn an_answer_that_names_our_reference_or_none_is_ours() {
    for named in [Some("order-1"), Some(""), None] {
        let mut envelope = success(Some(LINK));
        envelope.data.reference = named.map(str::to_owned);
        assert!(matches!(create(200, Some(envelope)), Outcome::Created(_)), "{named:?}");
    }
}

#[test]
fn a_success_without_a_link_is_unknown_and_opens_no_breaker() {
    for link in [None, Some(""), Some("  ")] {
        assert_eq!(
            create(200, Some(success(link))),
            Outcome::Unknown(UnknownReason::NoLink),
            "{link:?}"
        );
    }
}

#[test]
fn a_rejection_that_shows_a_link_is_not_a_rejection() {
    let mut envelope = refusal(&[1101], &["Fail"]);
    envelope.data.link = Some(Private::new(LINK));
    // Without its code, which a later decision would rest on.
    assert_eq!(create(200, Some(envelope)), Outcome::Refused(None));
}

proptest! {
    #[test]
    fn only_a_link_or_a_static_code_makes_a_create_final(
        status in 100_u16..700,
        flag in -1_i64..3,
        codes in proptest::collection::vec(1095_i64..1135, 0..3),
        text in "[a-z ]{0,12}",
        link in proptest::option::of(Just(LINK)),
    ) {
        let mut envelope = refusal(&codes, &[&text]);
        envelope.status = flag;
        envelope.data.link = link.map(Private::new);
        match create(status, Some(envelope)) {
            Outcome::Created(_) => {
                prop_assert!(flag == 0 && link.is_some() && (200..300).contains(&status));
            }
            Outcome::Rejected(code) => {
                let all_static = codes.iter().all(|code| {
                    Code::find(*code).is_some_and(|code| code.meaning == Meaning::Rejects)
                });
                prop_assert!(flag == 1 && link.is_none() && all_static && codes.contains(&code));
            }
            _ => {}
        }
    }
}
