//! `smartsend topology apply | export`: the exchanges and queues on the broker.

use super::exit::{CommandError, Exit, print};
use super::merchants;
use crate::amqp::topology::{Topology, TopologyError, apply};
use crate::config::Config;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  smartsend topology apply --results-queue my.results
  smartsend topology export >definitions.json

Exit codes: 0 done; 1 failed, as where a queue exists with other arguments, which is then named; 2
wrong usage or configuration.")]
pub struct Options {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Declare everything on the broker; what already exists is left alone
    Apply(Choice),
    /// Print a definitions file for `rabbitmqctl import_definitions`
    Export(Choice),
}

#[derive(Debug, clap::Args)]
struct Choice {
    /// Add a queue of this name that is bound to every result event
    #[arg(long, value_name = "NAME")]
    results_queue: Option<String>,
    /// Leave out the queues of the other merchants
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
}

pub async fn execute(config: &Config, options: &Options) -> Result<Exit, CommandError> {
    match &options.verb {
        Verb::Apply(choice) => {
            let topology = chosen(config, choice)?;
            apply(&config.broker, &topology).await.map_err(|error| {
                let is_usage = matches!(error, TopologyError::Config(_));
                if is_usage { CommandError::usage(error) } else { CommandError::failed(error) }
            })?;
            let names: Vec<_> = topology.names().collect();
            Ok(print(&format_args!("{}\n", names.join("\n"))))
        }
        Verb::Export(choice) => {
            let definitions = chosen(config, choice)?.export_for(&config.broker);
            Ok(print(&definitions.map_err(CommandError::usage)?))
        }
    }
}

fn chosen(config: &Config, choice: &Choice) -> Result<Topology, CommandError> {
    let topology = match choice.merchant.as_deref() {
        None => Topology::of(config),
        Some(name) => Topology::of_merchants(config, [merchants::named(config, name)?]),
    };
    let topology = topology.map_err(CommandError::usage)?;
    match &choice.results_queue {
        Some(name) => topology.with_results_queue(name).map_err(CommandError::usage),
        None => Ok(topology),
    }
}
