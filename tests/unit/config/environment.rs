//! What comes from the environment, and from files.

use std::path::Path;
use std::time::Duration;

use smartsend::config::{BrokerUrl, Config, Grant, Secret};
use smartsend::domain::decide::InDoubtPolicy;
use smartsend::domain::publisher_guard::SigningKey;

use super::{
    CANARY, LEAST, client_secret, env, least_but, least_with, parse_with, refusal, refusals, value,
};

#[test]
fn the_environment_goes_over_the_file_and_takes_the_keys_type() {
    let variables = [
        ("SMARTSEND_BROKER__URLS", "amqp://a/x, amqps://user:p%40ss@b:5700/%2f"),
        ("SMARTSEND_BROKER__PREFIX", "0099"),
        ("SMARTSEND_MERCHANTS__DEFAULT__PAYOUT_MERCHANT_ID", "0099"),
        ("SMARTSEND_MERCHANTS__DEFAULT__RATE_PER_SECOND", "7"),
        ("SMARTSEND_MERCHANTS__DEFAULT__REJECT_CODES", "1119, 1120"),
        ("SMARTSEND_MERCHANTS__DEFAULT__MAX_AMOUNT", "10.50"),
        ("SMARTSEND_MERCHANTS__DEFAULT__CLIENT_SECRET", "other"),
        ("SMARTSEND_IN_DOUBT__POLICY", "strict"),
        ("SMARTSEND_MERCHANTS__DEFAULT__IN_DOUBT__LOOKUPS", "5"),
        ("SMARTSEND_MERCHANTS__DEFAULT__SANDBOX", "false"),
        ("SMARTSEND_RETRY__DELAYS", "2s,3s"),
        ("SMARTSEND_LOG__LEVEL", "info,smartsend::amqp=debug"),
        // Not ours: no `__` after the prefix.
        ("SMARTSEND_CONFIG", "elsewhere.toml"),
        ("SMARTSEND_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("OTHER__THING", "1"),
    ];
    let config = parse_with(LEAST, &variables).unwrap();
    let hosts: Vec<String> = config.broker.urls.iter().map(BrokerUrl::host_port).collect();
    assert_eq!(hosts, ["a:5672", "b:5700"]);
    assert_eq!(config.broker.prefix, "0099");
    let merchant = &config.merchants["default"];
    assert_eq!(merchant.account.payout_merchant_id, "0099");
    assert_eq!(merchant.limits.intents.rate.per_second.get(), 7);
    assert_eq!(merchant.rules.rejects, [1119, 1120]);
    assert_eq!(merchant.max_amount.to_string(), "10.50");
    assert_eq!(value(client_secret(&config)), "other");
    assert_eq!(merchant.in_doubt.policy, InDoubtPolicy::Strict);
    assert_eq!(merchant.in_doubt.lookups.get(), 5);
    assert_eq!(config.retry.delays.durations(), [2, 3].map(Duration::from_secs));
    assert_eq!(config.log.level, "info,smartsend::amqp=debug");
}

#[test]
fn signing_keys_are_secrets() {
    let (long, next) = ("a key of sixteen or more", "another key of sixteen");
    let body = b"{}";
    let read = |toml: &str, variables: &[(&str, &str)]| {
        let config = parse_with(&least_with(toml, ""), variables).unwrap();
        let keys = config.merchants["default"].publisher_guard.signing_keys.clone();
        keys.iter().map(|key| key.sign("default", "1", body)).collect::<Vec<_>>()
    };
    let sign = |key: &str| SigningKey::new(key.as_bytes()).sign("default", "1", body);
    assert_eq!(read("signing_keys = [{ env = \"KEY\" }]", &[("KEY", long)]), [sign(long)]);
    let both = format!("{long},{next}");
    let name = "SMARTSEND_MERCHANTS__DEFAULT__SIGNING_KEYS";
    assert_eq!(read("", &[(name, &both)]), [sign(long), sign(next)]);

    for (toml, why) in [
        ("signing_keys = [{ env = \"KEY\" }]", "the environment variable KEY is not set"),
        ("signing_keys = [\"canary-too-shor\"]", "must have at least 16 characters"),
        ("signing_keys = [\"a key of sixteen or more\", \"\"]", "the secret is empty"),
        ("signing_keys = [7]", "it must be { env"),
    ] {
        let sentence = refusal(&least_with(toml, ""));
        assert!(sentence.starts_with("`merchants.default.signing_keys["), "{sentence}");
        assert!(sentence.contains(why), "{sentence}");
        assert!(!sentence.contains("canary"), "{sentence}");
    }
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
        ("SMARTSEND_MERCHANTS__REFUNDS_IN__REJECT_CODES", ""),
    ];
    let secret = |path: &Path| {
        assert_eq!(path, Path::new("/run/secrets/payu"));
        Ok("secret\n".to_owned())
    };
    let config = Config::parse("", env(&variables), &secret).unwrap();
    let merchant = &config.merchants["refunds_in"];
    assert!(merchant.rules.rejects.is_empty());
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
        "`merchants.default` (from SMARTSEND_MERCHANTS__DEFAULT): there is no such key",
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
    let config = parse_with(&by_env, &[("PAYU", CANARY)]).unwrap();
    assert_eq!(value(client_secret(&config)), CANARY);
    let start = "`merchants.default.client_secret`: ";
    assert_eq!(refusal(&by_env), format!("{start}the environment variable PAYU is not set"));
    let whole = "SMARTSEND_MERCHANTS__DEFAULT__CLIENT_SECRET";
    let part = "SMARTSEND_MERCHANTS__DEFAULT__CLIENT_SECRET__ENV";
    for (toml, variables, reason) in [
        (by_env.as_str(), vec![("PAYU", "")], "PAYU is empty"),
        (&by_env, vec![("PAYU", "canary-7f3a\n")], "PAYU holds a line break"),
        (&by_env, vec![("PAYU", "canary-7f3a\u{fffd}")], "PAYU is not UTF-8"),
        (&least_but(line, "client_secret = 7"), vec![], "it must be { env"),
        (&least_but(line, "client_secret = { env = \"A\", file = \"b\" }"), vec![], "it must be {"),
        (&least_but(line, "client_secret = { file = \"\" }"), vec![], "the file  cannot be read"),
    ] {
        let sentences = refusals(toml, &variables);
        assert_eq!(sentences.len(), 1, "{sentences:?}");
        assert!(sentences[0].starts_with(&format!("{start}{reason}")), "{sentences:?}");
    }
    let sentences = refusals(LEAST, &[(whole, CANARY), (part, "PAYU")]);
    let both = format!("(from {part}): {whole} sets it too; keep one of the two");
    assert!(sentences.len() == 1 && sentences[0].ends_with(&both), "{sentences:?}");
}

#[test]
fn a_secrets_file_has_to_be_there_from_the_start_and_to_hold_one_line() {
    let by_file = |path: &str| {
        let named = format!("client_secret = {{ file = \"{path}\" }}");
        least_but("client_secret = \"canary-7f3a\"", &named)
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("payu.txt");
    let path = file.to_str().unwrap();
    let read =
        |path: &str| Config::parse(&by_file(path), env(&[]), &|file| std::fs::read_to_string(file));
    let start = format!("`merchants.default.client_secret`: the file {path} ");
    let missing = read(path).unwrap_err().to_string();
    assert!(missing.starts_with(&format!("{start}cannot be read (No such file")), "{missing}");
    for (bytes, reason) in [
        (b"".as_slice(), "is empty"),
        (b"\r\n", "is empty"),
        (b"canary-7f3a\ntwo\n", "holds a line break"),
        (b"canary-7f3a\xff", "cannot be read (stream did not contain valid UTF-8)"),
    ] {
        std::fs::write(&file, bytes).unwrap();
        let refusal = read(path).unwrap_err().to_string();
        assert!(refusal.starts_with(&format!("{start}{reason}")), "{refusal}");
        assert!(!refusal.contains(CANARY), "{refusal}");
    }
    std::fs::write(&file, "canary-7f3a\n").unwrap();
    let config = read(path).unwrap();
    assert!(matches!(client_secret(&config), Secret::File(named) if *named == file));
}

#[test]
fn a_variable_that_misses_an_underscore_is_refused_with_the_right_name() {
    for (wrong, right) in [
        ("SMARTSEND_BROKER_URLS", "SMARTSEND_BROKER__URLS"),
        ("SMARTSEND_IN_DOUBT_LOOKUPS", "SMARTSEND_IN_DOUBT__LOOKUPS"),
        ("SMARTSEND_MERCHANTS_DEFAULT_API", "SMARTSEND_MERCHANTS__DEFAULT__API"),
        ("SMARTSEND_MERCHANTS_A_B_CONNECT_TIMEOUT", "SMARTSEND_MERCHANTS__A_B__CONNECT_TIMEOUT"),
    ] {
        let sentences = refusals(LEAST, &[(wrong, CANARY)]);
        let expected = format!("`{wrong}`: it sets nothing; write {right}, with two underscores");
        assert!(sentences.len() == 1 && sentences[0].starts_with(&expected), "{sentences:?}");
    }
    for (wrong, key) in [
        ("SMARTSEND_IN__DOUBT__LOOKUPS", "in.doubt.lookups"),
        ("SMARTSEND_MERCHANTS__DEFAULT_API", "merchants.default_api"),
        (
            "SMARTSEND_MERCHANTS__DEFAULT__CLIENT_SECRET_FILE",
            "merchants.default.client_secret_file",
        ),
    ] {
        let sentences = refusals(LEAST, &[(wrong, CANARY)]);
        let expected = format!("`{key}` (from {wrong}): there is no such key");
        assert!(sentences.len() == 1 && sentences[0].starts_with(&expected), "{sentences:?}");
    }
    // Names that belong to the tests, to the command line, or to Kubernetes.
    let others = [
        "SMARTSEND_CONFIG",
        "SMARTSEND_TEST_BROKERS",
        "SMARTSEND_SEEDS",
        "SMARTSEND_BROKER_ROUNDS",
        "SMARTSEND_MERCHANTS_INTENTS",
        "SMARTSEND_PORT_8080_TCP",
        "SMARTSEND_BROKER_SERVICE_HOST",
        "SMARTSEND_MERCHANTS__",
    ];
    parse_with(LEAST, &others[..7].iter().map(|name| (*name, CANARY)).collect::<Vec<_>>()).unwrap();
    assert_eq!(refusals(LEAST, &[(others[7], CANARY)]).len(), 1);
}

#[test]
fn the_password_grant_wants_its_own_credentials() {
    let line = "client_secret = \"canary-7f3a\"";
    let password = "grant = \"password\"\nusername = \"canary-7f3a\"\npassword = { env = \"P\" }";
    let config = parse_with(&least_but(line, password), &[("P", "pw")]).unwrap();
    let Grant::Password { client_id, username, password } = &config.merchants["default"].grant
    else {
        panic!("it is the other grant");
    };
    assert_eq!((client_id.as_str(), value(username), value(password)), ("client", CANARY, "pw"));

    let sentences = refusals(&least_with("grant = \"password\"", ""), &[]);
    assert_eq!(sentences.len(), 3, "{sentences:?}");
    assert!(sentences.iter().any(|s| s.ends_with("it belongs to the other grant; leave it out")));
    let sentence = refusal(&least_with("username = \"canary-7f3a\"", ""));
    assert!(sentence.ends_with("it belongs to the other grant; leave it out"), "{sentence}");
    let sentence = refusal(&least_with("grant = \"implicit\"", ""));
    assert!(
        sentence.ends_with("it must be one of \"client_credentials\", \"password\""),
        "{sentence}"
    );
}

#[test]
fn only_a_file_that_was_named_has_to_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("smartsend.toml");
    let errors = Config::read(Some(&file), env(&[])).unwrap_err();
    let start = format!("`{}`: the configuration file cannot be read (No such", file.display());
    assert!(errors.to_string().starts_with(&start), "{errors}");
    for way in ["--config", "SMARTSEND_CONFIG", "smartsend.toml in the working directory"] {
        assert!(errors.to_string().contains(way), "{errors}");
    }
    std::fs::write(&file, LEAST).unwrap();
    assert_eq!(Config::read(Some(&file), env(&[])).unwrap().merchants.len(), 1);
    // The tests run where there is no `smartsend.toml`.
    let errors = Config::read(None, env(&[])).unwrap_err().to_string();
    let here = std::env::current_dir().unwrap().join("smartsend.toml");
    let [missing, rest] = errors.lines().collect::<Vec<_>>()[..] else { panic!("{errors}") };
    assert!(
        missing.starts_with(&format!("`{}`: there is no such file", here.display())),
        "{errors}"
    );
    assert!(missing.contains("--config or SMARTSEND_CONFIG"), "{errors}");
    assert!(rest.starts_with("`merchants`: there is no merchant"), "{errors}");
}
