//! `smartsend explain`: what a code or an answer of the provider means.

mod intent;

use std::path::{Path, PathBuf};

use clap::ArgGroup;

use super::exit::{CommandError, Exit, print};
use crate::explain::{explain, explain_all};
use crate::walkthrough::Answer;

#[derive(Debug, clap::Args)]
#[command(group(ArgGroup::new("what").required(true).args(["code", "all", "intent"])))]
#[command(after_help = "\
Examples:
  smartsend explain 1103                        a code of PayU's
  smartsend explain DUPLICATE_MERCHNAT_REF_ID   its name, as PayU spells it
  smartsend explain OUTCOME_UNKNOWN             the reason of an event or of a parked message
  smartsend explain http 429                    an HTTP status
  smartsend explain --all                       everything that decides
  smartsend explain --intent refund.json --answers timeout,notfound,duplicate,found

The last one plays an intent, as upstream publishes it, through the worker's own decisions, and
prints each, why, and when the next lookup is due. Nothing is sent. Around the intent all is well:
requests flow, nobody else uses its reference, and lookups have shown other links. The settings are
those of the configuration, if there is one. A create is answered with created, timeout, duplicate,
rejected:CODE, refused:CODE, not-sent, or an HTTP status such as 429, 403 or 503; a lookup with
found, notfound, other (a link for somebody else), failed, timeout, not-sent, or an HTTP status.
A notfound stands for all lookups up to the next create, if the answer after it is one to a create.

Exit codes: 0 explained; 1 there is no such code, or the file is no intent; 2 wrong usage or
configuration.")]
pub struct Options {
    /// A code: PayU's number or name, a reason of an event, or `http` and a status
    #[arg(num_args = 1..=2, value_name = "CODE")]
    code: Vec<String>,
    /// Explain every code, word and status
    #[arg(long)]
    all: bool,
    /// Play this intent through the worker's decisions
    #[arg(long, value_name = "FILE")]
    intent: Option<PathBuf>,
    /// What PayU answers to each create and each lookup of it, in order, by commas
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        value_parser = Answer::parse,
        conflicts_with_all = ["code", "all"]
    )]
    answers: Vec<Answer>,
    /// Whose settings decide; needed only if several merchants are configured
    #[arg(long, value_name = "NAME", conflicts_with_all = ["code", "all"])]
    merchant: Option<String>,
    /// Print the played intent as JSON
    #[arg(long, conflicts_with_all = ["code", "all"])]
    json: bool,
}

pub fn execute(options: &Options, config: Option<&Path>) -> Result<Exit, CommandError> {
    if let Some(path) = &options.intent {
        return intent::execute(path, options, config);
    }
    if options.all {
        return Ok(print(&explain_all()));
    }
    let page = explain(&options.code.join(" ")).map_err(CommandError::Failed)?;
    Ok(print(&page))
}
