//! Ranges, and settings that only fit together.

use smartsend::admission::{DividedLimits, Limits};
use smartsend::config::CancelAs;

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
fn what_commands_would_leave_nothing_of_is_refused_with_its_arithmetic() {
    let sentence = refusal(&least_with("commands_per_second = 10", ""));
    let expected = "`merchants.default.commands_per_second` is 10: commands_per_second < \
                    rate_per_second must hold, but 10 is not less than 10 \
                    (`merchants.default.rate_per_second`): ";
    assert!(sentence.starts_with(expected), "{sentence}");
    let all = "commands_per_second = 11\nburst = 1\nconcurrency = 1";
    let sentences = refusals(&least_with(all, ""), &[]);
    assert_eq!(sentences.len(), 3, "{sentences:?}");
    for leaf in ["burst", "concurrency"] {
        let expected = format!(
            "`merchants.default.{leaf}` is 1: with commands_per_second = 11 it must be at least 2, \
             one for intents and one for commands, but 1 is less than 2"
        );
        assert!(sentences.contains(&expected), "{expected}\n{sentences:#?}");
    }
    // One that is wrong by itself is not held against the others.
    let sentence = refusal(&least_with("commands_per_second = -1\nburst = 1", ""));
    let expected =
        "`merchants.default.commands_per_second` is -1: it must be a whole number from 0 ";
    assert!(sentence.starts_with(expected), "{sentence}");
    let without_rate = least_but("rate_per_second = 10", "rate_per_second = 0");
    let sentence = refusal(&format!("{without_rate}commands_per_second = 10\n"));
    assert!(sentence.starts_with("`merchants.default.rate_per_second` is 0: "), "{sentence}");
}

#[test]
fn commands_divide_the_limits_of_the_merchant_that_takes_them() {
    let numbers = |limits: Limits| {
        [limits.rate.per_second.get(), limits.rate.burst.get(), limits.concurrency]
    };
    let limits = |line: &str| {
        let DividedLimits { intents, commands } =
            parse(&least_with(line, "")).unwrap().merchants["default"].limits;
        (numbers(intents), commands.map(numbers))
    };
    assert_eq!(limits("commands_per_second = 0"), ([10, 2, 16], None));
    assert_eq!(limits("commands_per_second = 1"), ([9, 1, 14], Some([1, 1, 2])));
    let least = limits("commands_per_second = 9\nconcurrency = 2");
    assert_eq!(least, ([1, 1, 1], Some([9, 1, 1])));
}

#[test]
fn a_cancel_names_its_reference_in_one_of_two_ways() {
    let way = |line: &str| parse(&least_with(line, "")).unwrap().merchants["default"].cancel_as;
    assert_eq!(way("cancel_as = \"query\""), CancelAs::Query);
    assert_eq!(way("cancel_as = \"form\""), CancelAs::Form);
    let sentence = refusal(&least_with("cancel_as = \"body\"", ""));
    assert!(sentence.ends_with("it must be one of \"query\", \"form\""), "{sentence}");
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
fn limits_on_money_ascend() {
    for (lines, reason) in [
        (
            "max_per_hour = \"199999.99\"",
            "`merchants.default.max_amount` is \"200000.00\": max_amount <= max_per_hour must hold, \
             but 200000.00 is more than 199999.99 (`merchants.default.max_per_hour`): ",
        ),
        (
            "max_per_hour = \"500000\"\nmax_per_day = \"400000\"",
            "max_per_hour <= max_per_day must hold, but 500000.00 is more than 400000.00",
        ),
        ("max_per_day = \"1\"", "max_amount <= max_per_day must hold"),
    ] {
        let sentence = refusal(&least_with(lines, ""));
        assert!(sentence.contains(reason), "{sentence}");
    }
    let merchants = parse(&least_with("max_per_day = \"200000\"", "")).unwrap().merchants;
    let limits = merchants["default"].spend_limits;
    assert_eq!(limits.per_hour, None);
    assert_eq!(limits.per_day.unwrap().to_string(), "200000.00");
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
        ("publishers = [7]", "it must be text in quotes"),
        ("signing_keys = \"a key of sixteen or more\"", "it must be a list"),
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
