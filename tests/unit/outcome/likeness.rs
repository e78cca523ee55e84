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

#[test]
fn likeness_compares_what_both_sides_have_unmasked() {
    use Match::{Different, Same, Unknown};
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
        (Some("100.51"), mobile, email, Different),
        (Some("100.51"), None, None, Different),
        (amount, Some("9999999998"), email, Different),
        (amount, mobile, Some("usha@example.com"), Different),
        (None, Some("9999999998"), None, Different),
        // Nothing to compare by is not "the same", and not "another" either (trace 11).
        (amount, None, None, Unknown),
        (None, mobile, email, Unknown),
        (None, None, None, Unknown),
        (amount, Some("******9999"), None, Unknown),
        (amount, Some("xxxxxx9998"), Some("u••••@example.com"), Unknown),
        (amount, Some("9999"), Some("hidden"), Unknown),
        (amount, Some(""), Some(""), Unknown),
        (Some("1.005E2"), mobile, email, Unknown),
        (Some("***"), mobile, email, Unknown),
    ] {
        let likeness = details(amount, mobile, email).compare(&both);
        assert_eq!(likeness, expected, "{amount:?} {mobile:?} {email:?}");
        // Only a link of our own shows that lookups show the links of this API.
        let shown = Lookup::Found(details(amount, mobile, email));
        assert_eq!(shown.shows_link_of(&both), expected == Same);
    }
}

#[test]
fn a_lookup_that_finds_nothing_shows_no_link() {
    let ours = intent(r#""custMobile":"9999999999""#);
    for lookup in [Lookup::NotFound, Lookup::Throttled(None), lookup(500, None)] {
        assert!(!lookup.shows_link_of(&ours), "{lookup:?}");
    }
}

#[test]
fn a_way_to_reach_the_customer_that_only_one_side_has_says_nothing() {
    let mobile_only = intent(r#""custMobile":"9999999999""#);
    let email_only = intent(r#""custEmail":"asha@example.com""#);
    let of = |mobile, email| details(Some("100.5"), mobile, email);
    let email = Some("asha@example.com");
    assert_eq!(of(None, email).compare(&mobile_only), Match::Unknown);
    assert_eq!(of(Some("9999999999"), None).compare(&email_only), Match::Unknown);
    assert_eq!(of(Some("9999999999"), email).compare(&mobile_only), Match::Same);
    assert_eq!(of(Some("8888888888"), email).compare(&email_only), Match::Same);
}
