//! `smartsend cancel REF` and `smartsend extend REF DATE`: what is to be done to a link.

use std::time::Duration;

use jiff::Timestamp;

use super::exit::{CommandError, Exit, complain, print};
use super::merchants;
use super::stop::until_signal;
use crate::actor::{Actor, parse_note};
use crate::change::{Change, NoOutcome};
use crate::config::{Config, duration};
use crate::domain::command::{Action, Command, wire};
use crate::domain::event::{CommandResult, Reason, ReceivedCommand};
use crate::domain::reference::Reference;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It goes over the commands queue to the worker, which cancels the link and then looks it up: what
this prints is what PayU shows, and who cancelled it does not matter. A reference without a link is
waited for, until retry.max_age, since its link may still be made.

Examples:
  smartsend cancel order-8841-r1
  smartsend cancel order-8841-r1 --merchant acme --timeout 5m --json

Exit codes: 0 the link is cancelled; 1 it is not, and why, or nothing was sent; 2 wrong usage or
configuration; 3 not decided yet: only a person can decide, or this stopped waiting. It can be
repeated: a link is cancelled once.")]
pub struct CancelOptions {
    /// The merchantRefId of the link; after -- if it begins with -
    #[arg(value_name = "REF", value_parser = Reference::parse)]
    reference: Reference,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It goes over the commands queue to the worker, which looks the link up, extends it, and looks again:
what this prints is what PayU shows. A link can live longer, never shorter. A reference without a
link is waited for, until retry.max_age, since its link may still be made.

Examples:
  smartsend extend order-8841-r1 2030-12-31T18:30:00Z
  smartsend extend order-8841-r1 2030-12-31T23:59:59+05:30 --merchant acme --timeout 5m

Exit codes: 0 the link expires then; 1 it does not, and why, or nothing was sent; 2 wrong usage or
configuration; 3 not decided yet: only a person can decide, or this stopped waiting. It can be
repeated: a link ends at one time.")]
pub struct ExtendOptions {
    /// The merchantRefId of the link; after -- if it begins with -
    #[arg(value_name = "REF", value_parser = Reference::parse)]
    reference: Reference,
    /// When the link is to expire (RFC 3339)
    #[arg(value_name = "DATE", value_parser = wire::expiry)]
    expiry: Timestamp,
    #[command(flatten)]
    common: CommonOptions,
}

#[derive(Debug, clap::Args)]
struct CommonOptions {
    /// The merchant whose link it is; needed only if several are configured
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Wait at most this long after sending, such as 5m; then exit 3
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// Why, for whoever asks later; it goes with the command
    #[arg(long, value_name = "TEXT", value_parser = parse_note)]
    reason: Option<String>,
    /// Print the event's data as JSON
    #[arg(long)]
    json: bool,
}

pub async fn cancel(config: &Config, options: CancelOptions) -> Result<Exit, CommandError> {
    let command = Command { reference: options.reference, action: Action::Cancel };
    execute(config, command, &options.common).await
}

pub async fn extend(config: &Config, options: ExtendOptions) -> Result<Exit, CommandError> {
    let action = Action::Extend(options.expiry);
    let command = Command { reference: options.reference, action };
    execute(config, command, &options.common).await
}

async fn execute(
    config: &Config,
    command: Command,
    options: &CommonOptions,
) -> Result<Exit, CommandError> {
    let merchant = merchants::one(config, options.merchant.as_deref())?;
    let name = &merchant.name;
    if merchant.limits.commands.is_none() {
        return Err(CommandError::Usage(format!(
            "the merchant {name} takes no commands: set merchants.{name}.commands_per_second to 1 or \
             more, run `smartsend topology apply`, and restart its workers; nothing was sent"
        )));
    }
    let stop = until_signal()?;
    let note = |note: &str| complain(&note);
    let actor = Actor::of_process(options.reason.as_deref());
    complain(&format_args!("{}: asked for {actor}", command.reference));
    let change = Change { merchant, command, actor, limit: options.timeout, stop, note };
    let outcome = change.run(config).await.map_err(|error| {
        if error.is_usage() { CommandError::usage(error) } else { CommandError::failed(error) }
    })?;
    Ok(match outcome {
        Ok(received) => report(&change.command, &received, options.json),
        Err(reason) => {
            complain(&format_args!("{}: {}", change.command.reference, why(reason)));
            if reason == NoOutcome::NotSent { Exit::Failed } else { Exit::WorkLeft }
        }
    })
}

fn report(command: &Command, received: &ReceivedCommand, json: bool) -> Exit {
    // A closed stdout does not undo what was done.
    if json {
        print(&format_args!("{}\n", received.data.expose()));
    } else {
        print(&format_args!("{}\n", line(command, &received.result)));
    }
    match received.result {
        CommandResult::Cancelled | CommandResult::Extended(_) => Exit::Done,
        CommandResult::Failed(_) => Exit::Failed,
        CommandResult::Unresolved(_) => Exit::WorkLeft,
    }
}

/// The outcome, in one line.
pub fn line(command: &Command, result: &CommandResult) -> String {
    let reference = &command.reference;
    let done = match command.action {
        Action::Cancel => "cancelled",
        Action::Extend(_) => "extended",
    };
    let reason = |reason: &Reason| {
        let text = format!("{}: {}", reason.code, reason.message);
        text.replace(char::is_control, "?")
    };
    match result {
        CommandResult::Cancelled => format!("{reference} is cancelled"),
        CommandResult::Extended(Some(expiry)) => format!("{reference} now expires at {expiry}"),
        CommandResult::Extended(None) => format!("{reference} is extended"),
        CommandResult::Failed(why) => format!("{reference} was not {done}: {}", reason(why)),
        CommandResult::Unresolved(why) => format!(
            "{reference}: whether it was {done} is for a person to find out: {}",
            reason(why)
        ),
    }
}

/// What to say where no event has come.
fn why(reason: NoOutcome) -> &'static str {
    match reason {
        NoOutcome::NotSent => {
            "RabbitMQ did not take the command, and nothing was sent; try again once it is well"
        }
        NoOutcome::Unconfirmed => {
            "RabbitMQ did not confirm the command, and may have it; it is safe to send it again"
        }
        NoOutcome::ResultsLost => {
            "the connection to RabbitMQ was lost, and with it what came meanwhile; the command is \
             safe with the worker, and it is safe to send it again to see the outcome"
        }
        NoOutcome::TimedOut => {
            "the time to wait was over; the command stays with the worker, and its event goes to \
             downstream"
        }
        NoOutcome::Interrupted => {
            "stopped waiting; the command stays with the worker, and its event goes to downstream"
        }
        NoOutcome::InterruptedUnsent => "stopped before the command was sent; nothing was sent",
    }
}
