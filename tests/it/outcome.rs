//! The classification, enumerated: every status, every code, every shape.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test names the outcome that it wants")]

use std::time::Duration;

use proptest::prelude::*;

use smartsend::cli::explain::{COLUMNS, explain, explain_all};
use smartsend::payout::codes::{CODES, Code, Meaning};
use smartsend::payout::customer::Private;
use smartsend::payout::intent::Intent;
use smartsend::payout::intent::wire::parse;
use smartsend::payout::link::LinkHosts;
use smartsend::payout::outcome::look::{Details, DetailsLink, Likeness, Look, LookFailure};
use smartsend::payout::outcome::table::{
    ByStatus, DUPLICATE_WORDS, NOT_FOUND_WORDS, STATUS_ROWS, THROTTLE_WORDS, by_status,
};
use smartsend::payout::outcome::{Denial, Outcome, Terms, Unclear};
use smartsend::payout::record::Api;
use smartsend::payout::reference::Reference;
use smartsend::payout::sighting::{Answer, Data, Envelope, RetryAfter, Sighting, Silence, Unsent};

const LINK: &str = "https://www.payumoney.com/smartPay?id=abc";

fn reference() -> Reference {
    Reference::parse("order-1").unwrap()
}

fn terms() -> Terms {
    let hosts = ["payumoney.com", "payu.in"].map(str::to_owned).to_vec();
    Terms { rejects: Vec::new(), link_hosts: LinkHosts::Only(hosts) }
}

fn answer(status: u16, envelope: Option<Envelope>) -> Sighting {
    Sighting::Answered(Answer { status, retry_after: None, envelope })
}

fn create(status: u16, envelope: Option<Envelope>) -> Outcome {
    Outcome::classify(answer(status, envelope), &reference(), &terms())
}

fn look(status: u16, envelope: Option<Envelope>) -> Look {
    Look::classify(answer(status, envelope), &reference(), &terms())
}

fn success(link: Option<&str>) -> Envelope {
    let data = Data { link: link.map(Private::new), ..Data::default() };
    Envelope { status: 0, codes: Vec::new(), texts: vec![Private::new("Success")], data }
}

fn refusal(codes: &[i64], texts: &[&str]) -> Envelope {
    let texts = texts.iter().map(|text| Private::new(*text)).collect();
    Envelope { status: 1, codes: codes.to_vec(), texts, data: Data::default() }
}

fn refused_with(codes: &[i64]) -> Outcome {
    create(200, Some(refusal(codes, &["Fail"])))
}

// ---- Statuses of a create.

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
            Outcome::Unknown(Unclear::NoEnvelope) => assert!(says("the body decides"), "{status}"),
            Outcome::Unknown(Unclear::Misdirected(it)) => {
                assert_eq!(*it, status);
                assert!(says("the gate closes"), "{status}");
            }
            Outcome::Unknown(Unclear::Status(it)) => {
                assert_eq!(*it, status);
                assert!(says("Unknown") && !says("gate closes"), "{status}");
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
            Outcome::Unknown(Unclear::Status(_)) => "Unknown:",
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
            assert_eq!(outcome, Outcome::Unknown(Unclear::Status(status)));
        }
    }
}

#[test]
fn the_statuses_that_tell_of_the_merchant_are_three() {
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
    let sighting = Sighting::Answered(answer);
    assert_eq!(
        Outcome::classify(sighting.clone(), &reference(), &terms()),
        Outcome::Throttled(after)
    );
    assert_eq!(Look::classify(sighting, &reference(), &terms()), Look::Throttled(after));
}

#[test]
fn an_envelope_whose_status_is_neither_0_nor_1_is_unknown() {
    for status in [-1, 2, 200, 401, 404] {
        let envelope = Envelope { status, ..success(Some(LINK)) };
        assert_eq!(create(200, Some(envelope.clone())), Outcome::Unknown(Unclear::NoEnvelope));
        assert_eq!(create(404, Some(envelope)), Outcome::Unknown(Unclear::Misdirected(404)));
    }
}

// ---- Calls without an answer.

#[test]
fn a_call_that_was_not_sent_is_not_sent_and_one_without_an_answer_is_unknown() {
    let of = |sighting| Outcome::classify(sighting, &reference(), &terms());
    let looked = |sighting| Look::classify(sighting, &reference(), &terms());
    for why in [
        Unsent::Dns,
        Unsent::Connect,
        Unsent::ConnectTimeout,
        Unsent::Unstarted,
        Unsent::Unbuildable,
        Unsent::NoToken,
    ] {
        assert_eq!(of(Sighting::NotSent(why)), Outcome::NotSent(why));
        assert_eq!(looked(Sighting::NotSent(why)), Look::Failed(LookFailure::NotSent(why)));
    }
    for why in [Silence::Timeout, Silence::Connection, Silence::CutBody, Silence::TooLarge] {
        assert_eq!(of(Sighting::NoAnswer(why)), Outcome::Unknown(Unclear::Silence(why)));
        assert_eq!(looked(Sighting::NoAnswer(why)), Look::Failed(LookFailure::Silence(why)));
    }
    assert_eq!(of(Sighting::TokenRefused), Outcome::Denied(Denial::Credentials));
    assert_eq!(looked(Sighting::TokenRefused), Look::Denied(Denial::Credentials));
    assert_eq!(of(Sighting::TokenThrottled(None)), Outcome::Throttled(None));
    assert_eq!(looked(Sighting::TokenThrottled(None)), Look::Throttled(None));
}

// ---- Codes.

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
    let terms = Terms { rejects: every.clone(), ..terms() };
    for code in every {
        let sighting = answer(200, Some(refusal(&[code], &["Fail"])));
        let outcome = Outcome::classify(sighting, &reference(), &terms);
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
fn of_several_codes_the_least_certain_decides_and_is_the_one_that_is_told() {
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
        assert_eq!(look(200, Some(refusal(&[], &[text]))), Look::Throttled(None));
        // A limit that has a code is a limit of the account, and not of the pace.
        let limit = create(200, Some(refusal(&[1128], &[text])));
        assert_eq!(limit, Outcome::Refused(Some(1128)));
    }
}

#[test]
fn an_answer_about_another_reference_tells_nothing_of_ours() {
    let other = |mut envelope: Envelope| {
        envelope.data.reference = Some("order-2".to_owned());
        envelope
    };
    let unknown = Outcome::Unknown(Unclear::OtherReference);
    assert_eq!(create(200, Some(other(success(Some(LINK))))), unknown);
    assert_eq!(create(200, Some(other(refusal(&[1101], &[])))), unknown);
    assert!(matches!(create(400, Some(other(refusal(&[1101], &[])))), Outcome::Unknown(_)));
    let odd = Look::Failed(LookFailure::Odd);
    assert_eq!(look(200, Some(other(success(Some(LINK))))), odd);
    assert_eq!(look(200, Some(other(refusal(&[], &["Record not found"])))), odd);
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
fn a_success_without_a_link_is_unknown_and_closes_no_gate() {
    for link in [None, Some(""), Some("  ")] {
        assert_eq!(create(200, Some(success(link))), Outcome::Unknown(Unclear::NoLink), "{link:?}");
    }
}

#[test]
fn a_rejection_that_shows_a_link_is_no_rejection() {
    let mut envelope = refusal(&[1101], &["Fail"]);
    envelope.data.link = Some(Private::new(LINK));
    assert_eq!(create(200, Some(envelope)), Outcome::Refused(Some(1101)));
}

// ---- Links.

#[test]
fn a_link_is_https_on_an_allowed_host_or_below_it() {
    for good in [
        LINK,
        "https://payu.in/x",
        "https://payu.in",
        "https://a.b.payu.in/x?y=z#w",
        "https://PAYU.in/x",
        "https://payu.in:443/x",
        "https://test.payumoney.com/url/AbCdEf012345",
    ] {
        assert!(matches!(create(200, Some(success(Some(good)))), Outcome::Created(_)), "{good}");
    }
}

#[test]
fn a_link_elsewhere_is_foreign() {
    let foreign = [
        "http://payu.in/x",
        "https://evilpayu.in/x",
        "https://payu.in.evil.com/x",
        "https://payu.in@evil.com/x",
        "https://user:pass@payu.in/x",
        "https://user@payu.in/x",
        "https://:@payu.in/x",
        "https://evil.com/payu.in",
        "https://evil.com?payu.in",
        "https://evil.com#.payu.in",
        "https://payu.in\\@evil.com/x",
        "https://evil.com\\.payu.in/x",
        "https:payu.in/x",
        "https:/payu.in/x",
        "//payu.in/x",
        "payu.in/x",
        "javascript:alert(1)//payu.in",
        "ftp://payu.in/x",
        "https://pay\tu.in/x",
        "https://payu.in/x\ny",
        " https://payu.in/x",
        "https://payu.in/x ",
        "https://payu.in%2eevil.com/x",
        "https://p%61yu.in/x",
        "https://pаyu.in/x",
        "https://payu。in/x",
        "https://payu.in./x",
        "https://127.0.0.1/x",
        "https://payu.inn/x",
        "https://payu.in,evil.com/x",
        "not a link",
        "https://",
    ];
    for link in foreign {
        assert_eq!(create(200, Some(success(Some(link)))), Outcome::ForeignLink, "{link:?}");
        let mut details = found(LINK);
        details.data.link = Some(Private::new(link));
        let Look::Found(details) = look(200, Some(details)) else { panic!("{link}") };
        assert_eq!(details.link, DetailsLink::Foreign, "{link:?}");
    }
}

#[test]
fn the_sandbox_takes_any_host_but_no_other_scheme() {
    let terms = Terms { link_hosts: LinkHosts::Any, ..terms() };
    let of = |link| Outcome::classify(answer(200, Some(success(Some(link)))), &reference(), &terms);
    assert!(matches!(of("http://127.0.0.1:8081/l/1"), Outcome::Created(_)));
    assert_eq!(of("javascript:alert(1)"), Outcome::ForeignLink);
}

// ---- Looks.

fn found(link: &str) -> Envelope {
    let data = Data {
        reference: Some("order-1".to_owned()),
        link: Some(Private::new(link)),
        link_id: Some(Private::new("0b0e-uuid")),
        link_status: Some("PENDING".to_owned()),
        amount: Some("100.5".to_owned()),
        mobile: Some(Private::new("9999999999")),
        email: Some(Private::new("asha@example.com")),
        ..Data::default()
    };
    Envelope { status: 0, codes: Vec::new(), texts: Vec::new(), data }
}

fn not_found() -> Envelope {
    let text = "Smart Send Record not found with merchant reference id - order-1. for Payout \
                Merchant Id - 1111312. Kindly fetch details after some time.";
    let data = Data { reference: Some("order-1".to_owned()), ..Data::default() };
    Envelope { status: 1, codes: Vec::new(), texts: vec![Private::new(text)], data }
}

#[test]
fn the_documented_not_found_is_not_found() {
    assert_eq!(look(200, Some(not_found())), Look::NotFound);
    assert_eq!(look(404, Some(not_found())), Look::NotFound);
    assert_eq!(look(200, Some(refusal(&[1112], &["SmartPay Link not found"]))), Look::NotFound);
    assert_eq!(look(200, Some(refusal(&[1112], &[]))), Look::NotFound);
    assert_eq!(look(200, Some(refusal(&[], &["Record NOT FOUND"]))), Look::NotFound);
    let wordless = Envelope { texts: Vec::new(), ..not_found() };
    assert_eq!(look(200, Some(wordless)), Look::NotFound);
    let mut blank = not_found();
    blank.data.link = Some(Private::new(""));
    blank.data.link_status = Some(String::new());
    assert_eq!(look(200, Some(blank)), Look::NotFound);
}

// Each of these, taken for "not found", would in the end send again or announce that there is none.
#[test]
fn a_failure_that_does_not_say_not_found_is_a_failed_look() {
    let odd = Look::Failed(LookFailure::Odd);
    assert_eq!(look(200, Some(refusal(&[], &["Something went wrong"]))), odd);
    assert_eq!(look(200, Some(refusal(&[], &[]))), odd);
    assert_eq!(look(200, Some(refusal(&[1100], &["not found"]))), odd);
    assert_eq!(look(200, Some(refusal(&[1112, 1128], &[]))), odd);
    let spring = Envelope { status: 404, ..refusal(&[], &["Not Found", "No message available"]) };
    assert_eq!(look(404, Some(spring.clone())), odd);
    assert_eq!(look(200, Some(spring)), odd);
    assert_eq!(look(200, None), odd);
    assert_eq!(look(200, Some(success(None))), odd);
    let with_link = Envelope { status: 1, ..found(LINK) };
    assert_eq!(look(200, Some(with_link)), odd);
}

#[test]
fn a_look_reads_only_2xx_and_404_and_every_other_status_fails_it() {
    for status in 100..=599 {
        let expected = match status {
            429 => Look::Throttled(None),
            401 => Look::Denied(Denial::Unauthorized),
            200..=299 | 404 => Look::NotFound,
            _ => Look::Failed(LookFailure::Status(status)),
        };
        assert_eq!(look(status, Some(not_found())), expected, "{status}");
    }
}

// Trace 17: a look for an unknown reference answers 403; the gate closed and opened for ever.
#[test]
fn trace_17_a_looks_403_is_a_failed_look_and_denies_nobody() {
    assert_eq!(look(403, None), Look::Failed(LookFailure::Status(403)));
    assert_eq!(look(403, Some(refusal(&[1100], &[]))), Look::Failed(LookFailure::Status(403)));
}

#[test]
fn a_link_is_closed_when_details_calls_it_final_and_lives_by_any_other_word() {
    for (status, closed) in [
        ("EXPIRED", true),
        ("CANCELLED", true),
        ("REJECTED", true),
        ("FAILED", true),
        ("expired", true),
        (" Failed ", true),
        ("PENDING", false),
        ("APPROVAL_PENDING", false),
        ("APPROVED", false),
        ("INITIATED", false),
        ("SUCCESS", false),
        ("SOMETHING_NEW", false),
    ] {
        let mut envelope = found(LINK);
        envelope.data.link_status = Some(status.to_owned());
        let Look::Found(details) = look(200, Some(envelope)) else { panic!("{status}") };
        assert_eq!(details.is_closed, closed, "{status}");
    }
}

#[test]
fn a_found_link_may_be_absent_and_an_empty_one_is_absent() {
    for link in [None, Some(Private::new("")), Some(Private::new(" "))] {
        let mut envelope = found(LINK);
        envelope.data.link = link;
        let Look::Found(details) = look(200, Some(envelope)) else { panic!() };
        assert_eq!(details.link, DetailsLink::Absent);
    }
}

// ---- Likeness.

fn intent(contact: &str) -> Intent {
    let body =
        format!(r#"{{"merchantRefId":"order-1","amount":"100.50","description":"d",{contact}}}"#);
    parse(body.as_bytes(), Api::V1).unwrap()
}

fn details(amount: Option<&str>, mobile: Option<&str>, email: Option<&str>) -> Details {
    let mut envelope = found(LINK);
    envelope.data.amount = amount.map(str::to_owned);
    envelope.data.mobile = mobile.map(Private::new);
    envelope.data.email = email.map(Private::new);
    let Look::Found(details) = look(200, Some(envelope)) else { panic!() };
    details
}

#[test]
fn likeness_compares_what_both_sides_have_unmasked() {
    use Likeness::{Other, Same, Untold};
    let both = intent(r#""custMobile":"9999999999","custEmail":"Asha@example.com""#);
    let (amount, mobile, email) = (Some("100.5"), Some("9999999999"), Some("asha@EXAMPLE.com"));
    for (amount, mobile, email, expected) in [
        (amount, mobile, email, Same),
        (Some("100.50"), mobile, None, Same),
        (Some("100.5000"), None, email, Same),
        (amount, Some("+919999999999"), None, Same),
        (amount, Some("+91 99999-99999"), None, Same),
        (amount, Some("09999999999"), None, Same),
        (amount, Some("XXXXXX9999"), email, Same),
        (amount, mobile, Some("a***@example.com"), Same),
        (amount, mobile, Some("aXXXX@example.com"), Same),
        (amount, mobile, Some(" asha@example.com "), Same),
        // One field that differs is another customer, whatever the others say.
        (Some("100.51"), mobile, email, Other),
        (Some("100.51"), None, None, Other),
        (amount, Some("9999999998"), email, Other),
        (amount, mobile, Some("usha@example.com"), Other),
        (None, Some("9999999998"), None, Other),
        // Nothing to compare by is not "the same", and not "another" either (trace 11).
        (amount, None, None, Untold),
        (None, mobile, email, Untold),
        (None, None, None, Untold),
        (amount, Some("******9999"), None, Untold),
        (amount, Some("xxxxxx9998"), Some("u••••@example.com"), Untold),
        (amount, Some("9999"), Some("hidden"), Untold),
        (amount, Some(""), Some(""), Untold),
        (Some("1.005E2"), mobile, email, Untold),
        (Some("***"), mobile, email, Untold),
    ] {
        let likeness = details(amount, mobile, email).likeness(&both);
        assert_eq!(likeness, expected, "{amount:?} {mobile:?} {email:?}");
    }
}

#[test]
fn a_way_to_reach_the_customer_that_only_one_side_has_says_nothing() {
    let mobile_only = intent(r#""custMobile":"9999999999""#);
    let email_only = intent(r#""custEmail":"asha@example.com""#);
    let of = |mobile, email| details(Some("100.5"), mobile, email);
    let email = Some("asha@example.com");
    assert_eq!(of(None, email).likeness(&mobile_only), Likeness::Untold);
    assert_eq!(of(Some("9999999999"), None).likeness(&email_only), Likeness::Untold);
    assert_eq!(of(Some("9999999999"), email).likeness(&mobile_only), Likeness::Same);
    assert_eq!(of(Some("8888888888"), email).likeness(&email_only), Likeness::Same);
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
            Outcome::Rejected(told) => {
                let all_static = codes.iter().all(|code| {
                    Code::find(*code).is_some_and(|code| code.meaning == Meaning::Rejects)
                });
                prop_assert!(flag == 1 && link.is_none() && all_static && codes.contains(&told));
            }
            _ => {}
        }
    }
}

// ---- What a person reads.

#[test]
fn every_code_can_be_explained() {
    for Code { number, name, message, .. } in CODES {
        let text = explain(*number).unwrap();
        assert!(text.starts_with(&format!("{number} {name}\n")), "{text}");
        assert!(text.contains(message) && text.contains("follows"), "{text}");
    }
    assert!(explain(1103).unwrap().contains("Duplicate"));
    assert!(explain(1128).unwrap().contains("rejects"));
    assert_eq!(explain(4711), None);
}

#[test]
fn the_whole_classification_can_be_read_in_a_terminal() {
    let text = explain_all();
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for Code { number, name, message, .. } in CODES {
        assert!(flat.contains(&format!("{number} {name} ")), "{number}");
        assert!(flat.contains(message), "{number}");
    }
    for row in STATUS_ROWS {
        assert!(flat.contains(row.means), "{row:?}");
        assert!(flat.contains(&row.from.to_string()) && flat.contains(&row.to.to_string()));
    }
    for word in DUPLICATE_WORDS.iter().chain(&THROTTLE_WORDS).chain(&NOT_FOUND_WORDS) {
        assert!(flat.contains(&format!("\"{word}\"")), "{word}");
    }
    for outcome in
        ["Created", "Rejected", "NotSent", "Throttled", "Denied", "Duplicate", "Refused", "Unknown"]
    {
        assert!(text.contains(&format!("\n  {outcome}")), "{outcome}");
    }
    assert_eq!(text.matches("\n  NotSent ").count(), 1 + 6);
    assert_eq!(text.matches("\n  Unknown ").count(), 1 + 4);
    let single: String = CODES.iter().filter_map(|code| explain(code.number)).collect();
    for line in text.lines().chain(single.lines()) {
        assert!(line.chars().count() <= COLUMNS, "{line}");
        assert_eq!(line, line.trim_end());
    }
}
