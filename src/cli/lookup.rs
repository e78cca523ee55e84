//! `smartsend lookup REF`: what PayU shows of a reference.

use super::ask;
use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use crate::config::Config;
use crate::domain::reference::Reference;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It asks PayU for a token, for details, and for what the status call of the merchant's API says.
Details alone decide: the status call is shown beside them as it is, and a 404 of it is normal,
since PayU's pages hardly mention it any more.

That goes outside of the worker's limiter: at most one request a second for each account on this
machine, by the lock file smartsend-ACCOUNT.lock in TMPDIR, or in /tmp. Some accounts may have one
token at a time; the worker then fetches another one.

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
    let inquiry = ask::begin(merchant).await?;
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
