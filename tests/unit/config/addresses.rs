//! Addresses, and what they may hold.

use std::path::Path;

use smartsend::config::BrokerUrl;

use super::{CANARY, least_with, parse, refusal, refusals};

#[test]
fn no_debug_shows_a_secret_or_a_brokers_password() {
    let urls = "[broker]\nurls = [\"amqp://user:canary-7f3a@host/live\"]";
    let config = parse(&least_with("", urls)).unwrap();
    let debug = format!("{config:?}");
    assert!(!debug.contains(CANARY), "{debug}");
    assert!(debug.contains("amqp://host:5672/live"), "{debug}");
}

#[test]
fn a_brokers_address_gives_its_place() {
    let url = BrokerUrl::parse("amqps://pay%40out:p%2Fw@mq.example/live").unwrap();
    assert_eq!(url.host_port(), "mq.example:5671");
    assert!(url.is_tls());
    let url = BrokerUrl::parse("amqp://127.0.0.1:5673").unwrap();
    assert_eq!(url.host_port(), "127.0.0.1:5673");
    assert!(!url.is_tls());
}

#[test]
fn a_brokers_address_that_would_be_misread_is_refused() {
    for (url, reason) in [
        ("amqp://u:canary-7f3a@host/", "an empty name"),
        ("amqp://u:canary-7f3a@host/a/b", "written %2f"),
        ("amqp://u:canary-7f3a@host/a?heartbeat=1", "keys of their own"),
        ("amqp://u:canary-7f3a@host/a#b", "keys of their own"),
        ("amqp://u:canary-7f3a@[::1]/a", "host name for an IPv6 address"),
        ("amqp:///a", "names no host"),
        ("amqp://u:canary-7f3a%ff@host", "UTF-8"),
        ("amqp://u:canary-7f3a@host:99999/a", "not an address"),
        ("mqtt://u:canary-7f3a@host", "begins with amqp"),
        ("canary-7f3a", "not an address"),
        // A password with a bare / ? or # ends the address early, and the rest is the password.
        ("amqp://u:/canary-7f3a@host", "written %2f"),
        ("amqp://u:12/canary-7f3a@host", "written %2f"),
        ("amqp://u:12?canary-7f3a@host", "written %2f"),
        ("amqp://u:12#canary-7f3a@host/live", "written %2f"),
    ] {
        let sentence = refusal(&least_with("", &format!("[broker]\nurls = [\"{url}\"]")));
        assert!(sentence.contains(reason), "{url}: {sentence}");
        assert!(!sentence.contains("//u:12"), "half a password is shown: {sentence}");
    }
    let sentence = refusal(&least_with("", "[broker]\nurls = \"amqp://u:canary-7f3a@host\""));
    assert!(sentence.contains("a list in brackets"), "{sentence}");
    let sentence = refusal(&least_with("", "[broker]\nurls = []"));
    assert!(sentence.contains("at least one broker"), "{sentence}");
}

#[test]
fn certificates_are_wanted_whole_and_only_with_tls() {
    let tls = "[broker]\nurls = [\"amqps://host\"]\nca_file = \"ca.pem\"\n";
    let config = parse(&least_with("", tls)).unwrap();
    assert_eq!(config.broker.ca_file.as_deref(), Some(Path::new("ca.pem")));
    assert!(config.broker.client_certificate.is_none());
    let both = format!("{tls}cert_file = \"c.pem\"\nkey_file = \"c.key\"");
    let client = parse(&least_with("", &both)).unwrap().broker.client_certificate.unwrap();
    assert_eq!(client.cert_file, Path::new("c.pem"));
    assert_eq!(client.key_file, Path::new("c.key"));
    let sentence = refusal(&least_with("", &format!("{tls}cert_file = \"c.pem\"")));
    assert!(sentence.starts_with("`broker.key_file`: it is missing"), "{sentence}");
    let sentence = refusal(&least_with("", &format!("{tls}key_file = \"c.key\"")));
    assert!(sentence.starts_with("`broker.cert_file`: it is missing"), "{sentence}");
    let sentence = refusal(&least_with("", "[broker]\nca_file = \"ca.pem\""));
    assert!(sentence.contains("only with an amqps:// address"), "{sentence}");
}

#[test]
fn http_is_for_the_sandbox_and_the_sandbox_is_on_this_machine() {
    let http = "api_url = \"http://127.0.0.1:9/payout\"\nauth_url = \"http://localhost:9/token\"";
    let sentences = refusals(&least_with(http, ""), &[]);
    assert_eq!(sentences.len(), 2, "{sentences:?}");
    assert!(sentences.iter().all(|s| s.contains("it must begin with https://")), "{sentences:?}");
    let merchant = format!("{http}\nsandbox = true\nlink_hosts = []");
    assert!(parse(&least_with(&merchant, "")).unwrap().merchants["default"].sandbox);
    let sentences = refusals(&least_with("sandbox = true", ""), &[]);
    assert_eq!(sentences.len(), 2, "{sentences:?}");
    assert!(sentences.iter().all(|s| s.contains("must lead to this machine")), "{sentences:?}");
}

#[test]
fn loopback_is_not_what_only_looks_like_it() {
    let at = |url: &str| {
        let urls = format!("api_url = \"{url}\"\nauth_url = \"{url}\"\nsandbox = true");
        least_with(&urls, "")
    };
    for url in ["http://127.0.0.1", "http://127.9.9.9:1/a", "http://[::1]:8", "https://localhost"] {
        parse(&at(url)).unwrap();
    }
    for url in ["http://127.0.0.1.evil.in", "http://localhost.evil.in", "http://10.0.0.1"] {
        assert_eq!(refusals(&at(url), &[]).len(), 2, "{url}");
    }
}

#[test]
fn a_providers_address_holds_nothing_but_the_place() {
    for (url, reason) in [
        ("https://u:canary-7f3a@host/payout", "no user and no password"),
        ("https://host/payout?key=canary-7f3a", "no query"),
        ("https://host/payout#canary-7f3a", "no fragment"),
        ("ftp://host", "https://"),
        ("payout.payumoney.com", "not an address"),
    ] {
        let sentence = refusal(&least_with(&format!("api_url = \"{url}\""), ""));
        assert!(sentence.contains(reason), "{url}: {sentence}");
    }
}
