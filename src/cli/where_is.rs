//! `smartsend where REF`: where a payout is.

use url::Url;

use super::ask;
use super::exit::{CommandError, Exit, print};
use super::merchants;
use crate::config::Config;
use crate::domain::reference::Reference;
use crate::whereabouts::{Found, Search, found, json, listener, text};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It asks the worker at ops.listen, or those that --ops names, looks through the parked queue, and
asks PayU for details; and it counts, without reading them, the messages that wait in the merchant's
queues, in the retry queues and in the queue of the dead. It changes nothing: what is parked is
given back in its place. It does not look at events, which belong to downstream.

PayU is asked outside of the worker's limiter: at most one request a second for each account on this
machine, by the lock file smartsend-ACCOUNT.lock in TMPDIR, or in /tmp.

The last line is one sentence for the support desk. A part that could not be seen is called missing.
With several workers name all of them: only the merchant's active consumer knows what is in flight.

Examples:
  smartsend where order-8841-r1
  smartsend where order-8841-r1 --ops http://10.0.0.5:8080 --ops http://10.0.0.6:8080 --json

Exit codes: 0 one of them has it; 1 none of them has it; 2 wrong usage or configuration; 3 none of
those that were seen has it, but a part is missing, or messages wait that were not read.")]
pub struct Options {
    /// The merchantRefId; after -- if it begins with -
    #[arg(value_name = "REF", value_parser = Reference::parse)]
    reference: Reference,
    /// The merchant whose reference it is; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// A worker's health pages, if not those at ops.listen; once for each worker
    #[arg(long, value_name = "URL")]
    ops: Vec<Url>,
    /// Show the whole link, by which anyone can claim the money
    #[arg(long)]
    reveal: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn execute(config: &Config, options: Options) -> Result<Exit, CommandError> {
    let merchant = merchants::one(config, options.merchant.as_deref())?;
    let workers: Vec<Url> = if options.ops.is_empty() {
        listener(config.ops.listen).into_iter().collect()
    } else {
        options.ops
    };
    let search = Search { config, merchant, reference: &options.reference, workers: &workers };
    let inquiry = async { ask::begin(merchant).await.map_err(|error| error.to_string()) };
    let facts = search.run(inquiry).await;
    let reveal = options.reveal;
    let printed = print(&if options.json { json(&facts, reveal) } else { text(&facts, reveal) });
    Ok(match found(&facts) {
        Found::Yes => printed,
        Found::No => Exit::Failed,
        Found::Undecided => Exit::WorkLeft,
    })
}
