//! `parked replay`: a plan, and what it says.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::exit::{CommandError, Exit, complain, print};
use super::super::stop::until_signal;
use super::ask_total::ask_back;
use super::meant::{Filters, complain_of_absent, failed, topology};
use crate::actor::{Actor, parse_note};
use crate::config::{Config, duration};
use crate::parked::decision::Decision;
use crate::parked::plan::{Plan, rupees_of};
use crate::parked::progress::{self, Progress};
use crate::parked::tally::{gaps, is_complete};
use crate::parked::{
    self, Ends, FollowEnd, Planned, PlanningError, Replay, ReplayEnd, ReplayError, Request,
};

#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["dry_run", "plan"])))]
#[command(after_help = "\
First a plan: --dry-run looks up at PayU every message that is meant, at most one a second for each
account on this machine and outside of the worker's limiter, and writes reference, rupees, decision
and evidence to a file. Nothing is replayed that a worker would only park again, or that a guard has
refused.

Then --plan does what the plan says, once, within 15 minutes after it was made, and asks for the
total first. Each copy goes to the worker as in doubt, so that it is looked up before anything is
sent, under the same reference; the message is taken off the parked queue only after RabbitMQ has
confirmed the copy. What has left the queue since is not replayed. If it is stopped or loses
RabbitMQ, the same command goes on from there, by PLAN.progress: what was confirmed is not published
again. A copy whose confirm did not come may be, and that makes no second link.

It has to use the worker's login, since a worker believes no other.

Examples:
  smartsend parked replay --dry-run --code NOT_SENT --older 1h --out plan.json
  smartsend parked replay --plan plan.json --reason \"PayU is back\" --limit 1 --follow
  smartsend parked replay --plan plan.json --reason \"PayU is back\" --total 1407.00

Exit codes: 0 the plan is written, or carried out; 1 some is not parked, was refused or had moved,
or with --follow has no link, or nothing was done; 2 wrong usage or configuration; 3 stopped with
work left, or not decided yet.")]
pub(super) struct ReplayOptions {
    /// Make a plan, and replay nothing
    #[arg(long, requires = "out")]
    dry_run: bool,
    /// Where the plan goes; the file must not exist
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    out: Option<PathBuf>,
    #[command(flatten)]
    filters: Filters,
    /// Replay also what was replayed twice before and came back
    #[arg(long, requires = "dry_run")]
    again: bool,
    /// Do what this plan says
    #[arg(
        long,
        value_name = "FILE",
        requires = "reason",
        conflicts_with_all = ["merchant", "code", "older", "younger", "reference", "refs"]
    )]
    plan: Option<PathBuf>,
    /// Why, for whoever asks later; it stays on the message
    #[arg(long, value_name = "TEXT", value_parser = parse_note, requires = "plan")]
    reason: Option<String>,
    /// Look up, or replay, at most so many [default for a plan: 1000]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// The total in rupees, instead of typing it
    #[arg(long, value_name = "RUPEES", requires = "plan")]
    total: Option<String>,
    /// Wait for what becomes of them
    #[arg(long, requires = "plan")]
    follow: bool,
    /// Wait at most this long after the last, such as 30m; then exit 3
    #[arg(long, value_name = "DURATION", requires = "follow", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How many a plan looks up at most, if nothing else is said.
const LIMIT: usize = 1000;

pub(super) async fn replay(config: &Config, options: &ReplayOptions) -> Result<Exit, CommandError> {
    match (&options.plan, &options.out) {
        (Some(plan), _) => apply(config, plan, options).await,
        (None, Some(out)) => make(config, out, options).await,
        (None, None) => Err(CommandError::Usage("--dry-run needs --out FILE".to_owned())),
    }
}

async fn make(
    config: &Config,
    out: &std::path::Path,
    options: &ReplayOptions,
) -> Result<Exit, CommandError> {
    for path in [out, &progress::path_for(out)] {
        if path.exists() {
            let path = path.display();
            return Err(CommandError::Usage(format!("{path} exists; choose another --out")));
        }
    }
    let (topology, actor) = (topology(config)?, Actor::of_process(None));
    let request = Request {
        selection: options.filters.selection()?,
        limit: options.limit.unwrap_or(LIMIT),
        again: options.again,
        actor: &actor,
        stop: until_signal()?,
    };
    let made = parked::make_plan(config, &topology, request, |note| complain(&note)).await;
    let Planned { plan, extent, absent } = made.map_err(|error| match &error {
        PlanningError::Queue(queue) => failed(queue),
        PlanningError::Inquiry(_) => CommandError::failed(&error),
    })?;
    plan.write(out).map_err(CommandError::failed)?;
    let printed = if options.json { print(&plan_json(&plan)) } else { print(&plan.table()) };
    gaps(extent).iter().for_each(complain);
    complain_of_absent(&absent);
    if plan.left_out > 0 {
        complain(&format_args!(
            "the plan is cut: {} more are meant and not in it; plan again after this one",
            plan.left_out
        ));
    }
    if plan.count(Decision::Replay) > 0 {
        complain(&format_args!("{} can be carried out for 15 minutes", out.display()));
    }
    let is_whole = is_complete(extent) && plan.count(Decision::Undecided) == 0;
    Ok(match (printed, is_whole) {
        (Exit::Done, false) => Exit::WorkLeft,
        (Exit::Done, true) if !absent.is_empty() => Exit::Failed,
        (Exit::Done | Exit::Failed | Exit::Usage | Exit::WorkLeft, _) => printed,
    })
}

fn plan_json(plan: &Plan) -> String {
    format!("{}\n", serde_json::to_string(plan).unwrap_or_default())
}

async fn apply(
    config: &Config,
    path: &std::path::Path,
    options: &ReplayOptions,
) -> Result<Exit, CommandError> {
    let (plan, digest) = Plan::read(path).map_err(CommandError::usage)?;
    let mut progress = Progress::open(path, &digest).map_err(CommandError::failed)?;
    let (topology, actor) = (topology(config)?, Actor::of_process(options.reason.as_deref()));
    let replay = Replay {
        config,
        topology: &topology,
        plan: &plan,
        actor: &actor,
        limit: options.limit,
        follow: options.follow,
        stop: CancellationToken::new(),
    };
    let due = replay.due(&progress).map_err(|error| refused(&error))?;
    let total = rupees_of(due.iter().copied()).to_string();
    complain(&format_args!("{} messages, {total} rupees, {actor}", due.len()));
    ask_back(&total, options.total.as_deref(), "nothing was replayed")?;
    let replay = Replay { stop: until_signal()?, ..replay };
    let done = replay.run(&mut progress, &due, |line| complain(&line)).await;
    let (end, mut followed, streams) = done.map_err(|error| refused(&error))?;
    let is_over = end.halted.is_none() && end.gaps.is_empty() && options.limit.is_none();
    if end.left > 0 && is_over {
        complain(&"what is left was not begun within 15 minutes: it needs a new plan");
    }
    let follows = options.follow && end.halted.is_none();
    let ended = if follows {
        Some(followed.until_all(streams, options.timeout, &replay.stop).await)
    } else {
        None
    };
    let ends = ended.map(|_| followed.ends());
    let printed = tell_replay(&end, ends, options.json);
    match ended {
        Some(FollowEnd::TimedOut) => complain(&"the time to wait was over"),
        Some(FollowEnd::Interrupted) => complain(&"stopped waiting"),
        Some(FollowEnd::Lost) => {
            complain(&"the connection to RabbitMQ was lost, and with it what came meanwhile");
        }
        Some(FollowEnd::All) | None => {}
    }
    Ok(exit_of(&end, ends, printed))
}

fn exit_of(end: &ReplayEnd, ends: Option<Ends>, printed: Exit) -> Exit {
    let is_open = end.halted.is_some() || end.left > 0 || ends.is_some_and(|it| it.waiting > 0);
    let is_bad = ends.is_some_and(|ends| ends.failed > 0 || ends.parked_again > 0);
    if is_open {
        Exit::WorkLeft
    } else if is_bad || !end.moved.is_empty() || !end.refused.is_empty() {
        Exit::Failed
    } else {
        printed
    }
}

fn tell_replay(end: &ReplayEnd, ends: Option<Ends>, json: bool) -> Exit {
    for (reference, why) in &end.refused {
        complain(&format_args!("{reference} stays parked: {why}"));
    }
    for reference in &end.moved {
        complain(&format_args!("{reference} is not on the parked queue any more"));
    }
    end.gaps.iter().for_each(complain);
    if let Some(why) = &end.halted {
        complain(&format_args!("{why}; the same command goes on from there"));
    }
    if json {
        let refused: Vec<_> = end
            .refused
            .iter()
            .map(|(reference, why)| json!({ "message": reference, "why": why }))
            .collect();
        let ends = ends.map(|ends| {
            json!({
                "intents": ends.intents, "links": ends.links,
                "commands": ends.commands, "done": ends.done,
                "failed": ends.failed, "parkedAgain": ends.parked_again, "waiting": ends.waiting,
            })
        });
        return print(&format_args!(
            "{}\n",
            json!({
                "replayed": end.replayed, "takenOffLate": end.finished, "moved": end.moved,
                "refused": refused, "left": end.left, "halted": end.halted, "ends": ends,
            })
        ));
    }
    let mut lines = vec![format!("{} replayed", end.replayed)];
    for (count, words) in [
        (end.finished, "taken off, whose copies were confirmed before"),
        (end.refused.len(), "refused"),
        (end.moved.len(), "moved"),
        (end.left, "left"),
    ] {
        if count > 0 {
            lines.push(format!("{count} {words}"));
        }
    }
    let mut text = format!("{}\n", lines.join(", "));
    if let Some(ends) = ends {
        // Writing to a String cannot fail.
        writeln!(text, "{ends}").ok();
    }
    print(&text)
}

fn refused(error: &ReplayError) -> CommandError {
    match error {
        ReplayError::Queue(queue) if queue.is_usage() => CommandError::usage(error),
        ReplayError::Prefix { .. } => CommandError::usage(error),
        ReplayError::Queue(_) | ReplayError::Progress(_) | ReplayError::Stale => {
            CommandError::failed(error)
        }
    }
}
