//! `parked discard`.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::exit::{CommandError, Exit, complain, print};
use super::super::stop::until_signal;
use super::ask_total::ask_back;
use super::meant::{Named, complain_of_absent, failed, topology};
use crate::actor::{Actor, parse_note};
use crate::config::Config;
use crate::parked;
use crate::parked::tally::{Share, gaps, is_complete};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It moves the messages to the queue PREFIX.discarded, where they stay for 30 days, with your name and
your reason. It asks for their total first. Nobody is notified: whoever waits for the payout has to
hear it from you.

Examples:
  smartsend parked discard order-8841-r1 --reason \"paid by hand\"
  smartsend parked discard --id 5f0c3a9be1 --reason \"not ours\" --total 0.00

Exit codes: 0 discarded; 1 some is not parked, or nothing was done; 2 wrong usage or configuration;
3 stopped with work left, or somebody else reads the queue.")]
pub(super) struct DiscardOptions {
    #[command(flatten)]
    named: Named,
    /// Why, for whoever asks later; it stays on the message
    #[arg(long, value_name = "TEXT", value_parser = parse_note)]
    reason: String,
    /// The total in rupees, instead of typing it
    #[arg(long, value_name = "RUPEES")]
    total: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn discard(
    config: &Config,
    options: &DiscardOptions,
) -> Result<Exit, CommandError> {
    let topology = topology(config)?;
    let selection = options.named.selection();
    let found = parked::find(config, &topology, &selection).await;
    let (found, extent) = found.map_err(|error| failed(&error))?;
    gaps(extent).iter().for_each(complain);
    if found.is_empty() {
        complain(&"it is not on the parked queue, as far as this can see; nothing was discarded");
        return Ok(if is_complete(extent) { Exit::Failed } else { Exit::WorkLeft });
    }
    let (mut share, mut absent) = (Share::default(), selection.named());
    for parked in &found {
        share.add(parked);
        absent.see(parked);
        let rupees = parked.content.amount().map(|amount| amount.to_string());
        complain(&format_args!(
            "{} {} of {}, {}, {} rupees",
            parked.id.short(),
            parked.content.reference().map_or_else(|| "unknown".to_owned(), ToString::to_string),
            parked.merchant(),
            parked.code(),
            rupees.as_deref().unwrap_or("unknown"),
        ));
    }
    complain_of_absent(&absent);
    let (total, actor) = (share.rupees.to_string(), Actor::of_process(Some(&options.reason)));
    let unknown = share.unknown_amounts;
    complain(&format_args!("{} messages, {total} rupees, {actor}", found.len()));
    if unknown > 0 {
        complain(&format_args!("the rupees of {unknown} of them are unknown, and not in that"));
    }
    ask_back(&total, options.total.as_deref(), "nothing was discarded")?;
    let ids: BTreeSet<_> = found.into_iter().map(|parked| parked.id).collect();
    let stop = until_signal()?;
    let note = |line: &str| complain(&line);
    let done = parked::discard((config, &topology), ids, &actor, &stop, note).await;
    let done = done.map_err(|error| failed(&error))?;
    done.gaps.iter().for_each(complain);
    if let Some(why) = &done.halted {
        complain(&format_args!("{why}; it can be repeated"));
    }
    let (messages, rupees) = (done.share.messages, done.share.rupees.to_string());
    let printed = if options.json {
        let json = json!({
            "discarded": messages, "rupees": rupees, "missing": done.missing, "halted": done.halted,
        });
        print(&format_args!("{json}\n"))
    } else {
        print(&format_args!("{messages} discarded, {rupees} rupees\n"))
    };
    Ok(match (done.missing, &done.halted) {
        (0, None) if absent.is_empty() => printed,
        (_, None) if done.gaps.is_empty() => Exit::Failed,
        (_, _) => Exit::WorkLeft,
    })
}
