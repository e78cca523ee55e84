//! What a wrong configuration is answered with.

use proptest::prelude::*;
use smartsend::domain::account::Api;

use super::{CANARY, least_but, least_with, parse, refusal, refusals};

#[test]
fn each_key_that_only_a_person_can_know_is_asked_for() {
    let sentences = refusals("[merchants.default]", &[]);
    let keys = [
        "payout_merchant_id",
        "api",
        "client_id",
        "client_secret",
        "rate_per_second",
        "max_amount",
    ];
    assert_eq!(sentences.len(), keys.len(), "{sentences:?}");
    for key in keys {
        let start = format!("`merchants.default.{key}`: it is missing; ");
        assert!(sentences.iter().any(|s| s.starts_with(&start)), "{start}: {sentences:?}");
    }
}

#[test]
fn every_error_comes_at_once() {
    let toml = r#"
        colour = "red"
        [broker]
        urls = ["http://user:canary-7f3a@host/"]
        heartbeat = "10"
        heart_beat = "10s"
        [merchants.default]
        payout_merchant_id = 1111312
        api = "v3"
        client_id = ""
        client_secret = { vault = "canary-7f3a" }
        rate_per_second = 0
        max_amount = 200000.00
        connect_timeout = "30s"
        sandbox = "yes"
        [merchants.Bad]
        [retry]
        delays = ["5s", "1s"]
        [in_doubt]
        lookups = 0
        policy = "give_up"
        [ops]
        listen = "localhost:8080"
        [log]
        level = "inof"
        [shutdown]
        drain = "1s"
    "#;
    let sentences = refusals(toml, &[("SMARTSEND_LOG__FORMAT", "xml")]);
    let starts = [
        "`colour`: ",
        "`broker.urls[0]` is \"http://host/…\": ",
        "`broker.heartbeat` is \"10\": a duration is ",
        "`broker.heart_beat`: there is no such key; did you mean `heartbeat`?",
        "`merchants.default.payout_merchant_id` is 1111312: it must be text in quotes",
        "`merchants.default.api` is \"v3\": ",
        "`merchants.default.client_id` is \"\": ",
        "`merchants.default.client_secret`: ",
        "`merchants.default.rate_per_second` is 0: ",
        "`merchants.default.max_amount` is 200000.0: it must be text in quotes",
        "`merchants.default.connect_timeout` is \"30s\": connect_timeout < timeout must hold",
        "`merchants.default.sandbox` is \"yes\": it must be true or false",
        "`merchants.Bad`: a merchant's name",
        "`merchants.Bad.api`: it is missing",
        "`retry.delays`: they must ascend, but 1s comes after 5s",
        "`in_doubt.lookups` is 0: it must be a whole number from 1 to 100",
        "`in_doubt.policy` is \"give_up\": it must be one of \"resend\", \"park\", \"strict\"",
        "`ops.listen` is \"localhost:8080\": ",
        "`log.format` (from SMARTSEND_LOG__FORMAT) is \"xml\": it must be one of \"json\", \"pretty\"",
        "`log.level` is \"inof\": ",
        "`merchants.default.timeout` is \"20s\": timeout + confirm_timeout <= drain must hold",
    ];
    for start in starts {
        assert!(sentences.iter().any(|s| s.starts_with(start)), "{start}\n{sentences:#?}");
    }
}

#[test]
fn text_that_is_not_toml_is_named_by_its_line_and_not_shown() {
    let sentence = refusal("[broker]\nprefix = \"a\"\nclient_secret = \"canary-7f3a\n");
    assert!(sentence.starts_with("`line 3`: this is not TOML: "), "{sentence}");
    refusal("client_secret = canary-7f3a");
    assert_eq!(refusal("[retry]\nlease = = 1"), "`line 2`: this is not TOML: extra `=`");
    refusal("client_secret = \"\\canary-7f3a\"");
    // A secret of digits without its quotes is too large a number.
    for secret in ["109999999999999999999", "99999999999999999999999999999999999999999999"] {
        let sentence = refusal(&format!("\nclient_secret = {secret}"));
        assert!(sentence.starts_with("`line 2`: this is not TOML: "), "{sentence}");
        assert!(!sentence.contains("99999"), "{sentence}");
    }
}

#[test]
fn a_key_that_does_not_exist_is_answered_with_those_that_do() {
    for (table, key, answer) in [
        ("retry", "hold", "[retry] has delays, lease, max_age"),
        ("in_doubt", "lookup", "did you mean `lookups`?"),
        ("log", "levle", "did you mean `level`?"),
        ("shutdown", "grace", "[shutdown] has drain"),
    ] {
        let sentence = refusal(&least_with("", &format!("[{table}]\n{key} = \"1s\"")));
        assert_eq!(sentence, format!("`{table}.{key}`: there is no such key; {answer}"));
    }
    let sentence = refusal(&least_with("", "[unsure]\nlooks = 3"));
    let tables = "broker, in_doubt, log, merchants, ops, retry, shutdown";
    assert_eq!(sentence, format!("`unsure`: there is no such key; the file has {tables}"));
}

#[test]
fn without_a_merchant_there_is_nothing_to_do() {
    assert!(refusal("").starts_with("`merchants`: there is no merchant"));
}

#[test]
fn an_api_is_v1_or_v2() {
    let v2 = parse(&least_but("api = \"v1\"", "api = \"v2\"")).unwrap();
    assert_eq!(v2.merchants["default"].account.api, Api::V2);
    let sentence = refusal(&least_but("api = \"v1\"", "api = \"v3\""));
    assert!(sentence.contains("it must be one of \"v2\", \"v1\""), "{sentence}");
    let sentence = refusal(&least_but("api = \"v1\"", ""));
    assert!(sentence.contains("write api = \"v2\", or \"v1\" for the older API"), "{sentence}");
}

proptest! {
    #[test]
    fn no_text_makes_the_reading_panic_or_show_a_secret(noise in "[ -~\n]{0,60}") {
        let toml = format!("client_secret = \"canary-7f3a\"\n{noise}");
        if let Err(errors) = parse(&toml) {
            prop_assert!(!errors.to_string().contains(CANARY));
        }
    }
}
