//! Log lines, on stderr.
//!
//! Other crates print what goes over the wire: lapin its frames, which hold the login, hyper its
//! requests, which hold the token. So a bare level such as `debug` is for our own lines only, and
//! theirs stay at `warn`. lapin is silent unless it is named: it logs every end of a connection as
//! an error, and the worker logs each of them itself, once and with what follows.

pub mod batched_writer;
mod lines;

use std::error::Error;
use std::io::{self, Stderr};

use tracing::Subscriber;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::config;
use batched_writer::BatchedWriter;
use lines::Lines;

/// Sends the log lines of this process to stderr, in the format and from the level of `[log]`.
/// Close what this returns before the process ends.
pub fn init(log: &config::Log) -> Result<BatchedWriter<Stderr>, Box<dyn Error>> {
    let writer = BatchedWriter::new(io::stderr())?;
    tracing::subscriber::set_global_default(lines(log, writer.clone())?)?;
    Ok(writer)
}

/// The layer that writes the lines, to any writer.
pub fn lines<W>(
    log: &config::Log,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = Lines { format: log.format, writer };
    Ok(Box::new(Registry::default().with(filter(&log.level)?).with(lines)))
}

/// The filter, its bare levels limited to our own targets.
fn filter(level: &str) -> Result<Targets, ParseError> {
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
    // `tracing` prefers the directive with the longest target, wherever it is in the list.
    format!("{others},{}", directives.join(",")).parse()
}
