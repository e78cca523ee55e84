//! `smartsend reconcile FILE`: a file against PayU, and against the events.

use std::path::PathBuf;

use jiff::Timestamp;

use super::ask::begin;
use super::exit::{CommandError, Exit, complain, print};
use super::input::InputOptions;
use super::merchants;
use super::stop::until_signal;
use crate::batch::progress::{Progress, span};
use crate::config::{Config, Merchant};
use crate::domain::reference::Reference;
use crate::reconcile::ask::{Answers, ask, only_in_events, references};
use crate::reconcile::draft::{Draft, DraftError};
use crate::reconcile::events::Events;
use crate::reconcile::findings::{Findings, Outcome};
use crate::reconcile::input::{self, InputError, Kind};
use crate::reconcile::json;
use crate::reconcile::out::{report, resubmit};
use crate::reconcile::page::{Extent, text};
use crate::reconcile::verdict::Timing;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
FILE is a list of intents in any form that submit takes, or the FILE.results.csv of submit --wait or
of batch, as it was written; its column names decide which. - reads standard input. PayU is asked
for each reference, outside of the worker's limiter: at most one request a second for each account
on this machine, by the lock file smartsend-ACCOUNT.lock in TMPDIR, or in /tmp. Nothing is changed
at PayU or RabbitMQ.

Each row is in one class:
  matched            FILE, its events and PayU agree
  differing          PayU's link, or an event, has another amount, status, link or contact
  missing at PayU    it is to be paid, or FILE or an event says that it has a link; PayU shows none
  too early to tell  PayU shows none, and need not yet: it was sent less than
                     in_doubt.first_lookup and in_doubt.quarantine ago
  unknown to us      PayU or an event has a link, and FILE says that there is none, or has no row
  not looked at      PayU gave no answer, or was not asked
The rupees of the rows that are to be paid add up, by FILE's amounts; what is unknown to us is not
in that sum. When a row was sent is known by its last event, by --sent, or by the time at which a
results file was written. Where none of these says when, what PayU does not show is missing.

PayU lists no links, so that one is seen only if FILE or an event has its reference. Give only the
events of what FILE holds: any other link that they announce is unknown to us. PayU is asked about
those too with --ask-events.

--out has a row for each that is not matched; in its column next, replay is what `parked replay
--dry-run --refs` takes. --resubmit has what submit can be given again, under the same references:
PayU showed no link late enough, while it showed others, and no event announces it. What still waits
at a worker gets no second link by that.

Examples:
  smartsend reconcile refunds.results.csv
  smartsend reconcile refunds.csv --sent 2026-11-24T09:30:00Z --events events.jsonl --out open.csv
  smartsend parked replay --dry-run --refs open.csv --out plan.json

Exit codes: 0 all matched; 1 at least one is differing, missing or unknown to us, or FILE cannot be
used; 2 wrong usage or configuration; 3 stopped, or nothing differs and some are too early to tell,
or could not be looked at, or an event cannot be read.")]
pub struct Options {
    #[command(flatten)]
    input: InputOptions,
    /// The merchant whose file it is; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Events as downstream stored them, one JSON object on each line
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Ask PayU also about the links that only events announce
    #[arg(long, requires = "events")]
    ask_events: bool,
    /// When the last row of FILE was sent, such as 2026-11-24T09:30:00Z
    #[arg(long, value_name = "TIME")]
    sent: Option<Timestamp>,
    /// Begin below this row, where an earlier run was stopped
    #[arg(long, value_name = "ROW", default_value_t = 0, hide_default_value = true)]
    after: usize,
    /// Write every row that is not matched to this CSV file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the intents that can be submitted again to this one
    #[arg(long, value_name = "FILE", requires = "events")]
    resubmit: Option<PathBuf>,
    /// Show contacts and links, where they differ
    #[arg(long)]
    reveal: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The files that were asked for, begun before anything else.
struct Drafts {
    out: Option<Draft>,
    resubmit: Option<Draft>,
}

pub async fn execute(config: &Config, options: &Options) -> Result<Exit, CommandError> {
    let merchant = merchants::one(config, options.merchant.as_deref())?;
    let file = options.input.input();
    let input = input::read(&file, merchant).map_err(unreadable)?;
    let events = options.events.as_deref();
    let events = events.map(|path| Events::read(path, &merchant.account, &merchant.name));
    let events = events.transpose().map_err(CommandError::failed)?;
    let drafts = begin_drafts(options, input.kind)?;
    let of_file = references(&input.rows, options.after);
    let strays = events.as_ref().filter(|_| options.ask_events);
    let strays = strays.map(|events| only_in_events(&input.rows, events)).unwrap_or_default();
    let answers = answers(merchant, &[&*of_file, &strays].concat()).await?;
    let timing = Timing {
        grace: merchant.in_doubt.first_lookup.saturating_add(merchant.in_doubt.quarantine),
        sent_by: options.sent.or(input.sent_by),
    };
    let extent = Extent {
        file: file.name().display().to_string(),
        kind: input.kind,
        merchant: merchant.name.clone(),
        account: merchant.account.payout_merchant_id.clone(),
        after: options.after,
        references: of_file.len(),
        asked: of_file.iter().filter(|reference| answers.seen.contains_key(reference)).count(),
        halted: answers.halted,
        events: events.as_ref().map(|events| events.counts),
        is_dated: timing.sent_by.is_some(),
    };
    let events = events.unwrap_or_default();
    let findings = Findings::new(input.rows, options.after, &events, &answers.seen, &timing);
    let reveal = options.reveal;
    let printed = if options.json {
        print(&json(&findings, &extent, reveal))
    } else {
        print(&text(&findings, &extent, reveal))
    };
    write(drafts, &findings, reveal)?;
    Ok(match findings.outcome() {
        _ if answers.is_stopped => Exit::WorkLeft,
        Outcome::Differences => Exit::Failed,
        Outcome::Undecided => Exit::WorkLeft,
        Outcome::AllMatched => printed,
    })
}

fn unreadable(error: InputError) -> CommandError {
    if error.is_usage() { CommandError::usage(error) } else { CommandError::failed(error) }
}

fn begin_drafts(options: &Options, kind: Kind) -> Result<Drafts, CommandError> {
    if options.resubmit.is_some() && kind == Kind::Results {
        return Err(CommandError::Usage(
            "--resubmit needs the list of intents: a results file has no descriptions or contacts; \
             nothing was asked"
                .to_owned(),
        ));
    }
    if options.out.is_some() && options.out == options.resubmit {
        let same = "--out and --resubmit are the same file; nothing was asked";
        return Err(CommandError::Usage(same.to_owned()));
    }
    let begin = |path: &Option<PathBuf>| {
        path.as_deref().map(Draft::begin).transpose().map_err(|error| match error {
            DraftError::Exists { .. } => CommandError::usage(error),
            DraftError::NotBegun { .. } | DraftError::NotWritten { .. } => {
                CommandError::failed(error)
            }
        })
    };
    Ok(Drafts { out: begin(&options.out)?, resubmit: begin(&options.resubmit)? })
}

/// Asks about all of them, and says beforehand how long that takes.
async fn answers(merchant: &Merchant, asked: &[Reference]) -> Result<Answers, CommandError> {
    if asked.is_empty() {
        return Ok(Answers::default());
    }
    let stop = until_signal()?;
    // Whoever waits for another one's turn can be stopped too.
    let Some(inquiry) = stop.run_until_cancelled(begin(merchant)).await else {
        return Ok(Answers::stopped());
    };
    let inquiry = inquiry?;
    complain(&format_args!(
        "to be asked about: {}, which takes at least {}; Ctrl-C ends it with what was learnt",
        asked.len(),
        duration(asked.len())
    ));
    let mut progress = Progress::start("asking PayU", asked.len(), 0);
    let answers = ask(&inquiry, asked, &stop, |done| progress.set(done)).await;
    progress.end();
    Ok(answers)
}

/// The token takes one more request.
fn duration(references: usize) -> String {
    span(u64::try_from(references).unwrap_or(u64::MAX).saturating_add(1))
}

fn write(drafts: Drafts, findings: &Findings, reveal: bool) -> Result<(), CommandError> {
    if let Some(draft) = drafts.out {
        let path = draft.finish(&report(findings, reveal)).map_err(CommandError::failed)?;
        complain(&format_args!("{} has every row that is not matched", path.display()));
    }
    let Some(draft) = drafts.resubmit else { return Ok(()) };
    let again = resubmit(findings);
    for row in &again.left_out {
        complain(&format_args!(
            "row {row} can be submitted again, but has a cell that a spreadsheet takes for a \
             formula; submit it from FILE"
        ));
    }
    match again.csv {
        Some(csv) => {
            let path = draft.finish(&csv).map_err(CommandError::failed)?;
            complain(&format_args!(
                "{} has {} intents to submit again, under the same references",
                path.display(),
                again.rows
            ));
        }
        None => complain(
            &&"--resubmit was not written: no intent is proven to be without a link. That takes the \
              time it was sent by (--sent TIME, or its events), a lookup late enough after that, and \
              other links that PayU shows",
        ),
    }
    Ok(())
}
