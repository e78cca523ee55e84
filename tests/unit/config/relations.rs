//! Ranges, and settings that only fit together.

use super::{LEAST, least_but, least_with, parse, refusal, refusals};

#[test]
fn each_relation_is_refused_with_its_arithmetic() {
    for (merchant, tables, arithmetic) in [
        (
            "connect_timeout = \"20s\"",
            "",
            "`merchants.default.connect_timeout` is \"20s\": connect_timeout < timeout must hold, but \
             20s is not less than 20s (`merchants.default.timeout`): ",
        ),
        (
            "timeout = \"26s\"",
            "",
            "timeout + confirm_timeout <= drain must hold, but 26s + 5s = 31s is more than 30s \
             (`shutdown.drain`): ",
        ),
        (
            "",
            "[in_doubt]\nfirst_lookup = \"5m\"",
            "first_lookup < quarantine must hold, but 5m is not less than 5m (`in_doubt.quarantine`): ",
        ),
        (
            "",
            "[retry]\nmax_age = \"300s\"",
            "quarantine < max_age must hold, but 5m is not less than 5m (`retry.max_age`): ",
        ),
        (
            "",
            "[retry]\nlease = \"260s\"",
            "lease + timeout + 2 * heartbeat < quarantine must hold, but 260s + 20s + 2 * 10s = 5m is \
             not less than 5m (`in_doubt.quarantine`): ",
        ),
        (
            "",
            "[broker]\nconsumer_timeout = \"640s\"",
            "quarantine + timeout < consumer_timeout / 2 must hold, but 5m + 20s = 320s is not less \
             than 640s / 2 = 320s (`broker.consumer_timeout`): ",
        ),
    ] {
        let sentence = refusal(&least_with(merchant, tables));
        assert!(sentence.contains(arithmetic), "{sentence}");
    }
    // This one cannot be broken alone.
    let long = least_with("timeout = \"5m\"", "[shutdown]\ndrain = \"10m\"");
    let sentences = refusals(&long, &[]);
    let arithmetic = "timeout < quarantine must hold, but 5m is not less than 5m";
    assert!(sentences.iter().any(|s| s.contains(arithmetic)), "{sentences:?}");
}

#[test]
fn relations_at_their_limit_are_taken() {
    parse(&least_with("connect_timeout = \"19999ms\"", "")).unwrap();
    parse(&least_with("timeout = \"25s\"", "")).unwrap();
    parse(&least_with("", "[retry]\nlease = \"259999ms\"")).unwrap();
    parse(&least_with("", "[broker]\nconsumer_timeout = \"641s\"")).unwrap();
}

#[test]
fn two_merchants_of_one_account_are_refused() {
    let other = LEAST.replace("merchants.default", "merchants.other");
    let sentence = refusal(&format!("{LEAST}{other}"));
    let start =
        "`merchants.other.payout_merchant_id` is \"1111312\": `merchants.default` has the same";
    assert!(sentence.starts_with(start), "{sentence}");
    let differs = other.replace("1111312", "1111313");
    assert_eq!(parse(&format!("{LEAST}{differs}")).unwrap().merchants.len(), 2);
}

#[test]
fn a_merchants_numbers_have_ranges_and_reasons() {
    for (line, reason) in [
        ("burst = 11", "at most rate_per_second, or 2, but 11 is more than 10"),
        ("burst = 0", "from 1 to"),
        ("concurrency = 0", "from 1 to"),
        ("reject_codes = [1103]", "say that a link exists already"),
        ("reject_codes = [1100]", "refuses the merchant"),
        ("reject_codes = [\"1119\"]", "a whole number, without quotes"),
        ("link_hosts = []", "at least one host"),
        ("link_hosts = [\"in\"]", "must have a dot"),
        ("link_hosts = [\"https://payu.in\"]", "a host's name alone"),
        ("link_hosts = [\".payu.in\"]", "a host's name alone"),
        ("max_retry_after = \"0s\"", "and not zero"),
    ] {
        let sentence = refusal(&least_with(line, ""));
        assert!(sentence.contains(reason), "{line}: {sentence}");
    }
    for amount in ["0", "1e5", "1.001", "-5", "05"] {
        let toml = least_but("200000.00", amount);
        assert!(refusal(&toml).starts_with("`merchants.default.max_amount` is "));
    }
    // The smallest rate goes with the default burst.
    parse(&least_but("rate_per_second = 10", "rate_per_second = 1")).unwrap();
}

#[test]
fn delays_ascend_and_each_has_a_name_of_its_own() {
    for (delays, reason) in [
        ("[]", "at least one delay"),
        ("[\"2s\", \"1s\"]", "they must ascend, but 1s comes after 2s"),
        ("[\"60s\", \"1m\"]", "it holds 1m twice"),
        ("[\"1001h\"]", "1001h is more than 1000h"),
    ] {
        let sentence = refusal(&least_with("", &format!("[retry]\ndelays = {delays}")));
        assert!(sentence.contains(reason), "{delays}: {sentence}");
    }
}

#[test]
fn heartbeats_are_whole_seconds() {
    for heartbeat in ["500ms", "1500ms", "19h"] {
        let toml = least_with("", &format!("[broker]\nheartbeat = \"{heartbeat}\""));
        let sentences = refusals(&toml, &[]);
        assert!(sentences[0].contains("in whole seconds"), "{sentences:?}");
    }
}
