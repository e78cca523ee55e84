//! `smartsend lookup REF`: what PayU shows of a reference.

use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use crate::config::Config;
use crate::domain::reference::Reference;
use crate::inquiry::{Inquiry, InquiryError};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It asks PayU for a token and for details, outside of the worker's limiter: at most one request a
second for each account on this machine, by the lock file smartsend-ACCOUNT.lock in TMPDIR, or in
/tmp. Some accounts may have one token at a time; the worker then fetches another one.

Examples:
  smartsend lookup order-8841-r1
  smartsend lookup order-8841-r1 --merchant acme --json

Exit codes: 0 there is a link; 1 none was found, which is no proof that there is none, or PayU
turned it away; 2 wrong usage or configuration; 3 no answer.")]
pub struct Options {
    /// The merchantRefId; after -- if it begins with -
    #[arg(value_name = "REF", value_parser = Reference::parse)]
    reference: Reference,
    /// The merchant whose reference it is; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Show the link, by which anyone can claim the money, and the contacts
    #[arg(long)]
    reveal: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn execute(config: &Config, options: &Options) -> Result<Exit, CommandError> {
    let merchant = merchants::one(config, options.merchant.as_deref())?;
    let inquiry = Inquiry::begin(merchant).await.map_err(|error| match error {
        InquiryError::Account(_) => CommandError::usage(error),
        InquiryError::Pace(_) => CommandError::failed(error),
    })?;
    complain(&format_args!(
        "asking PayU outside of the worker's limiter, at most once a second for the account {} ({})",
        merchant.account.payout_merchant_id,
        inquiry.lock_file().display()
    ));
    let shown = inquiry.lookup(&options.reference).await;
    let reveal = options.reveal;
    let text = if options.json { shown.json(reveal) } else { shown.table(reveal) };
    let printed = text.map_or(Exit::Done, |text| print(&text));
    match shown.why_not() {
        None => Ok(printed),
        Some(why) => {
            complain(&format_args!("{}: {why}", options.reference));
            Ok(if shown.is_unanswered() { Exit::WorkLeft } else { Exit::Failed })
        }
    }
}
