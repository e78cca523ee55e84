//! `lookup`: what is shown of a link, and what is hidden.

use serde_json::{Value, json};

use smartsend::domain::call::{Answer, CallResult, Data, Envelope, NoAnswer, NotSent};
use smartsend::domain::classify::ClassifyRules;
use smartsend::domain::classify::lookup::Lookup;
use smartsend::domain::customer::Private;
use smartsend::domain::link::LinkHosts;
use smartsend::domain::reference::Reference;
use smartsend::inquiry::{Shown, masked_email, masked_mobile};

use crate::support::canary::{EMAIL, LINK, MOBILE};

fn shown(result: CallResult) -> Shown {
    let reference = Reference::parse("order-1").unwrap();
    let link_hosts = LinkHosts::Only(vec!["payumoney.com".to_owned()]);
    let rules = ClassifyRules { rejects: Vec::new(), link_hosts };
    let lookup = Lookup::classify(result, &reference, &rules);
    let status = Some("PENDING\u{1b}".to_owned());
    Shown { reference, status, payment: None, lookup }
}

fn answered(status: u16, envelope: Option<Envelope>) -> CallResult {
    CallResult::Answered(Answer { status, retry_after: None, envelope })
}

fn found(link: &str) -> Shown {
    let data = Data {
        reference: Some("order-1".to_owned()),
        link: Some(Private::new(link)),
        link_id: Some(Private::new("0b6c1f7e")),
        expiry: Some("2026-12-08T00:00:00Z".parse().unwrap()),
        link_status: Some("PENDING".to_owned()),
        payment_status: None,
        amount: Some("100.5".to_owned()),
        mobile: Some(Private::new(MOBILE)),
        email: Some(Private::new(EMAIL)),
    };
    let envelope = Envelope { status: 0, codes: Vec::new(), texts: Vec::new(), data };
    shown(answered(200, Some(envelope)))
}

#[test]
fn a_table_hides_the_link_and_the_contacts_until_it_is_asked_for_them() {
    let hidden = found(LINK);
    assert_eq!(
        hidden.table(false).unwrap(),
        "reference  order-1\n\
         status     PENDING?\n\
         payment    -\n\
         amount     100.50\n\
         link id    0b6c1f7e\n\
         expires    2026-12-08T00:00:00.000Z\n\
         mobile     ******9999\n\
         e-mail     a***@example.com\n\
         link       hidden; --reveal shows it\n"
    );
    assert_eq!(hidden.why_not(), None);
    let revealed = hidden.table(true).unwrap();
    for private in [MOBILE, EMAIL, LINK] {
        assert!(revealed.contains(private));
    }
    let foreign = found("https://evil.example/smartPay?id=1");
    for reveal in [false, true] {
        let table = foreign.table(reveal).unwrap();
        assert!(table.contains("on a host that is not in link_hosts"), "{table}");
        assert!(!table.contains("evil"), "{table}");
    }
}

#[test]
fn json_hides_the_same() {
    let read = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    let hidden = read(found(LINK).json(false).unwrap());
    let expected = json!({
        "merchantRefId": "order-1",
        "found": true,
        "status": "PENDING\u{1b}",
        "payment": null,
        "amount": "100.50",
        "linkId": "0b6c1f7e",
        "expiryDate": "2026-12-08T00:00:00.000Z",
        "custMobile": "******9999",
        "custEmail": "a***@example.com",
        "link": null,
    });
    assert_eq!(hidden, expected);
    let revealed = read(found(LINK).json(true).unwrap());
    assert_eq!((&revealed["link"], &revealed["custMobile"]), (&json!(LINK), &json!(MOBILE)));

    let missing = Shown { lookup: Lookup::NotFound, ..found(LINK) };
    let missing = read(missing.json(true).unwrap());
    assert_eq!(missing, json!({ "merchantRefId": "order-1", "found": false }));
}

#[test]
fn what_shows_no_link_says_why_and_what_to_do() {
    for (result, words, unanswered) in [
        (CallResult::NotSent(NotSent::Dns), "check the network", true),
        (CallResult::NotSent(NotSent::NoToken), "no token came", true),
        (CallResult::NotSent(NotSent::NoSecret), "secret files", false),
        (CallResult::NoAnswer(NoAnswer::Timeout), "try again later", true),
        (answered(500, None), "smartsend explain http 500", false),
        (answered(200, None), "makes no sense", false),
        (answered(429, None), "fewer requests", false),
        (answered(401, None), "turned the account away", false),
        (CallResult::TokenRefused, "check client_id", false),
        (CallResult::TokenThrottled(None), "fewer requests", false),
    ] {
        let shown = shown(result);
        let why = shown.why_not().unwrap();
        assert!(why.contains(words), "{why}");
        assert_eq!(shown.is_unanswered(), unanswered, "{why}");
        assert_eq!((shown.table(true), shown.json(true)), (None, None));
    }
    let missing = Shown { lookup: Lookup::NotFound, ..found(LINK) };
    assert!(missing.why_not().unwrap().contains("no proof that there is none"));
    assert!(!missing.is_unanswered());
}

#[test]
fn a_mask_leaves_the_little_by_which_a_person_knows_their_own() {
    assert_eq!(masked_mobile("9999999999"), "******9999");
    assert_eq!(masked_mobile("99"), "99");
    assert_eq!(masked_email("asha@example.com"), "a***@example.com");
    assert_eq!(masked_email("a"), "***");
    assert_eq!(masked_email("@example.com"), "***");
    assert_eq!(masked_email(""), "***");
}
