//! `--merchant NAME`.

use crate::config::{Config, Merchant};

/// A merchant that cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub(super) enum MerchantError {
    #[error("there is no merchant {asked}; the configuration has {known}")]
    Unknown { asked: String, known: String },
    #[error("several merchants are configured ({known}); choose one with --merchant")]
    Several { known: String },
}

pub(super) fn named<'a>(config: &'a Config, name: &str) -> Result<&'a Merchant, MerchantError> {
    let unknown = || MerchantError::Unknown { asked: name.to_owned(), known: known(config) };
    config.merchants.get(name).ok_or_else(unknown)
}

/// The merchant of this name; without a name, the only one that is configured.
pub(super) fn one<'a>(
    config: &'a Config,
    name: Option<&str>,
) -> Result<&'a Merchant, MerchantError> {
    let mut all = config.merchants.values();
    match (name, all.next(), all.next()) {
        (Some(name), _, _) => named(config, name),
        (None, Some(only), None) => Ok(only),
        (None, _, _) => Err(MerchantError::Several { known: known(config) }),
    }
}

fn known(config: &Config) -> String {
    let names: Vec<&str> = config.merchants.keys().map(String::as_str).collect();
    names.join(", ")
}
