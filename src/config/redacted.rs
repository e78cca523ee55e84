//! The settings in force as JSON, for people who may not see the secrets.
//!
//! Each key is written here by hand, so one that is added to the configuration is absent until
//! somebody has decided that it may be shown; a test says which one is missing.

use serde_json::{Map, Value, json};
use url::Url;

use super::{
    Broker, CancelAs, Config, Grant, InDoubt, LogFormat, Merchant, Secret, duration::shortest,
};
use crate::admission::Limits;
use crate::domain::amount::Amount;
use crate::domain::decide::InDoubtPolicy;
use crate::domain::link::LinkHosts;

/// What stands for a secret.
const HIDDEN: &str = "***";

impl Config {
    /// Every key with the value that is in force. A secret is `"***"`, and an address of a broker has
    /// no login.
    pub fn redacted(&self) -> Value {
        let merchants = self.merchants.iter();
        let merchants = merchants.map(|(name, merchant)| (name.clone(), of_merchant(merchant)));
        let delays = self.retry.delays.durations();
        json!({
            "broker": of_broker(&self.broker),
            "merchants": merchants.collect::<Map<_, _>>(),
            "retry": {
                "lease": shortest(self.retry.lease),
                "delays": delays.into_iter().map(shortest).collect::<Vec<_>>(),
                "max_age": shortest(self.retry.max_age),
            },
            "in_doubt": of_in_doubt(&self.in_doubt),
            "ops": { "listen": self.ops.listen.to_string() },
            "log": {
                "format": match self.log.format {
                    LogFormat::Json => "json",
                    LogFormat::Pretty => "pretty",
                },
                "level": self.log.level,
            },
            "shutdown": { "drain": shortest(self.shutdown.drain) },
        })
    }
}

fn of_broker(broker: &Broker) -> Value {
    let certificate = broker.client_certificate.as_ref();
    json!({
        "urls": broker.urls.iter().map(|url| format!("{url:?}")).collect::<Vec<_>>(),
        "prefix": broker.prefix,
        "heartbeat": shortest(broker.heartbeat.into()),
        "confirm_timeout": shortest(broker.confirm_timeout),
        "consumer_timeout": shortest(broker.consumer_timeout),
        "ca_file": broker.ca_file,
        "cert_file": certificate.map(|it| &it.cert_file),
        "key_file": certificate.map(|it| &it.key_file),
    })
}

fn of_merchant(merchant: &Merchant) -> Value {
    let mut json = of_access(merchant);
    let limits = [Some(&merchant.limits.intents), merchant.limits.commands.as_ref()];
    let sum = |of: fn(&Limits) -> u32| {
        limits.into_iter().flatten().fold(0_u32, |sum, limits| sum.saturating_add(of(limits)))
    };
    let amount = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    let guard = &merchant.publisher_guard;
    json.extend([
        ("rate_per_second", json!(sum(|limits| limits.rate.per_second.get()))),
        ("burst", json!(sum(|limits| limits.rate.burst.get()))),
        ("concurrency", json!(merchant.concurrency)),
        ("connect_timeout", json!(shortest(merchant.connect_timeout))),
        ("timeout", json!(shortest(merchant.timeout))),
        ("max_retry_after", json!(shortest(merchant.limits.intents.max_retry_after))),
        ("max_amount", json!(merchant.max_amount.to_string())),
        ("max_per_hour", json!(amount(merchant.spend_limits.per_hour))),
        ("max_per_day", json!(amount(merchant.spend_limits.per_day))),
        (
            "commands_per_second",
            json!(merchant.limits.commands.map_or(0, |limits| limits.rate.per_second.get())),
        ),
        (
            "cancel_as",
            json!(match merchant.cancel_as {
                CancelAs::Query => "query",
                CancelAs::Form => "form",
            }),
        ),
        ("publishers", json!(guard.publishers)),
        ("signing_keys", json!(vec![HIDDEN; guard.signing_keys.len()])),
        ("reject_codes", json!(merchant.rules.rejects)),
        (
            "link_hosts",
            match &merchant.rules.link_hosts {
                LinkHosts::Only(hosts) => json!(hosts),
                LinkHosts::Any => json!("any"),
            },
        ),
        ("sandbox", json!(merchant.sandbox)),
        ("in_doubt", of_in_doubt(&merchant.in_doubt)),
    ]);
    json.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn of_access(merchant: &Merchant) -> Vec<(&'static str, Value)> {
    let url = |url: &Url| json!(url.as_str());
    let mut json = vec![
        ("payout_merchant_id", json!(merchant.account.payout_merchant_id)),
        ("api", json!(merchant.account.api.as_str())),
        ("api_url", url(&merchant.api_url)),
        ("auth_url", url(&merchant.auth_url)),
    ];
    match &merchant.grant {
        Grant::ClientCredentials { client_id, client_secret } => json.extend([
            ("grant", json!("client_credentials")),
            ("client_id", json!(client_id)),
            ("client_secret", of_secret(client_secret)),
        ]),
        Grant::Password { client_id, username, password } => json.extend([
            ("grant", json!("password")),
            ("client_id", json!(client_id)),
            ("username", of_secret(username)),
            ("password", of_secret(password)),
        ]),
    }
    json
}

/// A file's name is no secret, and its reader has to know which it is.
fn of_secret(secret: &Secret) -> Value {
    match secret {
        Secret::Value(_) => json!(HIDDEN),
        Secret::File(path) => json!({ "file": path }),
    }
}

fn of_in_doubt(in_doubt: &InDoubt) -> Value {
    json!({
        "first_lookup": shortest(in_doubt.first_lookup),
        "lookups": in_doubt.lookups,
        "quarantine": shortest(in_doubt.quarantine),
        "policy": match in_doubt.policy {
            InDoubtPolicy::Resend => "resend",
            InDoubtPolicy::Park => "park",
            InDoubtPolicy::Strict => "strict",
        },
    })
}
