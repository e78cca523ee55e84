//! Whether details speaks of our intent.

use super::*;

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
    let Lookup::Found(details) = lookup(200, Some(envelope)) else { panic!() };
    details
}

fn compare(details: &Details, intent: &Intent) -> Comparison {
    Comparison::new(details, intent.amount, &intent.contact)
}

/// What is said where every field is known to come back as it was sent, and where none is.
fn judge(details: &Details, intent: &Intent) -> (Match, Match) {
    let compared = compare(details, intent);
    (compared.judge(Fields::ALL), compared.judge(Fields::default()))
}

#[test]
fn a_field_is_faithful_if_either_lookup_has_shown_it() {
    let none = Fields::default();
    let each = [
        Fields { amount: true, ..none },
        Fields { mobile: true, ..none },
        Fields { email: true, ..none },
    ];
    for field in each {
        assert_eq!((field.or(none), none.or(field), field.or(field)), (field, field, field));
    }
    assert_eq!(each.into_iter().fold(none, Fields::or), Fields::ALL);
}

#[test]
fn likeness_compares_what_both_sides_have_unmasked() {
    use Match::{Conflict, Other, Same, Unknown};
    let (by_both, by_mobile, by_email) = (
        Same(ConfirmedContact::Both),
        Same(ConfirmedContact::Mobile),
        Same(ConfirmedContact::Email),
    );
    let both = intent(r#""custMobile":"9999999999","custEmail":"Asha+refund@example.com""#);
    let (amount, mobile, email) =
        (Some("100.5"), Some("9999999999"), Some("asha+refund@EXAMPLE.com"));
    for (amount, mobile, email, faithful, otherwise) in [
        (amount, mobile, email, by_both, by_both),
        (Some("100.50"), mobile, None, by_mobile, by_mobile),
        (Some("100.5000"), None, email, by_email, by_email),
        (amount, Some("+919999999999"), None, by_mobile, by_mobile),
        (amount, Some("+91 99999-99999"), None, by_mobile, by_mobile),
        (amount, Some("(0)9999999999"), None, by_mobile, by_mobile),
        (amount, Some("XXXXXX9999"), email, by_email, by_email),
        (amount, mobile, Some("a***@example.com"), by_mobile, by_mobile),
        (amount, mobile, Some("aXXXX@example.com"), by_mobile, by_mobile),
        (amount, mobile, Some(" asha+refund@example.com "), by_both, by_both),
        // An address that was read as form data.
        (amount, mobile, Some("asha refund@example.com"), by_both, by_both),
        (amount, mobile, Some("asha%2Brefund%40example.com"), by_both, by_both),
        // Masked so that it looks like another address: where no lookup has shown an
        // address as it was sent, it says nothing.
        (amount, mobile, Some("c...y@example.com"), Conflict, by_mobile),
        (amount, mobile, Some("ca__y@e__.com"), Conflict, by_mobile),
        (amount, mobile, Some("n/a@payu.in"), Conflict, by_mobile),
        (amount, Some("0000009999"), email, Conflict, by_email),
        (amount, Some("9999999998"), email, Conflict, by_email),
        (Some("10050"), mobile, email, Conflict, Unknown),
        (Some("100.51"), None, None, Conflict, Unknown),
        (None, Some("9999999998"), None, Conflict, Unknown),
        // Another's: the amount differs, and so does each contact that can be compared.
        (Some("100.51"), Some("9999999998"), None, Other, Unknown),
        (Some("100.51"), Some("9999999998"), Some("usha@example.com"), Other, Unknown),
        (Some("100.51"), Some("9999999998"), email, Conflict, Unknown),
        // Nothing to compare by is not "the same", and not "another" either (trace 11).
        (amount, None, None, Unknown, Unknown),
        (None, mobile, email, Unknown, Unknown),
        (None, None, None, Unknown, Unknown),
        (amount, Some("******9999"), None, Unknown, Unknown),
        (amount, Some("xxxxxx9998"), Some("u••••@example.com"), Unknown, Unknown),
        (amount, Some("9999"), Some("hidden"), Unknown, Unknown),
        (amount, Some(""), Some(""), Unknown, Unknown),
        (Some("***"), mobile, email, Unknown, Unknown),
    ] {
        let details = details(amount, mobile, email);
        assert_eq!(
            judge(&details, &both),
            (faithful, otherwise),
            "{amount:?} {mobile:?} {email:?}"
        );
        // Only a link of our own shows that lookups show the links of this API.
        let shown = Lookup::Found(details);
        assert_eq!(shown.shows_link_of(&both).is_some(), matches!(otherwise, Same(_)));
    }
}

#[test]
fn a_field_that_looks_different_is_reported_as_such() {
    let ours = intent(r#""custMobile":"9999999999""#);
    let of = |amount, mobile| compare(&details(amount, mobile, None), &ours);
    assert!(of(Some("10050"), Some("9999999999")).looks_different());
    assert!(of(Some("100.50"), Some("0000009999")).looks_different());
    assert!(!of(Some("100.50"), Some("XXXXXX9999")).looks_different());
    assert!(!of(None, None).looks_different());
    let equal = of(Some("100.50"), Some("0000009999")).equal_fields();
    assert_eq!(equal, Fields { amount: true, mobile: false, email: false });
}

#[test]
fn a_lookup_that_finds_nothing_shows_no_link() {
    let ours = intent(r#""custMobile":"9999999999""#);
    for lookup in [Lookup::NotFound, Lookup::Throttled(None), lookup(500, None)] {
        assert!(lookup.shows_link_of(&ours).is_none(), "{lookup:?}");
    }
}

#[test]
fn a_way_to_reach_the_customer_that_only_one_side_has_says_nothing() {
    let mobile_only = intent(r#""custMobile":"9999999999""#);
    let email_only = intent(r#""custEmail":"asha@example.com""#);
    let of = |mobile, email| details(Some("100.5"), mobile, email);
    let email = Some("asha@example.com");
    for (details, intent, expected) in [
        (of(None, email), &mobile_only, Match::Unknown),
        (of(Some("9999999999"), None), &email_only, Match::Unknown),
        (of(Some("9999999999"), email), &mobile_only, Match::Same(ConfirmedContact::Mobile)),
        (of(Some("8888888888"), email), &email_only, Match::Same(ConfirmedContact::Email)),
    ] {
        assert_eq!(judge(&details, intent), (expected, expected));
    }
}
