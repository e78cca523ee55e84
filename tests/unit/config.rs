//! What the configuration takes, and how it says no.

mod addresses;
mod durations;
mod environment;
mod errors;
mod relations;

use std::time::Duration;

use secrecy::ExposeSecret as _;
use smartsend::config::{Config, ConfigErrors, Grant, LogFormat, OnNotFound, Secret};
use smartsend::domain::account::Api;
use smartsend::domain::amount::Amount;

const EXAMPLE: &str = include_str!("../../deploy/smartsend.example.toml");
/// What `Debug` shows of an address.
const URL_PARTS: [&str; 9] = [
    "scheme",
    "cannot_be_a_base",
    "username",
    "password",
    "host",
    "port",
    "path",
    "query",
    "fragment",
];
const CANARY: &str = "canary-7f3a";

/// The least that a person has to write.
const LEAST: &str = r#"
[merchants.default]
payout_merchant_id = "1111312"
api = "v1"
client_id = "client"
client_secret = "canary-7f3a"
rate_per_second = 10
max_amount = "200000.00"
"#;

fn env(variables: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
    let owned = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    owned.collect::<Vec<_>>().into_iter()
}

fn parse(toml: &str) -> Result<Config, ConfigErrors> {
    Config::parse(toml, env(&[]))
}

/// The least with lines added to tables; `merchant` goes into `[merchants.default]`.
fn least_with(merchant: &str, tables: &str) -> String {
    format!("{LEAST}{merchant}\n{tables}\n")
}

/// The least with one of its lines replaced.
fn least_but(line: &str, instead: &str) -> String {
    assert!(LEAST.contains(line), "{line} is not in it");
    LEAST.replace(line, instead)
}

/// Every sentence of a refusal; never with the secret.
fn refusals(toml: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let errors = Config::parse(toml, env(variables)).expect_err("it is wrong");
    assert!(!format!("{errors}{errors:?}").contains(CANARY), "{errors}");
    errors.to_string().lines().map(str::to_owned).collect()
}

/// The one sentence of a refusal.
fn refusal(toml: &str) -> String {
    let refusals = refusals(toml, &[]);
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    refusals.into_iter().next().unwrap()
}

fn value(secret: &Secret) -> &str {
    match secret {
        Secret::Value(value) => value.expose_secret(),
        Secret::File(file) => panic!("{} is a file", file.display()),
    }
}

fn client_secret(config: &Config) -> &Secret {
    match &config.merchants["default"].grant {
        Grant::ClientCredentials { client_secret, .. } => client_secret,
        Grant::Password { .. } => panic!("it is the other grant"),
    }
}

#[test]
fn what_is_left_out_has_the_contracts_default() {
    let config = parse(LEAST).unwrap();
    let seconds = Duration::from_secs;
    assert_eq!(config.broker.urls.len(), 1);
    assert_eq!(config.broker.urls[0].as_uri(), "amqp://guest:guest@127.0.0.1:5672/%2f");
    assert_eq!(config.broker.prefix, "smartsend");
    assert_eq!(config.broker.heartbeat, seconds(10));
    assert_eq!(config.broker.confirm_timeout, seconds(5));
    assert_eq!(config.broker.consumer_timeout, seconds(1800));
    assert!(config.broker.ca_file.is_none());
    assert!(config.broker.cert_file.is_none() && config.broker.key_file.is_none());

    let merchant = &config.merchants["default"];
    assert_eq!(merchant.name, "default");
    assert_eq!(merchant.account.payout_merchant_id, "1111312");
    assert_eq!(merchant.account.api, Api::V1);
    assert_eq!(merchant.api_url.as_str(), "https://payout.payumoney.com/payout");
    assert_eq!(merchant.auth_url.as_str(), "https://accounts.payu.in/oauth/token");
    assert_eq!(value(client_secret(&config)), CANARY);
    assert_eq!((merchant.rate_per_second, merchant.burst, merchant.concurrency), (10, 2, 16));
    assert_eq!(merchant.connect_timeout, seconds(3));
    assert_eq!(merchant.timeout, seconds(20));
    assert_eq!(merchant.max_pause, seconds(900));
    assert_eq!(merchant.max_amount, Amount::parse("200000.00").unwrap());
    assert!(merchant.rejects.is_empty());
    assert_eq!(merchant.link_hosts, ["payumoney.com", "payu.in"]);
    assert!(!merchant.sandbox);

    assert_eq!(config.retry.hold, seconds(60));
    assert_eq!(config.retry.delays, [1, 5, 30, 120, 600].map(seconds));
    assert_eq!(config.retry.max_age, seconds(86400));
    assert_eq!(config.unsure.settle, seconds(5));
    assert_eq!(config.unsure.looks, 3);
    assert_eq!(config.unsure.quarantine, seconds(300));
    assert_eq!(config.unsure.on_not_found, OnNotFound::Resend);
    assert!(!config.unsure.look_first);
    assert_eq!(config.ops.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.level, "info");
    assert_eq!(config.shutdown.drain, seconds(30));
}

#[test]
fn the_example_shows_every_default_as_it_is() {
    let secret = [("PAYU_CLIENT_SECRET", CANARY)];
    let example = Config::parse(EXAMPLE, env(&secret)).unwrap();
    let required = [
        "payout_merchant_id",
        "api",
        "client_id",
        "client_secret",
        "rate_per_second",
        "max_amount",
    ];
    let written = |line: &str| {
        let key = line.split(" =").next().unwrap_or_default();
        line.starts_with("[merchants") || required.contains(&key)
    };
    let least: Vec<&str> = EXAMPLE.lines().filter(|line| written(line)).collect();
    assert_eq!(least.len(), 7);
    let least = Config::parse(&least.join("\n"), env(&secret)).unwrap();
    assert_eq!(format!("{example:#?}"), format!("{least:#?}"));
    assert_eq!(example.broker.urls[0].as_uri(), least.broker.urls[0].as_uri());
}

#[test]
fn the_example_shows_every_key_that_exists() {
    let shown = |key: &str| {
        let is = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} = "));
        EXAMPLE.contains(&format!("[{key}]")) || EXAMPLE.lines().any(is)
    };
    // The fields of what was read are the keys, but for those that group or name.
    let config = format!("{:#?}", parse(LEAST).unwrap());
    let fields: Vec<&str> = config
        .lines()
        .filter_map(|line| line.trim().split_once(": ").map(|(field, _)| field))
        .filter(|field| field.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .filter(|field| !["merchants", "name", "account"].contains(field))
        .filter(|field| !URL_PARTS.contains(field))
        .collect();
    assert!(fields.len() > 40, "{fields:?}");
    for field in fields {
        assert!(shown(field), "{field} is not shown");
    }
}

#[test]
fn merchants_names_are_those_that_a_queue_and_a_variable_can_have() {
    let named = |name: &str| LEAST.replace("merchants.default", &format!("merchants.\"{name}\""));
    let longest = "a".repeat(32);
    for name in ["a", "a1", "refunds_in_2", &longest] {
        parse(&named(name)).unwrap();
    }
    let longer = "a".repeat(33);
    for name in ["", "A", "1a", "_a", "a_", "a__b", "a-b", "a.b", "ä", &longer] {
        let sentence = refusal(&named(name));
        assert!(sentence.contains("a merchant's name is"), "{name}: {sentence}");
    }
}

#[test]
fn a_log_filter_that_would_silence_or_leak_is_refused() {
    for level in ["inof", "smartsend=loud", "info,", "lapin=trace", "hyper=debug", "=info"] {
        let sentence = refusal(&least_with("", &format!("[log]\nlevel = \"{level}\"")));
        assert!(sentence.starts_with("`log.level` is "), "{sentence}");
    }
    for level in ["off", "trace", "warn,smartsend::payu=trace", "info,lapin=info"] {
        parse(&least_with("", &format!("[log]\nlevel = \"{level}\""))).unwrap();
    }
}
