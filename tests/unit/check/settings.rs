//! The settings that a bundle shows: all of them, and no secret.

use std::io;
use std::path::Path;

use serde_json::{Value, json};
use smartsend::config::Config;
use toml::Table;

use crate::support::canary::{self, BROKER_PASSWORD, CLIENT_SECRET, EMAIL, PASSWORD};

const DEFAULTS: &str = include_str!("../../../src/config/defaults.toml");
/// Those of the two grants that belong to the other one.
const OF_ONE_GRANT: [&str; 3] = ["client_secret", "username", "password"];

fn redacted() -> Value {
    let text = format!(
        r#"
        [broker]
        urls = ["amqp://worker:{BROKER_PASSWORD}@broker.example:5673/pay"]
        [merchants.default]
        payout_merchant_id = "1111312"
        api = "v2"
        client_id = "client"
        client_secret = "{CLIENT_SECRET}"
        rate_per_second = 10
        burst = 5
        commands_per_second = 3
        max_amount = "200000.00"
        signing_keys = ["{PASSWORD}-and-more"]
        [merchants.second]
        payout_merchant_id = "1111313"
        api = "v1"
        grant = "password"
        client_id = "client"
        username = "{EMAIL}"
        password = {{ file = "/run/secrets/payu" }}
        rate_per_second = 1
        max_amount = "1.00"
        "#
    );
    let file = |_: &Path| Ok::<_, io::Error>(PASSWORD.to_owned());
    Config::parse(&text, std::iter::empty(), &file).unwrap().redacted()
}

#[test]
fn every_key_is_there_with_what_is_in_force() {
    let settings = redacted();
    let defaults: Table = DEFAULTS.parse().unwrap();
    for (table, keys) in &defaults {
        let shown =
            if table == "merchants" { &settings[table]["default"] } else { &settings[table] };
        for key in keys.as_table().unwrap().keys() {
            let elsewhere = table == "merchants" && OF_ONE_GRANT.contains(&&**key);
            assert!(elsewhere || shown.get(key).is_some(), "{table}.{key} is missing");
        }
    }
    let merchant = &settings["merchants"]["default"];
    assert_eq!((&merchant["rate_per_second"], &merchant["burst"]), (&json!(10), &json!(5)));
    assert_eq!(
        (&merchant["commands_per_second"], &merchant["concurrency"]),
        (&json!(3), &json!(16))
    );
    assert_eq!(merchant["in_doubt"]["quarantine"], "5m");
    assert_eq!(settings["broker"]["urls"], json!(["amqp://broker.example:5673/pay"]));
}

#[test]
fn a_secret_is_three_stars_and_its_file_is_named() {
    let settings = redacted();
    canary::check("the settings", settings.to_string().as_bytes());
    let merchants = &settings["merchants"];
    assert_eq!(merchants["default"]["client_secret"], "***");
    assert_eq!(merchants["default"]["signing_keys"], json!(["***"]));
    assert_eq!(merchants["second"]["username"], "***");
    assert_eq!(merchants["second"]["password"], json!({ "file": "/run/secrets/payu" }));
}
