//! Every setting, checked: a configuration that exists is one that the worker can run with.
//!
//! There is no `Default`: each default stands in one table beside its reason, and what money
//! depends on has to be written by a person. One wrong setting found at each start costs a restart
//! each, so the reading goes on to the end and tells everything that is wrong at once.

pub mod duration;
mod address;
mod defaults;
mod environment;
mod errors;
mod kinds;
mod merchant;
mod reader;
mod relations;
mod sections;
mod spelling;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::domain::account::Account;
use crate::domain::amount::Amount;

pub use crate::domain::decide::OnNotFound;
pub use environment::variables;
pub use errors::{ConfigErrors, Problem};

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "smartsend.toml";

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[broker]`.
    pub broker: Broker,
    /// `[merchants.<name>]`, by name; at least one.
    pub merchants: BTreeMap<String, Merchant>,
    /// `[retry]`.
    pub retry: Retry,
    /// `[unsure]`.
    pub unsure: Unsure,
    /// `[ops]`.
    pub ops: Ops,
    /// `[log]`.
    pub log: Log,
    /// `[shutdown]`.
    pub shutdown: Shutdown,
}

/// `[broker]`: where RabbitMQ is, and how long is waited for it.
#[derive(Clone, Debug)]
pub struct Broker {
    /// Tried in order. They hold a password, so they are secrets.
    pub urls: Vec<BrokerUrl>,
    /// The first part of every name of ours on the broker.
    pub prefix: String,
    /// The heartbeat that is asked for.
    pub heartbeat: Duration,
    /// How long a publish waits for its confirm.
    pub confirm_timeout: Duration,
    /// What the broker's `consumer_timeout` is set to.
    pub consumer_timeout: Duration,
    /// A private CA, as PEM, beside the system's roots.
    pub ca_file: Option<PathBuf>,
    /// Our certificate chain, as PEM.
    pub cert_file: Option<PathBuf>,
    /// The key of it, as PEM.
    pub key_file: Option<PathBuf>,
}

/// An `amqp://` or `amqps://` address. Its `Debug` shows host, port and virtual host only.
#[derive(Clone)]
pub struct BrokerUrl(pub(crate) Url);

/// `[merchants.<name>]`: one payout account with its queue, rate and token.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The name, which is also the routing key and a part of the queue's name.
    pub name: String,
    /// `payout_merchant_id` and `api`.
    pub account: Account,
    /// The base of the payouts API.
    pub api_url: Url,
    /// The token endpoint.
    pub auth_url: Url,
    /// How a token is had.
    pub grant: Grant,
    /// Requests per second, at least 1.
    pub rate_per_second: u32,
    /// Requests that may go at once after a pause, at least 1.
    pub burst: u32,
    /// Calls in flight at once, at least 1.
    pub concurrency: u32,
    /// For DNS, TCP and TLS.
    pub connect_timeout: Duration,
    /// For a whole call.
    pub timeout: Duration,
    /// The longest `Retry-After` that is believed.
    pub max_pause: Duration,
    /// The largest amount that is sent.
    pub max_amount: Amount,
    /// Further codes that mean that this intent failed, whatever the day.
    pub rejects: Vec<i64>,
    /// Hosts that a link may be on.
    pub link_hosts: Vec<String>,
    /// Whether this account is the sandbox: http and any link host, and only a loopback `api_url`.
    pub sandbox: bool,
}

/// How a token is had (RFC 6749, 4.4 and 4.3, with PayU's fields).
#[derive(Clone, Debug)]
pub enum Grant {
    /// `client_credentials`.
    ClientCredentials {
        /// The client's id.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
    },
    /// `password`, with refresh.
    Password {
        /// PayU's public client id.
        client_id: String,
        /// The registered mobile or e-mail.
        username: Secret,
        /// The password.
        password: Secret,
    },
}

/// A secret, or the file that holds it.
#[derive(Clone, Debug)]
pub enum Secret {
    /// The secret itself.
    Value(SecretString),
    /// A file that is read again at each token request, so that a rotated secret needs no restart.
    File(PathBuf),
}

/// `[retry]`.
#[derive(Clone, Debug)]
pub struct Retry {
    /// How old a delivery may be at its first create.
    pub hold: Duration,
    /// The retry queues' delays, ascending, at least one.
    pub delays: Vec<Duration>,
    /// After this an intent that cannot be settled is parked.
    pub max_age: Duration,
}

/// `[unsure]`.
#[derive(Clone, Debug)]
pub struct Unsure {
    /// Before the first look.
    pub settle: Duration,
    /// How many not-found answers it takes.
    pub looks: u32,
    /// How long details may take to show a link.
    pub quarantine: Duration,
    /// What follows when no link was found.
    pub on_not_found: OnNotFound,
    /// One look before every first create.
    pub look_first: bool,
}

/// `[ops]`.
#[derive(Clone, Debug)]
pub struct Ops {
    /// Where `/livez`, `/readyz`, `/metrics` and `/status` are served.
    pub listen: SocketAddr,
}

/// `[log]`.
#[derive(Clone, Debug)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// A `tracing` filter, such as `info` or `smartsend=debug`.
    pub level: String,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For a person.
    Pretty,
}

/// `[shutdown]`.
#[derive(Clone, Debug)]
pub struct Shutdown {
    /// How long a stop waits for calls in flight.
    pub drain: Duration,
}

impl Config {
    /// Reads the file and lays the environment over it.
    ///
    /// Without a path it is [`DEFAULT_FILE`], which may be absent: the environment alone may do. A
    /// file that was named has to be there.
    pub fn read(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        let file = path.unwrap_or_else(|| Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if path.is_none() && error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                let problem = Problem::new(
                    file.display().to_string(),
                    format!(
                        "the configuration file cannot be read ({error}); name another one with \
                         --config or SMARTSEND_CONFIG"
                    ),
                );
                return Err(ConfigErrors::from(vec![problem]));
            }
        };
        Self::parse(&text, env)
    }

    /// Reads TOML and the environment. It depends on nothing else.
    ///
    /// Of the environment it takes the names that begin with `SMARTSEND_` and hold `__` after
    /// that, and those that a secret names with `{ env = "…" }`.
    pub fn parse(
        toml_text: &str,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigErrors> {
        sections::read(toml_text, env).map_err(ConfigErrors::from)
    }
}
