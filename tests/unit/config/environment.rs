//! What comes from the environment, and from files.

use std::path::Path;
use std::time::Duration;

use smartsend::config::{BrokerUrl, Config, Grant, Secret};

use super::{
    CANARY, LEAST, client_secret, env, least_but, least_with, parse, refusal, refusals, value,
};

#[test]
fn the_environment_goes_over_the_file_and_takes_the_keys_type() {
    let variables = [
        ("SMARTSEND_BROKER__URLS", "amqp://a/x, amqps://user:p%40ss@b:5700/%2f"),
        ("SMARTSEND_BROKER__PREFIX", "0099"),
        ("SMARTSEND_MERCHANTS__DEFAULT__PAYOUT_MERCHANT_ID", "0099"),
        ("SMARTSEND_MERCHANTS__DEFAULT__RATE_PER_SECOND", "7"),
        ("SMARTSEND_MERCHANTS__DEFAULT__REJECTS", "1119,1120"),
        ("SMARTSEND_MERCHANTS__DEFAULT__MAX_AMOUNT", "10.50"),
        ("SMARTSEND_MERCHANTS__DEFAULT__CLIENT_SECRET", "other"),
        ("SMARTSEND_UNSURE__LOOK_FIRST", "true"),
        ("SMARTSEND_RETRY__DELAYS", "2s,3s"),
        ("SMARTSEND_LOG__LEVEL", "info,smartsend::amqp=debug"),
        // Not ours: no `__` after the prefix.
        ("SMARTSEND_CONFIG", "elsewhere.toml"),
        ("SMARTSEND_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("OTHER__THING", "1"),
    ];
    let config = Config::parse(LEAST, env(&variables)).unwrap();
    let hosts: Vec<String> = config.broker.urls.iter().map(BrokerUrl::host_port).collect();
    assert_eq!(hosts, ["a:5672", "b:5700"]);
    assert_eq!(config.broker.prefix, "0099");
    let merchant = &config.merchants["default"];
    assert_eq!(merchant.account.payout_merchant_id, "0099");
    assert_eq!(merchant.rate_per_second, 7);
    assert_eq!(merchant.rejects, [1119, 1120]);
    assert_eq!(merchant.max_amount.to_string(), "10.50");
    assert_eq!(value(client_secret(&config)), "other");
    assert!(config.unsure.look_first);
    assert_eq!(config.retry.delays, [2, 3].map(Duration::from_secs));
    assert_eq!(config.log.level, "info,smartsend::amqp=debug");
}

#[test]
fn the_environment_alone_may_do() {
    let variables = [
        ("SMARTSEND_MERCHANTS__REFUNDS_IN__PAYOUT_MERCHANT_ID", "1"),
        ("SMARTSEND_MERCHANTS__REFUNDS_IN__API", "v1"),
        ("SMARTSEND_MERCHANTS__REFUNDS_IN__CLIENT_ID", "client"),
        ("SMARTSEND_MERCHANTS__REFUNDS_IN__CLIENT_SECRET__FILE", "/run/secrets/payu"),
        ("SMARTSEND_MERCHANTS__REFUNDS_IN__RATE_PER_SECOND", "1"),
        ("SMARTSEND_MERCHANTS__REFUNDS_IN__MAX_AMOUNT", "1"),
        ("SMARTSEND_MERCHANTS__REFUNDS_IN__REJECTS", ""),
    ];
    let config = Config::parse("", env(&variables)).unwrap();
    let merchant = &config.merchants["refunds_in"];
    assert!(merchant.rejects.is_empty());
    let Grant::ClientCredentials { client_secret: Secret::File(file), .. } = &merchant.grant else {
        panic!("{:?}", merchant.grant);
    };
    assert_eq!(file, Path::new("/run/secrets/payu"));
}

#[test]
fn a_variable_that_sets_nothing_is_refused_with_its_name_and_without_its_value() {
    let variables = [
        ("SMARTSEND_BROKER__URL", CANARY),
        ("SMARTSEND_BROKERS__URLS", CANARY),
        ("SMARTSEND_MERCHANTS__DEFAULT", CANARY),
        ("SMARTSEND_Ops__Listen", "127.0.0.1:1"),
        ("SMARTSEND_OPS__LISTEN", "127.0.0.1:2"),
    ];
    let sentences = refusals(LEAST, &variables);
    let wanted = [
        "`broker.url` (from SMARTSEND_BROKER__URL): there is no such key; did you mean `urls`?",
        "`brokers.urls` (from SMARTSEND_BROKERS__URLS): there is no such key",
        "`merchants.default` (from SMARTSEND_MERCHANTS__DEFAULT): it is a table; set the keys in it",
        "`ops.listen` (from SMARTSEND_Ops__Listen): SMARTSEND_OPS__LISTEN sets it too; keep one of \
         the two",
    ];
    for sentence in wanted {
        assert!(sentences.iter().any(|s| s == sentence), "{sentence}\n{sentences:#?}");
    }
    assert_eq!(sentences.len(), wanted.len());
}

#[test]
fn a_secret_comes_from_the_text_a_variable_or_a_file() {
    let line = "client_secret = \"canary-7f3a\"";
    let by_env = least_but(line, "client_secret = { env = \"PAYU\" }");
    let config = Config::parse(&by_env, env(&[("PAYU", CANARY)])).unwrap();
    assert_eq!(value(client_secret(&config)), CANARY);
    let by_file = least_but(line, "client_secret = { file = \"payu.txt\" }");
    let config = parse(&by_file).unwrap();
    assert!(matches!(client_secret(&config), Secret::File(file) if file == Path::new("payu.txt")));

    let start = "`merchants.default.client_secret`: ";
    assert_eq!(refusal(&by_env), format!("{start}the environment variable PAYU is not set"));
    let whole = "SMARTSEND_MERCHANTS__DEFAULT__CLIENT_SECRET";
    let part = "SMARTSEND_MERCHANTS__DEFAULT__CLIENT_SECRET__ENV";
    for (toml, variables, reason) in [
        (by_env.as_str(), vec![("PAYU", "")], "PAYU is empty"),
        (&by_env, vec![("PAYU", "canary-7f3a\n")], "PAYU holds a line break"),
        (&by_env, vec![("PAYU", "canary-7f3a\u{fffd}")], "PAYU is not UTF-8"),
        (LEAST, vec![(whole, CANARY), (part, "PAYU")], "the environment gives it twice"),
        (&least_but(line, "client_secret = 7"), vec![], "it must be { env"),
        (&least_but(line, "client_secret = { env = \"A\", file = \"b\" }"), vec![], "it must be {"),
        (&least_but(line, "client_secret = { file = \"\" }"), vec![], "the file's name is empty"),
    ] {
        let sentences = refusals(toml, &variables);
        assert_eq!(sentences.len(), 1, "{sentences:?}");
        assert!(sentences[0].starts_with(&format!("{start}{reason}")), "{sentences:?}");
    }
}

#[test]
fn the_password_grant_wants_its_own_credentials() {
    let line = "client_secret = \"canary-7f3a\"";
    let password = "grant = \"password\"\nusername = \"canary-7f3a\"\npassword = { env = \"P\" }";
    let config = Config::parse(&least_but(line, password), env(&[("P", "pw")])).unwrap();
    let Grant::Password { client_id, username, password } = &config.merchants["default"].grant
    else {
        panic!("it is the other grant");
    };
    assert_eq!((client_id.as_str(), value(username), value(password)), ("client", CANARY, "pw"));

    let sentences = refusals(&least_with("grant = \"password\"", ""), &[]);
    assert_eq!(sentences.len(), 3, "{sentences:?}");
    assert!(sentences[2].ends_with("it belongs to grant = \"client_credentials\"; leave it out"));
    let sentence = refusal(&least_with("username = \"canary-7f3a\"", ""));
    assert!(sentence.ends_with("it belongs to grant = \"password\"; leave it out"), "{sentence}");
    let sentence = refusal(&least_with("grant = \"implicit\"", ""));
    assert!(sentence.ends_with("it must be \"client_credentials\" or \"password\""), "{sentence}");
}

#[test]
fn only_a_file_that_was_named_has_to_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("smartsend.toml");
    let errors = Config::read(Some(&file), env(&[])).unwrap_err();
    assert!(errors.to_string().contains("the configuration file cannot be read"), "{errors}");
    std::fs::write(&file, LEAST).unwrap();
    assert_eq!(Config::read(Some(&file), env(&[])).unwrap().merchants.len(), 1);
    // The tests run where there is no `smartsend.toml`.
    let errors = Config::read(None, env(&[])).unwrap_err();
    assert!(errors.to_string().starts_with("`merchants`: there is no merchant"), "{errors}");
}
