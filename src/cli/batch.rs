//! `smartsend batch FILE.csv`: pays a file without RabbitMQ.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use crate::batch::{Batch, Direct, DirectEnd, Mode, Stops, refuse_if_consumed};
use crate::config::{Config, ConfigError, Merchant};
use crate::signals::StopSignals;
#[cfg(feature = "sandbox")]
use trial::Trial;

#[cfg(feature = "sandbox")]
mod trial;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
It needs no RabbitMQ: the rows, and what has become of each, are kept in FILE.smartsend.db. Whatever
ends it, run it again with the same file to go on: a row that has ended is only reported, and what
may have been sent is looked up first. FILE.results.csv gets a line as each row ends, and is in the
file's order at the end. Columns of both files: see smartsend submit --help.

One batch pays from an account on a machine at a time, and none while a worker consumes the
merchant's intents. With --sandbox no configuration is needed, no money moves, and the files are
FILE.sandbox.smartsend.db and FILE.sandbox.results.csv.

Examples:
  smartsend batch refunds.csv --sandbox
  smartsend batch refunds.csv --dry-run
  smartsend batch refunds.csv --merchant acme --yes

Exit codes: 0 every row has a link; 1 a row is bad or has none, or it failed; 2 wrong usage or
configuration; 3 stopped with work left, or its file could not be written any more.")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct Options {
    /// A CSV file in UTF-8 whose first row names the columns
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The merchant that pays; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Pay from a sandbox of its own: no money moves
    #[cfg(feature = "sandbox")]
    #[arg(long, conflicts_with_all = ["merchant", "no_broker_check"])]
    sandbox: bool,
    /// Pay without asking
    #[arg(long)]
    yes: bool,
    /// Check the file, say what would be paid, and stop
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Pay the good rows even if there are bad ones; exit 1 all the same
    #[arg(long)]
    skip_bad: bool,
    /// Do not ask RabbitMQ whether a worker pays from the same account
    #[arg(long)]
    no_broker_check: bool,
}

pub async fn execute(
    config: Result<Config, ConfigError>,
    options: &Options,
) -> Result<Exit, CommandError> {
    #[cfg(feature = "sandbox")]
    if options.sandbox {
        let trial = Trial::start(config.ok().as_ref()).await?;
        complain(&"this is a trial: the links come from a sandbox, and no money moves");
        let merchant = merchants::one(&trial.config, None)?;
        return run((&trial.config, merchant), Mode::Sandbox, options).await;
    }
    let config = config.map_err(CommandError::usage)?;
    let merchant = merchants::one(&config, options.merchant.as_deref())?;
    run((&config, merchant), Mode::Live, options).await
}

async fn run(
    (config, merchant): (&Config, &Merchant),
    mode: Mode,
    options: &Options,
) -> Result<Exit, CommandError> {
    let batch = Batch::read(&options.file, merchant).map_err(CommandError::failed)?;
    batch.errors().iter().for_each(complain);
    let (bad, all) = (batch.bad_row_count(), batch.row_count());
    if bad > 0 && !options.skip_bad {
        return Err(refused(bad, all));
    }
    if options.dry_run {
        complain(&format_args!(
            "{} of {all} rows, {} rupees; this was a dry run: nothing was sent",
            all.saturating_sub(bad),
            batch.rupees()
        ));
        return Ok(if bad == 0 { Exit::Done } else { Exit::Failed });
    }
    if mode == Mode::Live && !options.no_broker_check {
        refuse_if_consumed(config, merchant).await.map_err(CommandError::failed)?;
    }
    let direct = batch.take_in(config, mode).map_err(CommandError::failed)?;
    direct.notes().map_err(CommandError::failed)?.iter().for_each(complain);
    let contradicting = direct.contradiction_count();
    if contradicting > 0 && !options.skip_bad {
        return Err(refused(contradicting, all));
    }
    complain(&direct.plan());
    if mode == Mode::Live && !direct.is_done() {
        confirm(options)?;
    }
    pay(direct).await
}

fn refused(bad: usize, all: usize) -> CommandError {
    CommandError::Failed(format!(
        "{bad} of {all} rows are bad: nothing was sent; correct them, or pay only the good rows with \
         --skip-bad"
    ))
}

fn confirm(options: &Options) -> Result<(), CommandError> {
    if options.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let why = "nobody can be asked here; check the numbers, and confirm them with --yes; \
                   nothing was sent";
        return Err(CommandError::Usage(why.to_owned()));
    }
    let asked = write!(io::stderr().lock(), "Pay this? Type yes to go on: ");
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    if read.is_ok() && answer.trim().eq_ignore_ascii_case("yes") {
        return Ok(());
    }
    Err(CommandError::Failed("nothing was sent".to_owned()))
}

/// The first signal lets what is under way come to its end; a second one does not wait.
async fn pay(direct: Direct<'_>) -> Result<Exit, CommandError> {
    let mut signals = StopSignals::listen().map_err(|error| {
        CommandError::Failed(format!("cannot listen for signals: {error}; nothing was sent"))
    })?;
    let stops = Stops::default();
    let Stops { gently, at_once } = stops.clone();
    tokio::spawn(async move {
        signals.next().await;
        gently.cancel();
        signals.next().await;
        at_once.cancel();
    });
    let summary = direct.pay(&stops).await.map_err(|error| {
        if error.is_usage() { CommandError::usage(error) } else { CommandError::failed(error) }
    })?;
    // A closed stdout does not undo what was paid.
    print(&summary);
    summary.advice().iter().for_each(complain);
    Ok(match summary.end {
        _ if summary.is_success() => Exit::Done,
        DirectEnd::Interrupted | DirectEnd::Failed(_) if summary.left() > 0 => Exit::WorkLeft,
        DirectEnd::Interrupted | DirectEnd::Failed(_) | DirectEnd::Finished => Exit::Failed,
    })
}
