//! `--merchant NAME`.

use super::exit::CommandError;
use crate::config::{Config, Merchant};

pub(super) fn named<'a>(config: &'a Config, name: &str) -> Result<&'a Merchant, CommandError> {
    config.merchants.get(name).ok_or_else(|| {
        let known = known(config);
        CommandError::Usage(format!("there is no merchant {name}; the configuration has {known}"))
    })
}

/// The merchant of this name; without a name, the only one that is configured.
pub(super) fn one<'a>(
    config: &'a Config,
    name: Option<&str>,
) -> Result<&'a Merchant, CommandError> {
    let mut all = config.merchants.values();
    match (name, all.next(), all.next()) {
        (Some(name), _, _) => named(config, name),
        (None, Some(only), None) => Ok(only),
        (None, _, _) => Err(CommandError::Usage(format!(
            "several merchants are configured ({}); choose one with --merchant",
            known(config)
        ))),
    }
}

fn known(config: &Config) -> String {
    let names: Vec<&str> = config.merchants.keys().map(String::as_str).collect();
    names.join(", ")
}
