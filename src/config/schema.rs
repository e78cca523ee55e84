//! The file's shape: each table a struct, each key a field, and what a value must be its type.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::address::BrokerUrl;
use super::broker::ClientCertificate;
use super::duration::Heartbeat;
use super::secret::Source;
use super::values::{
    account_id, client_id, commands, delays, filter, link_hosts, prefix, rate, reject_codes, text,
    up_to, urls,
};
use crate::domain::account::Api;
use crate::domain::amount::Amount;
use crate::domain::decide::InDoubtPolicy;
use crate::domain::retry_delays::RetryDelays;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// At least one, tried in order.
    #[serde(deserialize_with = "urls")]
    pub urls: Vec<BrokerUrl>,
    #[serde(deserialize_with = "prefix")]
    pub prefix: String,
    #[serde(deserialize_with = "text")]
    pub heartbeat: Heartbeat,
    #[serde(deserialize_with = "text")]
    pub confirm_timeout: Duration,
    #[serde(deserialize_with = "text")]
    pub consumer_timeout: Duration,
    #[serde(default, deserialize_with = "text")]
    pub ca_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "text")]
    pub(super) cert_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "text")]
    pub(super) key_file: Option<PathBuf>,
    /// Whether the file or the environment says anything of it.
    #[serde(skip)]
    pub is_named: bool,
    /// Certificate and key, once it is known that neither is missing.
    #[serde(skip)]
    pub client_certificate: Option<ClientCertificate>,
}

/// `[merchants.NAME]` as it is written; [`super::Merchant`] is what the worker runs with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Merchant {
    #[serde(default, deserialize_with = "account_id")]
    pub(super) payout_merchant_id: Option<String>,
    #[serde(default, deserialize_with = "text")]
    pub(super) api: Option<Api>,
    #[serde(deserialize_with = "text")]
    pub(super) api_url: Url,
    #[serde(deserialize_with = "text")]
    pub(super) auth_url: Url,
    #[serde(deserialize_with = "text")]
    pub(super) grant: GrantType,
    #[serde(default, deserialize_with = "client_id")]
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Source>,
    pub(super) username: Option<Source>,
    pub(super) password: Option<Source>,
    #[serde(default, deserialize_with = "rate")]
    pub(super) rate_per_second: Option<NonZeroU32>,
    #[serde(deserialize_with = "up_to::<_, 100_000>")]
    pub(super) burst: NonZeroU32,
    #[serde(deserialize_with = "up_to::<_, 10_000>")]
    pub(super) concurrency: NonZeroU32,
    #[serde(deserialize_with = "text")]
    pub(super) connect_timeout: Duration,
    #[serde(deserialize_with = "text")]
    pub(super) timeout: Duration,
    #[serde(deserialize_with = "text")]
    pub(super) max_retry_after: Duration,
    #[serde(default, deserialize_with = "text")]
    pub(super) max_amount: Option<Amount>,
    #[serde(default, deserialize_with = "text")]
    pub(super) max_per_hour: Option<Amount>,
    #[serde(default, deserialize_with = "text")]
    pub(super) max_per_day: Option<Amount>,
    /// `None` for 0.
    #[serde(default, deserialize_with = "commands")]
    pub(super) commands_per_second: Option<NonZeroU32>,
    #[serde(deserialize_with = "text")]
    pub(super) cancel_as: CancelAs,
    pub(super) publishers: Vec<String>,
    pub(super) signing_keys: Vec<Source>,
    #[serde(deserialize_with = "reject_codes")]
    pub(super) reject_codes: Vec<i64>,
    #[serde(deserialize_with = "link_hosts")]
    pub(super) link_hosts: Vec<String>,
    pub(super) sandbox: bool,
    /// What is not in `[merchants.NAME.in_doubt]` is what `[in_doubt]` says.
    pub(super) in_doubt: InDoubt,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    #[serde(deserialize_with = "text")]
    pub lease: Duration,
    #[serde(deserialize_with = "delays")]
    pub delays: RetryDelays,
    #[serde(deserialize_with = "text")]
    pub max_age: Duration,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InDoubt {
    #[serde(deserialize_with = "text")]
    pub first_lookup: Duration,
    #[serde(deserialize_with = "up_to::<_, 100>")]
    pub lookups: NonZeroU32,
    #[serde(deserialize_with = "text")]
    pub quarantine: Duration,
    #[serde(deserialize_with = "text")]
    pub policy: InDoubtPolicy,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ops {
    #[serde(deserialize_with = "text")]
    pub listen: SocketAddr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    #[serde(deserialize_with = "text")]
    pub format: LogFormat,
    /// A `tracing` filter, such as `info` or `info,smartsend::amqp=debug`.
    #[serde(deserialize_with = "filter")]
    pub level: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    #[serde(deserialize_with = "text")]
    pub drain: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a person.
    Pretty,
}

/// How a cancel names the reference. PayU's pages differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAs {
    /// In the query of the address.
    Query,
    Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum GrantType {
    ClientCredentials,
    Password,
}
