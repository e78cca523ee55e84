//! `smartsend submit FILE.csv`: a file of intents, as upstream would publish them.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use crate::batch::{Batch, SubmissionEnd, Wait};
use crate::config::{Config, duration};
use crate::signals::StopSignals;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Columns: merchantRefId, amount, description, and custMobile or custEmail \
or both;\nif needed also custName, deadline (RFC 3339) and metadata.KEY.")]
pub struct Options {
    /// A CSV file in UTF-8 whose first row names the columns
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The merchant that pays; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Wait for the results, write FILE.results.csv; exit 1 if a row has no link
    #[arg(long)]
    wait: bool,
    /// Wait no longer than this once everything is sent, such as 30m; exit 3 if results are missing
    #[arg(long, value_name = "DURATION", requires = "wait", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Send the good rows even if there are bad ones; exit 1 all the same
    #[arg(long)]
    skip_bad: bool,
}

impl Options {
    fn wait(&self) -> Wait {
        match self.timeout {
            _ if !self.wait => Wait::No,
            None => Wait::UntilAll,
            Some(limit) => Wait::AtMost(limit),
        }
    }
}

pub async fn execute(config: &Config, options: &Options) -> Result<Exit, CommandError> {
    let merchant = merchants::one(config, options.merchant.as_deref())?;
    let batch = Batch::read(&options.file, merchant).map_err(CommandError::failed)?;
    batch.errors().iter().for_each(complain);
    let (bad, all) = (batch.bad_row_count(), batch.row_count());
    if bad > 0 && !options.skip_bad {
        return Err(CommandError::Failed(format!(
            "{bad} of {all} rows are bad: nothing was sent; correct them, or send only the good \
             rows with --skip-bad"
        )));
    }
    complain(&format_args!(
        "{} of {all} rows, {} rupees, for the merchant {} (account {})",
        all.saturating_sub(bad),
        batch.rupees(),
        merchant.name,
        merchant.account.payout_merchant_id
    ));
    let stop = CancellationToken::new();
    let mut signals = StopSignals::listen().map_err(|error| {
        CommandError::Failed(format!("cannot listen for signals: {error}; nothing was sent"))
    })?;
    let stopping = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        stopping.cancel();
    });
    let summary = batch.submit(config, options.wait(), &stop).await.map_err(|error| {
        if error.is_usage() { CommandError::usage(error) } else { CommandError::failed(error) }
    })?;
    // A closed stdout does not undo what was sent.
    print(&summary);
    summary.advice().iter().for_each(complain);
    let is_undecided = matches!(summary.end, SubmissionEnd::Interrupted | SubmissionEnd::TimedOut);
    Ok(match summary.is_success() {
        true => Exit::Done,
        false if is_undecided && !summary.is_misplaced() => Exit::WorkLeft,
        false => Exit::Failed,
    })
}
