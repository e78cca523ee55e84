//! `smartsend batch FILE`: pays a file without RabbitMQ.

use super::exit::{CommandError, Exit, complain};
use super::merchants;
use super::paying::{Checked, PayOptions, Unsent, balance, show};
use super::stop::until_signals;
use crate::actor::Actor;
use crate::batch::{
    Direct, DirectEnd, DirectError, DirectSummary, Mode, Stops, refuse_if_consumed,
};
use crate::config::{Config, ConfigError, Merchant};
#[cfg(feature = "sandbox")]
use trial::Trial;

#[cfg(feature = "sandbox")]
mod trial;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
FILE is read, checked, shown and confirmed as with submit: smartsend submit --help lists its
columns, and those of FILE.results.csv.

It needs no RabbitMQ: the rows, and how far each has come, are kept in FILE.smartsend.db. Whatever
ends it, run it again with the same file to go on: a row that has ended is only reported, and what
may have been sent is looked up first. FILE.results.csv gets a line as each row ends, and is in the
file's order at the end.

One batch pays from an account on a machine at a time, and none while a worker consumes the
merchant's intents. With --sandbox no configuration is needed, no money moves, nothing is asked, and
the files are FILE.sandbox.smartsend.db and FILE.sandbox.results.csv.

Examples:
  smartsend batch refunds.csv --sandbox
  smartsend batch refunds.xlsx --map \"Mobile No.=custMobile\" --dry-run
  smartsend batch refunds.csv --merchant acme --yes

Exit codes: 0 every row has a link, or with --dry-run could be sent; 1 a row is bad or has no link,
or it failed; 2 wrong usage or configuration, or nobody to ask; 3 stopped with work left, or its
store could not be written any more.")]
pub struct Options {
    #[command(flatten)]
    paying: PayOptions,
    /// Pay from a sandbox of its own: no money moves
    #[cfg(feature = "sandbox")]
    #[arg(long, conflicts_with_all = ["merchant", "no_broker_check"])]
    sandbox: bool,
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
    let merchant = merchants::one(&config, options.paying.merchant.as_deref())?;
    run((&config, merchant), Mode::Live, options).await
}

async fn run(
    (config, merchant): (&Config, &Merchant),
    mode: Mode,
    options: &Options,
) -> Result<Exit, CommandError> {
    let paying = &options.paying;
    let input = paying.input.input();
    let Checked { batch, bad_file, unsent } = paying.check(&input, merchant)?;
    let actor = Actor::of_process(None);
    if let Some(why) = unsent {
        let balance = balance(merchant, why_not_asked(mode, Some(&why))).await;
        return paying.end_unsent(&batch.preview(&actor, bad_file, balance), why);
    }
    if mode == Mode::Live && !options.no_broker_check {
        refuse_if_consumed(config, merchant).await.map_err(CommandError::failed)?;
    }
    let direct = batch.take_in(config, mode).map_err(not_paid)?;
    let refusal = paying.refusal_of(direct.contradiction_count(), direct.row_count());
    let refusal = refusal.map(Unsent::Refused);
    let done = direct.is_done().then_some("nothing is left to be paid");
    let balance = balance(merchant, why_not_asked(mode, refusal.as_ref()).or(done)).await;
    let preview = direct.preview(&actor, bad_file, balance).map_err(not_paid)?;
    if let Some(why) = refusal {
        return paying.end_unsent(&preview, why);
    }
    show(&preview);
    if mode == Mode::Live && !direct.is_done() {
        paying.confirm(&input)?;
    }
    let preview = preview.json();
    let summary = pay(direct).await?;
    paying.print_end(&preview, &summary, &summary.json());
    summary.advice().iter().for_each(complain);
    Ok(match summary.end {
        _ if summary.is_success() => Exit::Done,
        DirectEnd::Interrupted | DirectEnd::Failed(_) if summary.left() > 0 => Exit::WorkLeft,
        DirectEnd::Interrupted | DirectEnd::Failed(_) | DirectEnd::Finished => Exit::Failed,
    })
}

/// Why the account is not asked what it holds.
fn why_not_asked(mode: Mode, unsent: Option<&Unsent>) -> Option<&'static str> {
    match mode {
        Mode::Live => unsent.and_then(Unsent::why_not_asked),
        Mode::Sandbox => Some("no money moves"),
    }
}

fn not_paid(error: DirectError) -> CommandError {
    if error.is_usage() { CommandError::usage(error) } else { CommandError::failed(error) }
}

/// The first signal lets what is under way come to its end; a second one does not wait.
async fn pay(direct: Direct<'_>) -> Result<DirectSummary, CommandError> {
    let (gently, at_once) = until_signals(|| {})?;
    direct.pay(&Stops { gently, at_once }).await.map_err(not_paid)
}
