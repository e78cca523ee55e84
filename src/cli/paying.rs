//! What `submit` and `batch` have in common: a file is checked and shown, and somebody agrees.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::confirm;
use super::exit::{CommandError, Exit, complain, print};
use super::input::InputOptions;
use crate::batch::{Batch, BatchError, Input, Preview};
use crate::config::Merchant;
use crate::inquiry::{Balance, Inquiry};

/// How long the account is asked for its balance: nothing depends on it but the preview.
const BALANCE_WITHIN: Duration = Duration::from_secs(15);

#[derive(Clone, Debug, clap::Args)]
pub(super) struct PayOptions {
    #[command(flatten)]
    pub(super) input: InputOptions,
    /// The merchant that pays; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    pub(super) merchant: Option<String>,
    /// Check and show everything, and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    consent: Consent,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is to be sent without another word.
#[derive(Clone, Debug, clap::Args)]
struct Consent {
    /// Send without asking
    #[arg(long)]
    yes: bool,
    /// Send the good rows even if there are bad ones; exit 1 all the same
    #[arg(long)]
    skip_bad: bool,
    /// Send rows with the same customer and amount all the same
    #[arg(long)]
    allow_repeats: bool,
}

/// A file that was read and checked.
pub(super) struct Checked<'a> {
    pub(super) batch: Batch<'a>,
    pub(super) bad_file: Option<PathBuf>,
    pub(super) unsent: Option<Unsent>,
}

/// Why nothing is sent.
pub(super) enum Unsent {
    DryRun,
    Refused(String),
}

impl Unsent {
    /// Why the account is not asked what it holds.
    pub(super) fn why_not_asked(&self) -> Option<&'static str> {
        match self {
            Self::DryRun => None,
            Self::Refused(_) => Some("nothing is sent"),
        }
    }
}

impl PayOptions {
    /// Reads the file, and shows what is wrong with it.
    pub(super) fn check<'a>(
        &self,
        input: &'a Input,
        merchant: &'a Merchant,
    ) -> Result<Checked<'a>, CommandError> {
        let batch = Batch::read(input, merchant).map_err(not_sent)?;
        let bad_file = batch.write_bad_rows().map_err(not_sent)?;
        batch.errors().iter().for_each(complain);
        if let Some(path) = &bad_file {
            complain(&format_args!("the bad rows are in {}: mend and send them", path.display()));
        }
        let refused = self.refusal(&batch).map(Unsent::Refused);
        let unsent = refused.or_else(|| self.dry_run.then_some(Unsent::DryRun));
        Ok(Checked { batch, bad_file, unsent })
    }

    /// Why the file is not sent as it is.
    fn refusal(&self, batch: &Batch<'_>) -> Option<String> {
        let (bad, all) = (batch.bad_row_count(), batch.row_count());
        if all == 0 {
            return Some("there are no rows below the column names; nothing was sent".to_owned());
        }
        self.refusal_of(bad, all).or_else(|| {
            (batch.has_repeats() && !self.consent.allow_repeats).then(|| {
                "rows pay the same customer the same amount: nothing was sent; if each of them is \
                 meant, send them with --allow-repeats"
                    .to_owned()
            })
        })
    }

    /// Why a file with so many bad rows is not sent.
    pub(super) fn refusal_of(&self, bad: usize, all: usize) -> Option<String> {
        (bad > 0 && !self.consent.skip_bad).then(|| {
            format!(
                "{bad} of {all} rows are bad: nothing was sent; correct them, or send only the good \
                 rows with --skip-bad"
            )
        })
    }

    /// Shows what is not sent, and ends.
    pub(super) fn end_unsent(
        &self,
        preview: &Preview<'_>,
        why: Unsent,
    ) -> Result<Exit, CommandError> {
        let printed = match (&why, self.json) {
            (_, true) => print_json(&preview.json(), &Value::Null),
            (Unsent::DryRun, false) => print(preview),
            (Unsent::Refused(_), false) => {
                show(preview);
                Exit::Failed
            }
        };
        match why {
            Unsent::Refused(why) => Err(CommandError::Failed(why)),
            Unsent::DryRun if preview.has_bad_rows() => Ok(Exit::Failed),
            Unsent::DryRun => Ok(printed),
        }
    }

    /// Whether somebody who has seen the preview wants it to be sent.
    pub(super) fn confirm(&self, input: &Input) -> Result<(), CommandError> {
        if self.consent.yes {
            return Ok(());
        }
        match confirm::at_terminal("Type yes to send them: ", input.is_stdin()) {
            Some(true) => Ok(()),
            Some(false) => Err(CommandError::Failed("nothing was sent".to_owned())),
            None => Err(CommandError::Usage(
                "there is no terminal to ask at; nothing was sent; give --yes to send without being \
                 asked, or --dry-run to see what would be sent"
                    .to_owned(),
            )),
        }
    }

    /// Prints how it ended. A closed stdout does not undo what was sent.
    pub(super) fn print_end(&self, preview: &Value, summary: &impl Display, json: &Value) {
        if self.json {
            print_json(preview, json);
        } else {
            print(summary);
        }
    }
}

/// Shows it to whoever decides.
pub(super) fn show(preview: &Preview<'_>) {
    complain(&preview.to_string().trim_end());
}

fn print_json(preview: &Value, summary: &Value) -> Exit {
    let json = json!({ "preview": preview, "summary": summary });
    print(&format_args!("{json}\n"))
}

pub(super) fn not_sent(error: BatchError) -> CommandError {
    if error.is_usage() { CommandError::usage(error) } else { CommandError::failed(error) }
}

/// What the account holds, or why nobody knows: it is asked outside of the worker's limiter, and
/// nothing waits for it for long.
pub(super) async fn balance(
    merchant: &Merchant,
    why_not_asked: Option<&str>,
) -> Result<Balance, String> {
    if let Some(why) = why_not_asked {
        return Err(format!("it was not asked for, since {why}"));
    }
    let inquiry = Inquiry::try_begin(merchant).map_err(|error| error.to_string())?;
    match timeout(BALANCE_WITHIN, inquiry.balance()).await {
        Ok(asked) => asked.map_err(|why| why.why()),
        Err(_) => Err(format!("PayU did not answer within {BALANCE_WITHIN:?}")),
    }
}
