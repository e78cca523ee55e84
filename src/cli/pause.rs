//! `smartsend pause MERCHANT` and `smartsend resume MERCHANT`: an operator's switch.

use std::num::NonZeroU32;

use serde_json::json;

use super::exit::{CommandError, Exit, print};
use super::merchants;
use crate::actor::{Actor, parse_note};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::control::Pause;
use crate::orders::{Obeyed, OrderError, Orders};
use crate::ports::Clock;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
No worker starts anything new for the merchant from then on, and none that is started later: the
order goes to all of them, and into the checkpoint before this ends. Requests under way end, and
what may have been sent is looked up and settled; cancels and extends are carried out. Intents wait
in their queue, get no older, and nothing fails. /readyz says who, when and why.

Examples:
  smartsend pause default --reason \"duplicate customers in the file of 30 November\"

Exit codes: 0 it is paused; 1 it is not, or perhaps not for whoever starts next; 2 wrong usage or
configuration.")]
pub struct PauseOptions {
    /// The merchant
    #[arg(value_name = "MERCHANT")]
    merchant: String,
    /// Why; whoever looks at /readyz or the log sees it
    #[arg(long, value_name = "TEXT", value_parser = parse_note)]
    reason: String,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --limit N one worker starts N intents, and then nothing again: the merchant stays paused. If
that worker is restarted before, the rest of them stays where it is.

Examples:
  smartsend resume default --limit 1
  smartsend resume default

Exit codes: 0 it is done; 1 it is not, or perhaps not for whoever starts next; 2 wrong usage or
configuration.")]
pub struct ResumeOptions {
    /// The merchant
    #[arg(value_name = "MERCHANT")]
    merchant: String,
    /// Let so many intents through, and stay paused
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU32>,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

pub async fn pause(config: &Config, options: PauseOptions) -> Result<Exit, CommandError> {
    let merchant = merchants::named(config, &options.merchant)?;
    let since = SystemClock::start().now().wall;
    let pause = Pause { actor: user(), reason: options.reason, since };
    let mut orders = Orders::open(config, merchant).await.map_err(failed)?;
    let obeyed = orders.pause(pause).await;
    orders.close().await;
    report(merchant, &obeyed.map_err(failed)?, true, options.json);
    Ok(Exit::Done)
}

pub async fn resume(config: &Config, options: ResumeOptions) -> Result<Exit, CommandError> {
    let merchant = merchants::named(config, &options.merchant)?;
    let mut orders = Orders::open(config, merchant).await.map_err(failed)?;
    if let Some(limit) = options.limit {
        let allowed = orders.allow(limit.get(), user()).await;
        orders.close().await;
        allowed.map_err(failed)?;
        let name = &merchant.name;
        if options.json {
            let json = json!({ "merchant": name, "paused": true, "allowed": limit });
            print(&format_args!("{json}\n"));
        } else {
            print(&format_args!("{name} stays paused; {limit} are let through\n"));
        }
        return Ok(Exit::Done);
    }
    let obeyed = orders.resume(user()).await;
    orders.close().await;
    report(merchant, &obeyed.map_err(failed)?, false, options.json);
    Ok(Exit::Done)
}

fn failed(error: OrderError) -> CommandError {
    let is_usage = matches!(&error, OrderError::Upstream(upstream) if upstream.is_usage());
    if is_usage { CommandError::usage(error) } else { CommandError::failed(error) }
}

fn report(merchant: &Merchant, obeyed: &Obeyed, paused: bool, json: bool) {
    let name = &merchant.name;
    let Obeyed { processes, active } = *obeyed;
    if json {
        let json = json!({
            "merchant": name, "paused": paused, "processes": processes, "active": active,
        });
        print(&format_args!("{json}\n"));
        return;
    }
    let is = if paused { "paused" } else { "resumed" };
    let who = match processes {
        0 => "no worker answers; whoever starts next knows of it".to_owned(),
        1 => "1 worker has answered".to_owned(),
        processes => format!("{processes} workers have answered"),
    };
    print(&format_args!("{name} is {is}: {who}\n"));
}

fn user() -> String {
    Actor::of_process(None).user().to_owned()
}
