//! `smartsend submit FILE`: a file of intents, as upstream would publish them.

use std::time::Duration;

use super::exit::{CommandError, Exit, complain};
use super::merchants;
use super::paying::{Checked, PayOptions, Unsent, balance, not_sent, show};
use super::stop::until_signal;
use crate::actor::{Actor, parse_note};
use crate::batch::{Batch, SubmissionEnd, Summary, Wait};
use crate::config::{Config, duration};

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
FILE is CSV, with any character between its cells, a sheet of XLSX, or JSON lines, each an intent as
it would be published; its content decides which, not its name. - reads standard input. Rows above
the column names are passed over if they fill fewer cells than an intent does.

Columns, by their names, in any order:
  merchantRefId          required: 1 to 40 of A-Z a-z 0-9 _ -, another one for each payout
  amount                 required: rupees, such as 100.50, 1,00,000.50 or 100,000.50
  description            required: what the customer reads
  custMobile, custEmail  one of them or both
  custName               required for merchants with api = \"v2\"
  expiryDate             only with api = \"v2\": when the link expires (RFC 3339)
  disableApprovalFlow    only with api = \"v2\": true or false
  deadline               no link is made after it (RFC 3339)
  metadata.KEY           copied into the event; a column for each key
  error                  not read, so that a mended FILE.bad.csv can be submitted as it is

Before anything is sent, every row is checked and a summary shown; then it asks, unless --yes is
given. Bad rows are written to FILE.bad.csv (FILE.bad.jsonl for JSON lines) with what is wrong.

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
  smartsend submit refunds.csv --dry-run
  smartsend submit refunds.xlsx --sheet May --map \"Mobile No.=custMobile\" --map \"Remarks=\"
  smartsend submit refunds.csv --yes --wait --timeout 30m
  export-refunds | smartsend submit - --yes --skip-bad

Exit codes: 0 every row was sent and, with --wait, has a link, or with --dry-run could be sent; 1 a
row is bad, or has no link, or sending failed; 2 wrong usage or configuration, or nobody to ask; 3
stopped, or the time was over, before every result had come. A file can be submitted again: the same
reference is not paid twice.")]
pub struct Options {
    #[command(flatten)]
    paying: PayOptions,
    /// Wait for the results, and write them to FILE.results.csv
    #[arg(long)]
    wait: bool,
    /// Wait at most this long after sending, such as 30m; then exit 3
    #[arg(long, value_name = "DURATION", requires = "wait", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Why, for whoever asks later; it goes with every intent
    #[arg(long, value_name = "TEXT", value_parser = parse_note)]
    reason: Option<String>,
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
    let paying = &options.paying;
    let merchant = merchants::one(config, paying.merchant.as_deref())?;
    let input = paying.input.input();
    let Checked { batch, bad_file, unsent } = paying.check(&input, merchant)?;
    let actor = Actor::of_process(options.reason.as_deref());
    let why_not_asked = unsent.as_ref().and_then(Unsent::why_not_asked);
    let balance = balance(merchant, why_not_asked).await;
    let preview = batch.preview(&actor, bad_file, balance);
    if let Some(why) = unsent {
        return paying.end_unsent(&preview, why);
    }
    show(&preview);
    paying.confirm(&input)?;
    let summary = submit(config, &batch, (options.wait(), &actor)).await?;
    paying.print_end(&preview.json(), &summary, &summary.json());
    summary.advice().iter().for_each(complain);
    let is_undecided = matches!(summary.end, SubmissionEnd::Interrupted | SubmissionEnd::TimedOut);
    Ok(match summary.is_success() {
        true => Exit::Done,
        false if is_undecided && !summary.is_misplaced() => Exit::WorkLeft,
        false => Exit::Failed,
    })
}

async fn submit(
    config: &Config,
    batch: &Batch<'_>,
    how: (Wait, &Actor),
) -> Result<Summary, CommandError> {
    batch.submit(config, how, &until_signal()?).await.map_err(not_sent)
}
