//! `smartsend explain --intent FILE --answers LIST`: one intent through the worker's decisions.

use std::fs;
use std::path::Path;

use super::super::exit::{CommandError, Exit, complain, print};
use super::super::merchants;
use super::Options;
use crate::clock::SystemClock;
use crate::config::{Config, DEFAULT_FILE, variables};
use crate::domain::intent::wire::parse;
use crate::ports::Clock as _;
use crate::walkthrough::{Stage, json, text};

/// What every setting is without a configuration.
const DEFAULTS: &str = r#"
[merchants.default]
payout_merchant_id = "1111312"
api = "v2"
client_id = "none"
client_secret = "none"
rate_per_second = 1
max_amount = "200000.00"
"#;

pub(super) fn execute(
    path: &Path,
    options: &Options,
    config: Option<&Path>,
) -> Result<Exit, CommandError> {
    let config = settings(config)?;
    let merchant = merchants::one(&config, options.merchant.as_deref())?;
    let body = fs::read(path).map_err(|error| {
        CommandError::Failed(format!("cannot read {}: {error}", path.display()))
    })?;
    let intent = parse(&body, merchant.account.api).map_err(|invalid| {
        let errors = invalid.errors.iter();
        let errors: Vec<_> = errors.map(|it| format!("  {}: {}", it.field, it.message)).collect();
        CommandError::Failed(format!(
            "{} is no valid intent for api = \"{}\", and would be rejected and parked as \
             INVALID_INTENT:\n{}",
            path.display(),
            merchant.account.api.as_str(),
            errors.join("\n")
        ))
    })?;
    let stage = Stage::new(&config, merchant, SystemClock::start().now().wall);
    let walk = stage.walk(&intent, &options.answers).map_err(CommandError::usage)?;
    Ok(print(&if options.json { json(&walk) } else { text(&walk) }))
}

/// The configuration, if there is one.
fn settings(path: Option<&Path>) -> Result<Config, CommandError> {
    let of_merchants = |(name, _): &(String, String)| name.starts_with("SMARTSEND_MERCHANTS__");
    let is_there = path.is_some()
        || Path::new(DEFAULT_FILE).exists()
        || variables().any(|it| of_merchants(&it));
    if is_there {
        return Config::read(path, variables()).map_err(CommandError::usage);
    }
    complain(&"there is no configuration, so every setting is its default, and the API is v2");
    let nothing = |_: &Path| Ok(String::new());
    Config::parse(DEFAULTS, std::iter::empty(), &nothing).map_err(CommandError::usage)
}
