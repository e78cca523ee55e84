//! `smartsend submit FILE.csv`: a file of intents, as upstream would publish them.

use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use crate::actor::{Actor, parse_note};
use crate::batch::{Batch, SubmissionEnd, Wait};
use crate::config::{Config, duration};
use crate::signals::StopSignals;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Columns, by the names in the first row, in any order:
  merchantRefId          required: 1 to 40 of A-Z a-z 0-9 _ -, another one for each payout
  amount                 required: rupees, such as 100.50
  description            required: what the customer reads
  custMobile, custEmail  one of them or both
  custName               required for merchants with api = \"v2\"
  expiryDate             only with api = \"v2\": when the link expires (RFC 3339)
  disableApprovalFlow    only with api = \"v2\": true or false
  deadline               no link is made after it (RFC 3339)
  metadata.KEY           copied into the event; a column for each key

Columns of FILE.results.csv:
  row        as the spreadsheet shows it; the column names are row 1
  reference  if it is valid
  amount     if it is valid
  outcome    created, failed, rejected, unresolved, unknown, unsent, skipped
  link       of created; whoever has it can claim the money, so the file has mode 0600
  reason     of all others, and where a link for the reference is known; smartsend explain says
             what its code means
An earlier report is replaced only if the new one says as much; otherwise the new one is
FILE.results.2.csv.

Examples:
  smartsend submit refunds.csv
  smartsend submit refunds.csv --wait --timeout 30m
  smartsend submit refunds.csv --merchant acme --skip-bad

Exit codes: 0 every row was sent and, with --wait, has a link; 1 a row is bad, or has no link, or
sending failed; 2 wrong usage or configuration; 3 stopped, or the time was over, before every result
had come. A file can be submitted again: the same reference is not paid twice.")]
pub struct Options {
    /// A CSV file in UTF-8 whose first row names the columns
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// The merchant that pays; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Wait for the results, and write them to FILE.results.csv
    #[arg(long)]
    wait: bool,
    /// Wait at most this long after sending, such as 30m; then exit 3
    #[arg(long, value_name = "DURATION", requires = "wait", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Why, for whoever asks later; it goes with every intent
    #[arg(long, value_name = "TEXT", value_parser = parse_note)]
    reason: Option<String>,
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
    let actor = Actor::of_process(options.reason.as_deref());
    complain(&format_args!(
        "{} of {all} rows, {} rupees, for the merchant {} (account {}), {actor}",
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
    let summary = batch.submit(config, (options.wait(), &actor), &stop).await.map_err(|error| {
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
