//! The command line: one file per command.
//!
//! Output goes to stdout and everything else to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage
//! or configuration, 3 stopped with work left.

pub mod explain;
pub mod run;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod submit;
pub mod topology;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, variables};

/// Turns payout intents on RabbitMQ into PayU Smart Send links: never two for one intent, never
/// lost.
#[derive(Debug, Parser)]
#[command(name = "smartsend", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration [default: smartsend.toml, if it is there].
    #[arg(long, global = true, env = "SMARTSEND_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Works until it is told to stop: consumes intents, makes links, publishes results.
    Run(run::Options),
    /// Publishes the intents of a CSV file.
    Submit(submit::Options),
    /// Stands in for Smart Send, for trying things out.
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Options),
    /// Declares or prints the queues and exchanges.
    Topology(topology::Options),
    /// Says what an answer of Smart Send means, and what follows.
    Explain(explain::Options),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// Stopped with work left.
    WorkLeft,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::WorkLeft => 3,
        })
    }
}

impl Cli {
    /// Does what was asked.
    pub async fn execute(self) -> Exit {
        match self.command {
            Command::Run(options) => match read(self.config.as_deref()) {
                Ok(config) => run::run(config, options).await,
                Err(exit) => exit,
            },
            Command::Submit(options) => match read(self.config.as_deref()) {
                Ok(config) => submit::run(&config, &options).await,
                Err(exit) => exit,
            },
            #[cfg(feature = "sandbox")]
            Command::Sandbox(options) => {
                told(sandbox::run(options).await.map(|()| String::new()), sandbox::Error::is_usage)
            }
            Command::Topology(options) => match read(self.config.as_deref()) {
                Ok(config) => {
                    let result = topology::execute(&config, &options).await;
                    told(result, topology::Failed::is_usage)
                }
                Err(exit) => exit,
            },
            Command::Explain(options) => told(explain::execute(&options), |_| false),
        }
    }
}

fn read(path: Option<&Path>) -> Result<Config, Exit> {
    Config::read(path, variables()).map_err(|errors| {
        complain(&errors);
        Exit::Usage
    })
}

/// Says what went wrong on stderr.
fn complain(error: &impl std::fmt::Display) {
    // A closed stderr leaves nobody to tell.
    writeln!(std::io::stderr().lock(), "{error}").ok();
}

/// Prints a command's text on stdout, or its error on stderr.
fn told<E: std::fmt::Display>(
    result: Result<String, E>,
    is_usage: impl FnOnce(&E) -> bool,
) -> Exit {
    match result {
        Ok(text) => {
            let written = std::io::stdout().lock().write_all(text.as_bytes());
            if written.is_ok() { Exit::Done } else { Exit::Failed }
        }
        Err(error) => {
            complain(&error);
            if is_usage(&error) { Exit::Usage } else { Exit::Failed }
        }
    }
}
