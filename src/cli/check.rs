//! `smartsend check`: one look at everything, before going live.

use std::path::PathBuf;

use serde_json::Value;

use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use crate::check::bundle::{self, bundle};
use crate::check::report::Verdict;
use crate::check::{Check, Checked, misconfigured};
use crate::clock::SystemClock;
use crate::config::{Config, ConfigError};
use crate::ports::Clock;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It looks at the configuration; at the broker: login, rights to publish, exchanges and queues with
their arguments, version, alarms; at PayU for each merchant: DNS, TLS, token, clock, a lookup, the
account; and at who consumes now. Each thing is ok, warning, error, or skipped because something
above it is wrong. What AMQP does not show is named, with the command that shows it.

It writes nothing and sends no money. It asks PayU outside of the worker's limiter: at most one
request a second for each account on this machine, by a lock file. Some accounts may have one token
at a time; the worker then fetches another one.

Examples:
  smartsend check
  smartsend check --results-queue my.results --strict
  smartsend check --short
  smartsend check --bundle case.json --json

Exit codes: 0 no error, and with --strict no warning; 1 there is one, or the bundle cannot be
written; 2 wrong usage, or an error in the configuration.")]
pub struct Options {
    /// Look at this merchant alone
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Look for this queue of results too
    #[arg(long, value_name = "NAME")]
    results_queue: Option<String>,
    /// Print only what is wrong, and the sum
    #[arg(long)]
    short: bool,
    /// Let warnings fail
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "short")]
    json: bool,
    /// Write all, settings without secrets, and a worker's pages, to a file
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

/// Unlike other commands it has something to say of a configuration that cannot be used.
pub async fn execute(
    config: Result<Config, ConfigError>,
    options: &Options,
) -> Result<Exit, CommandError> {
    let (checked, settings) = match &config {
        Ok(config) => (look(config, options).await?, config.redacted()),
        Err(error) => {
            let report = misconfigured(error);
            (Checked { report, ..Checked::default() }, Value::Null)
        }
    };
    let Checked { report, pages } = checked;
    let text = if options.json {
        format!("{}\n", report.json())
    } else if options.short {
        report.short()
    } else {
        report.text()
    };
    let printed = print(&text);
    if let Some(path) = &options.bundle {
        let now = SystemClock::start().now().wall;
        let written = bundle::write(path, &bundle(&report, &settings, &pages, now));
        written.map_err(CommandError::failed)?;
        complain(&format_args!("{} is written", path.display()));
    }
    Ok(match report.verdict() {
        Verdict::Ok => printed,
        Verdict::Warnings if !options.strict => printed,
        Verdict::Warnings | Verdict::Errors => Exit::Failed,
        Verdict::Misconfigured => Exit::Usage,
    })
}

async fn look(config: &Config, options: &Options) -> Result<Checked, CommandError> {
    let merchants = match options.merchant.as_deref() {
        Some(name) => vec![merchants::named(config, name)?],
        None => config.merchants.values().collect(),
    };
    complain(
        &"asking PayU outside of the worker's limiter, at most once a second for each account (lock \
          files smartsend-ACCOUNT.lock)",
    );
    let results_queue = options.results_queue.as_deref();
    Ok(Check { config, merchants, results_queue }.run().await)
}
