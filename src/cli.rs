//! The command line: one file per command.
//!
//! Output goes to stdout and everything else to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage
//! or configuration, 3 stopped with work left, or not decided yet.

pub mod account;
mod ask;
pub mod batch;
pub mod bulk;
pub mod change;
pub mod check;
mod confirm;
mod exit;
pub mod explain;
mod input;
pub mod lookup;
mod merchants;
pub mod parked;
mod paying;
pub mod pause;
pub mod reconcile;
pub mod run;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod stop;
pub mod submit;
pub mod survey;
pub mod topology;
pub mod where_is;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::config::{Config, variables};
use exit::complain;
pub use exit::{CommandError, Exit};

/// Turns payout intents on RabbitMQ into PayU Smart Send links: never two for one intent, never
/// lost.
#[derive(Debug, Parser)]
#[command(name = "smartsend", version)]
#[command(after_help = "\
Examples:
  smartsend topology apply --results-queue my.results   declare the exchanges and queues
  smartsend check                                       one look at everything before going live
  smartsend run                                         work until SIGTERM, SIGINT or SIGHUP
  smartsend submit refunds.csv --wait                   pay a file, and wait for the links
  smartsend batch refunds.csv                           the same without RabbitMQ and a worker
  smartsend lookup order-8841-r1                        what PayU shows of a reference
  smartsend where order-8841-r1                         where a payout is
  smartsend account                                     what the account holds
  smartsend cancel order-8841-r1                        let nobody claim its link any more
  smartsend parked list                                 what waits for a person, in rupees
  smartsend reconcile refunds.results.csv               a file against PayU, in rupees
  smartsend survey --mobile 9876543210                  what PayU leaves open, on a test account
  smartsend pause default --reason duplicates           start nothing new, on any worker
  smartsend explain OUTCOME_UNKNOWN                     what a code means, and what to do
  smartsend sandbox                                     stand in for PayU, to try all this

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 stopped with work left, or not
decided yet. Output goes to stdout, everything else to stderr.")]
pub struct Cli {
    /// The configuration [default: smartsend.toml]
    #[arg(
        long,
        global = true,
        env = "SMARTSEND_CONFIG",
        hide_env_values = true,
        value_name = "FILE"
    )]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the worker: consume intents, make links, publish results
    Run(run::Options),
    /// Check a file of intents, and publish them
    Submit(submit::Options),
    /// Pay a file of intents without RabbitMQ
    Batch(batch::Options),
    /// Run a stand-in for Smart Send, to try things out
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Options),
    /// Declare or export the queues and exchanges
    Topology(topology::Options),
    /// Look once at everything that a worker needs
    Check(check::Options),
    /// Ask PayU what it shows of a reference
    Lookup(lookup::Options),
    /// Find out where a payout is: in flight, waiting, parked, or at PayU
    Where(where_is::Options),
    /// Ask PayU what the account holds
    Account(account::Options),
    /// Upload and process PayU's own bulk files, around the worker
    Bulk(bulk::Options),
    /// Cancel a link, so that nobody can claim it any more
    Cancel(change::CancelOptions),
    /// Let a link be claimed for longer
    Extend(change::ExtendOptions),
    /// List, show, replay or discard what waits for a person
    Parked(parked::Options),
    /// Compare a file with PayU and with events, in rupees
    Reconcile(reconcile::Options),
    /// Find out by links of one rupee what PayU's documentation leaves open
    Survey(survey::Options),
    /// Start nothing new for a merchant, on any worker
    Pause(pause::PauseOptions),
    /// Take a pause back, or let a few intents through it
    Resume(pause::ResumeOptions),
    /// Explain what an answer of Smart Send means, and what follows
    Explain(explain::Options),
}

impl Cli {
    pub async fn execute(self) -> Exit {
        self.run().await.unwrap_or_else(|error| {
            complain(&error);
            error.exit()
        })
    }

    async fn run(self) -> Result<Exit, CommandError> {
        let read = || Config::read(self.config.as_deref(), variables());
        let config = || read().map_err(CommandError::usage);
        match self.command {
            Command::Run(options) => run::execute(&config()?, &options).await,
            Command::Submit(options) => submit::execute(&config()?, &options).await,
            Command::Batch(options) => batch::execute(read(), &options).await,
            #[cfg(feature = "sandbox")]
            Command::Sandbox(options) => sandbox::execute(options).await,
            Command::Topology(options) => topology::execute(&config()?, &options).await,
            Command::Check(options) => check::execute(read(), &options).await,
            Command::Lookup(options) => lookup::execute(&config()?, &options).await,
            Command::Where(options) => where_is::execute(&config()?, options).await,
            Command::Account(options) => account::execute(&config()?, &options).await,
            Command::Bulk(options) => bulk::execute(&config()?, &options).await,
            Command::Cancel(options) => change::cancel(&config()?, options).await,
            Command::Extend(options) => change::extend(&config()?, options).await,
            Command::Parked(options) => parked::execute(&config()?, options).await,
            Command::Reconcile(options) => reconcile::execute(&config()?, &options).await,
            Command::Survey(options) => survey::execute(&config()?, options).await,
            Command::Pause(options) => pause::pause(&config()?, options).await,
            Command::Resume(options) => pause::resume(&config()?, options).await,
            Command::Explain(options) => explain::execute(&options, self.config.as_deref()),
        }
    }
}
