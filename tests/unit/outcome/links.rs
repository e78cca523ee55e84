//! Which links are sent out.

use super::*;

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
        let Outcome::Created(made) = create(200, Some(success(Some(good)))) else {
            panic!("{good}")
        };
        assert_eq!(made.link.expose(), good);
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
        let Lookup::Found(details) = lookup(200, Some(details)) else { panic!("{link}") };
        assert_eq!(details.link, DetailsLink::Foreign, "{link:?}");
    }
}

#[test]
fn the_sandbox_takes_any_host_but_no_other_scheme() {
    let rules = ClassifyRules { link_hosts: LinkHosts::Any, ..rules() };
    let of = |link| Outcome::classify(answer(200, Some(success(Some(link)))), &reference(), &rules);
    assert!(matches!(of("http://127.0.0.1:8081/l/1"), Outcome::Created(_)));
    assert_eq!(of("javascript:alert(1)"), Outcome::ForeignLink);
}
