//! `smartsend parked list | show | replay | discard`: what waits for a person.

mod ask_total;
mod discard;
mod look;
mod meant;
mod replay;

use super::exit::{CommandError, Exit};
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  smartsend parked list
  smartsend parked list --code REFUSED --older 1h --json
  smartsend parked show order-8841-r1
  smartsend parked replay --dry-run --code NOT_SENT --out plan.json
  smartsend parked replay --plan plan.json --reason \"PayU is back\" --follow
  smartsend parked discard order-8841-r1 --reason \"paid by hand\"

Exit codes: 0 done; 1 failed; 2 wrong usage or configuration; 3 stopped with work left, or not
decided yet. What a list could not see, because somebody else reads the queue, it says.")]
pub struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Count what is parked, and its rupees, by merchant and reason
    List(look::ListOptions),
    /// Show one parked message whole
    Show(look::ShowOptions),
    /// Send parked messages back to the worker, by a plan
    Replay(replay::ReplayOptions),
    /// Take parked messages off for good; they can be fetched back for 30 days
    Discard(discard::DiscardOptions),
}

pub async fn execute(config: &Config, options: Options) -> Result<Exit, CommandError> {
    match options.verb {
        Verb::List(options) => look::list(config, &options).await,
        Verb::Show(options) => look::show(config, &options).await,
        Verb::Replay(options) => replay::replay(config, &options).await,
        Verb::Discard(options) => discard::discard(config, &options).await,
    }
}
