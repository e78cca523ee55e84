//! `parked list` and `parked show`.

use serde_json::json;

use super::super::exit::{CommandError, Exit, complain, print};
use super::meant::{Filters, Named, failed, topology};
use crate::config::Config;
use crate::parked::{self, tally};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
It reads the parked queue without taking anything off, and counts all of it, however much that is.
What another consumer has in its hands cannot be seen: then it says so. Rupees that are not known
are not counted as 0.

Examples:
  smartsend parked list
  smartsend parked list --merchant acme --code REFUSED --older 1h
  smartsend parked list --ref order-8841-r1 --json

Exit codes: 0 counted; 1 RabbitMQ cannot be read; 2 wrong usage or configuration; 3 somebody else
reads the queue, so that there may be more.")]
pub(super) struct ListOptions {
    #[command(flatten)]
    filters: Filters,
    /// List at most so many messages; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  smartsend parked show order-8841-r1
  smartsend parked show --id 5f0c3a9be1 --reveal --json

Exit codes: 0 shown; 1 it is not parked, or RabbitMQ cannot be read; 2 wrong usage or configuration;
3 it was not found, but somebody else reads the queue.")]
pub(super) struct ShowOptions {
    #[command(flatten)]
    named: Named,
    /// Show the customer's contacts, and the body as it is
    #[arg(long)]
    reveal: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn list(config: &Config, options: &ListOptions) -> Result<Exit, CommandError> {
    let topology = topology(config)?;
    let selection = options.filters.selection()?;
    let listed = parked::list(config, &topology, selection, options.limit).await;
    let (tally, extent) = listed.map_err(|error| failed(&error))?;
    let printed = print(&if options.json { tally.json(extent) } else { tally.table() });
    tally.notes(extent).iter().for_each(complain);
    Ok(if printed == Exit::Done && !tally::is_complete(extent) { Exit::WorkLeft } else { printed })
}

pub(super) async fn show(config: &Config, options: &ShowOptions) -> Result<Exit, CommandError> {
    let topology = topology(config)?;
    let selection = options.named.selection();
    let found = parked::show(config, &topology, &selection, options.reveal).await;
    let (shown, is_cut, extent) = found.map_err(|error| failed(&error))?;
    let text = if options.json {
        let messages: Vec<_> = shown.iter().map(parked::shown::Shown::json).collect();
        let complete = tally::is_complete(extent) && !is_cut;
        format!("{}\n", json!({ "messages": messages, "complete": complete }))
    } else {
        let tables: Vec<_> = shown.iter().map(parked::shown::Shown::table).collect();
        tables.join("\n")
    };
    let printed = print(&text);
    if is_cut {
        complain(&format_args!("only the first {} are shown", shown.len()));
    } else {
        tally::gaps(extent).iter().for_each(complain);
    }
    if !shown.is_empty() {
        return Ok(printed);
    }
    complain(&"it is not on the parked queue, as far as this can see");
    Ok(if tally::is_complete(extent) { Exit::Failed } else { Exit::WorkLeft })
}
