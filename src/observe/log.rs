//! Log lines, on stderr.
//!
//! Other crates print what goes over the wire: lapin its frames, which hold the login, hyper its
//! requests, which hold the token. So a bare level such as `debug` is for our own lines only, and
//! theirs stay at `warn`. lapin is quiet unless it is named: it calls every end of a connection an
//! error, and the worker tells each of them itself, once and with what follows.

pub mod gather;

use std::fmt;
use std::io::{self, Stderr};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config;
use gather::Gather;

/// The log could not be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot start the log: {0}")]
pub struct LogUnavailable(String);

/// Sends the log lines of this process to stderr, in the format and from the level of `[log]`.
/// Whoever ends the process flushes what this returns.
pub fn init(log: &config::Log) -> Result<Gather<Stderr>, LogUnavailable> {
    let unavailable = |error: &dyn fmt::Display| LogUnavailable(error.to_string());
    let gather = Gather::new(io::stderr()).map_err(|error| unavailable(&error))?;
    let lines = lines(log, gather.clone()).map_err(|error| unavailable(&error))?;
    tracing::subscriber::set_global_default(lines).map_err(|error| unavailable(&error))?;
    Ok(gather)
}

/// What writes the lines, to any writer.
pub fn lines<W>(
    log: &config::Log,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, LogUnavailable>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter =
        EnvFilter::try_new(filter(&log.level)).map_err(|e| LogUnavailable(e.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    Ok(match log.format {
        config::LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
        config::LogFormat::Pretty => Box::new(builder.finish()),
    })
}

/// The filter with its bare levels turned to our own targets.
fn filter(level: &str) -> String {
    let mut others = "warn";
    let mut directives = Vec::new();
    for directive in level.split(',') {
        if directive.contains('=') {
            directives.push(directive.to_owned());
            continue;
        }
        if matches!(directive, "off" | "error") {
            others = directive;
        }
        directives.push(format!("smartsend={directive}"));
    }
    if !directives.iter().any(|directive| directive.starts_with("lapin")) {
        directives.push("lapin=off".to_owned());
    }
    // `tracing` prefers the directive with the longest target, wherever it stands.
    format!("{others},{}", directives.join(","))
}
