//! What the configuration takes, and how it says no.

mod addresses;
mod durations;
mod environment;
mod errors;
mod relations;

use std::io;
use std::path::Path;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use smartsend::admission::DividedLimits;
use smartsend::config::{CancelAs, Config, ConfigError, Grant, LogFormat, Secret};
use smartsend::domain::account::Api;
use smartsend::domain::amount::Amount;
use smartsend::domain::decide::InDoubtPolicy;
use smartsend::domain::link::LinkHosts;
use toml::{Table, Value};

const EXAMPLE: &str = include_str!("../../deploy/smartsend.example.toml");
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

fn parse(toml: &str) -> Result<Config, ConfigError> {
    parse_with(toml, &[])
}

/// The same with an environment, where no file is.
fn parse_with(toml: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let no_file = |_: &Path| Err(io::ErrorKind::NotFound.into());
    Config::parse(toml, env(variables), &no_file)
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
    let errors = parse_with(toml, variables).expect_err("it is wrong");
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
    assert_eq!(config.broker.heartbeat.seconds(), 10);
    assert_eq!(config.broker.confirm_timeout, seconds(5));
    assert_eq!(config.broker.consumer_timeout, seconds(1800));
    assert!(config.broker.ca_file.is_none());
    assert!(config.broker.client_certificate.is_none());

    let merchant = &config.merchants["default"];
    assert_eq!(merchant.name, "default");
    assert_eq!(merchant.account.payout_merchant_id, "1111312");
    assert_eq!(merchant.account.api, Api::V1);
    assert_eq!(merchant.api_url.as_str(), "https://payout.payumoney.com/payout");
    assert_eq!(merchant.auth_url.as_str(), "https://accounts.payu.in/oauth/token");
    assert_eq!(value(client_secret(&config)), CANARY);
    let DividedLimits { intents, commands } = merchant.limits;
    assert_eq!((intents.rate.per_second.get(), intents.rate.burst.get()), (10, 2));
    assert_eq!((intents.concurrency, commands), (16, None));
    assert_eq!(merchant.concurrency.get(), 16);
    assert_eq!(merchant.connect_timeout, seconds(3));
    assert_eq!(merchant.timeout, seconds(20));
    assert_eq!(intents.max_retry_after, seconds(900));
    assert_eq!(merchant.cancel_as, CancelAs::Query);
    assert_eq!(merchant.max_amount, Amount::parse("200000.00").unwrap());
    assert!(merchant.rules.rejects.is_empty());
    let hosts = ["payumoney.com", "payu.in"].map(str::to_owned).to_vec();
    assert_eq!(merchant.rules.link_hosts, LinkHosts::Only(hosts));
    assert!(!merchant.sandbox);

    assert_eq!(config.retry.lease, seconds(60));
    assert_eq!(config.retry.delays.durations(), [1, 5, 30, 120, 600].map(seconds));
    assert_eq!(config.retry.max_age, seconds(86400));
    assert_eq!(merchant.in_doubt.first_lookup, seconds(5));
    assert_eq!(merchant.in_doubt.lookups.get(), 3);
    assert_eq!(merchant.in_doubt.quarantine, seconds(300));
    assert_eq!(merchant.in_doubt.policy, InDoubtPolicy::Resend);
    assert_eq!(config.ops.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.level, "info");
    assert_eq!(config.shutdown.drain, seconds(30));
}

#[test]
fn the_example_shows_every_default_as_it_is() {
    let secret = [("PAYU_CLIENT_SECRET", CANARY)];
    let example = parse_with(EXAMPLE, &secret).unwrap();
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
    let mut least = parse_with(&least.join("\n"), &secret).unwrap();
    assert!(example.broker.is_named && !least.broker.is_named);
    least.broker.is_named = true;
    assert_eq!(format!("{example:#?}"), format!("{least:#?}"));
    assert_eq!(example.broker.urls[0].as_uri(), least.broker.urls[0].as_uri());
}

/// The keys of a table, as the program lists them to whoever invents one.
fn keys(table: &str) -> Vec<String> {
    let mut file: Table = LEAST.parse().unwrap();
    let invented = Value::Table(Table::from_iter([("invented_key".to_owned(), 1.into())]));
    match table {
        "" => drop(file.insert("invented_key".to_owned(), 1.into())),
        "merchants" => drop(file.insert("merchants".to_owned(), named("default", invented))),
        _ => drop(file.insert(table.to_owned(), invented)),
    }
    let sentences = refusals(&file.to_string(), &[]);
    let list = sentences.iter().find_map(|s| Some(s.split_once("invented_key`")?.1));
    let list = list.unwrap().split_once(" has ").unwrap().1;
    list.split(", ").map(str::to_owned).collect()
}

fn named(name: &str, value: Value) -> Value {
    Value::Table(Table::from_iter([(name.to_owned(), value)]))
}

#[test]
fn the_example_shows_every_key_that_exists_and_no_other() {
    let tables = keys("");
    assert_eq!(tables.len(), 7, "{tables:?}");
    for table in tables {
        let heading = match &*table {
            "merchants" => "\n[merchants.default]\n".to_owned(),
            _ => format!("\n[{table}]\n"),
        };
        let part =
            EXAMPLE.split_once(&*heading).unwrap_or_else(|| panic!("{heading} is missing")).1;
        let lines = part.lines().take_while(|line| !line.starts_with('['));
        let mut shown: Vec<&str> = lines
            .filter_map(|line| line.trim_start_matches("# ").split_once(" = "))
            .map(|(key, _)| key)
            .filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .collect();
        shown.sort_unstable();
        shown.dedup();
        assert_eq!(shown, keys(&table), "{heading}");
    }
}

#[test]
fn each_key_is_refused_by_its_own_name() {
    for table in keys("") {
        for key in keys(&table) {
            let mut file: Table = LEAST.parse().unwrap();
            let (within, full) = if table == "merchants" {
                let default = file["merchants"]["default"].as_table_mut().unwrap();
                (default, format!("merchants.default.{key}"))
            } else {
                let entry = file.entry(table.clone()).or_insert_with(|| Table::new().into());
                (entry.as_table_mut().unwrap(), format!("{table}.{key}"))
            };
            within.insert(key.clone(), named("canary-7f3a", "canary-7f3a".into()));
            let sentences = refusals(&file.to_string(), &[]);
            let start = format!("`{full}`: it must be ");
            assert!(sentences.iter().any(|s| s.starts_with(&start)), "{start}: {sentences:?}");
        }
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

#[test]
fn a_merchant_may_have_its_own_way_with_what_is_in_doubt() {
    let other = LEAST.replace("[merchants.default]", "[merchants.other]").replace("1111312", "2");
    let own = "[merchants.other.in_doubt]\npolicy = \"strict\"\nquarantine = \"7m\"";
    let shared = "[in_doubt]\nlookups = 4";
    let config = parse(&format!("{LEAST}\n{other}\n{own}\n{shared}\n")).unwrap();
    let of = |name: &str| config.merchants[name].in_doubt.clone();
    let (shared, own) = (of("default"), of("other"));
    assert_eq!(shared.policy, InDoubtPolicy::Resend);
    assert_eq!((shared.quarantine, shared.lookups.get()), (Duration::from_mins(5), 4));
    assert_eq!(own.policy, InDoubtPolicy::Strict);
    assert_eq!((own.quarantine, own.lookups.get()), (Duration::from_mins(7), 4));
}

#[test]
fn a_merchants_own_way_is_checked_as_the_shared_one_is() {
    let with = |table: &str| least_with("", &format!("[merchants.default.in_doubt]\n{table}"));
    let sentence = refusal(&with("first_lookup = \"6m\""));
    let expected = "`merchants.default.in_doubt.first_lookup` is \"6m\": first_lookup < quarantine \
                    must hold, but 6m is not less than 5m (`in_doubt.quarantine`): ";
    assert!(sentence.starts_with(expected), "{sentence}");
    let sentence = refusal(&with("quarantine = \"60s\""));
    assert!(sentence.contains("1m (`merchants.default.in_doubt.quarantine`)"), "{sentence}");
    let sentence = refusal(&with("polcy = \"strict\""));
    let expected =
        "`merchants.default.in_doubt.polcy`: there is no such key; did you mean `policy`?";
    assert_eq!(sentence, expected);
    let sentence = refusal(&with("lookups = 0"));
    assert!(sentence.starts_with("`merchants.default.in_doubt.lookups` is 0: "), "{sentence}");
    let sentence = refusal(&least_with("in_doubt = \"strict\"", ""));
    assert!(sentence.contains("it must be a table, [merchants.default.in_doubt]"), "{sentence}");
    let missing = ("SMARTSEND_MERCHANTS_DEFAULT_IN_DOUBT_POLICY", "strict");
    let sentence = &refusals(LEAST, &[missing])[0];
    assert!(sentence.contains("SMARTSEND_MERCHANTS__DEFAULT__IN_DOUBT__POLICY"), "{sentence}");
}
