//! Every setting, checked: the worker can run with any [`Config`] that exists.
//!
//! Finding one wrong setting at each start would cost a restart each, so everything is read to the
//! end and all problems are reported at once. The result has the types that the worker uses, so
//! nothing is checked again later.

pub mod duration;
mod address;
mod broker;
mod environment;
mod error;
mod load;
mod merchant;
mod policy;
mod redacted;
mod relations;
mod schema;
pub mod secret;
mod values;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;

use serde::Deserialize;

pub use address::BrokerUrl;
pub use broker::ClientCertificate;
pub use environment::variables;
pub use error::{ConfigError, Problem};
pub use merchant::{Grant, Merchant};
pub use schema::{Broker, CancelAs, InDoubt, Log, LogFormat, Ops, Retry, Shutdown};
pub use secret::Secret;

/// The file that is read when none is named.
pub const DEFAULT_FILE: &str = "smartsend.toml";

#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    pub broker: Broker,
    /// By name; at least one.
    #[serde(skip)]
    pub merchants: BTreeMap<String, Merchant>,
    pub retry: Retry,
    /// Each merchant has its own, which is this one unless its table says otherwise.
    in_doubt: InDoubt,
    pub ops: Ops,
    pub log: Log,
    pub shutdown: Shutdown,
}

impl Config {
    /// Reads the file and lays the environment over it.
    ///
    /// Without a path it is [`DEFAULT_FILE`], which may be absent: the environment alone can be
    /// enough. A file that was named must exist.
    pub fn read(
        path: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let file = path.unwrap_or_else(|| Path::new(DEFAULT_FILE));
        let absolute = std::path::absolute(file);
        let place = absolute.as_deref().unwrap_or(file).display().to_string();
        let read_file = |path: &Path| std::fs::read_to_string(path);
        match read_file(file) {
            Ok(text) => Self::parse(&text, env, &read_file),
            Err(error) if path.is_none() && error.kind() == ErrorKind::NotFound => {
                Self::parse("", env, &read_file).map_err(|ConfigError(mut problems)| {
                    let reason = "there is no such file, and the environment alone is not a whole \
                                  configuration; name a file with --config or SMARTSEND_CONFIG, \
                                  or run where smartsend.toml is";
                    problems.insert(0, Problem::new(place, reason));
                    ConfigError(problems)
                })
            }
            Err(error) => {
                let reason = format!(
                    "the configuration file cannot be read ({error}); it is the one that --config \
                     names, else the one that SMARTSEND_CONFIG names, else smartsend.toml in the \
                     working directory"
                );
                Err(ConfigError(vec![Problem::new(place, reason)]))
            }
        }
    }

    /// Reads TOML, the environment, and the files that hold secrets.
    ///
    /// Of the environment it takes the names that begin with `SMARTSEND_` and hold `__` after
    /// that, and those that a secret names with `{ env = "…" }`.
    pub fn parse(
        toml_text: &str,
        env: impl Iterator<Item = (String, String)>,
        read_file: &dyn Fn(&Path) -> io::Result<String>,
    ) -> Result<Self, ConfigError> {
        let variables = env.collect();
        load::load(toml_text, &secret::Vault { variables: &variables, read_file })
    }
}
