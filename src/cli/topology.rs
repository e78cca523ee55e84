//! `smartsend topology apply | export`: the exchanges and queues on the broker.

use super::exit::{Exit, finish};
use super::merchants::{self, MerchantError};
use crate::amqp::BrokerConfigError;
use crate::amqp::topology::{ApplyError, NameTooLongError, Topology, apply};
use crate::config::Config;

/// What `smartsend topology` takes.
#[derive(Debug, clap::Args)]
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

#[derive(Debug, thiserror::Error)]
enum TopologyCommandError {
    #[error(transparent)]
    Merchant(#[from] MerchantError),
    #[error(transparent)]
    Name(#[from] NameTooLongError),
    #[error(transparent)]
    Config(#[from] BrokerConfigError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl TopologyCommandError {
    fn is_usage(&self) -> bool {
        !matches!(self, Self::Apply(ApplyError::Apply(_)))
    }
}

/// Declares or prints the topology.
pub async fn execute(config: &Config, options: &Options) -> Exit {
    let result = match &options.verb {
        Verb::Apply(choice) => apply_chosen(config, choice).await,
        Verb::Export(choice) => export_chosen(config, choice),
    };
    finish(result, TopologyCommandError::is_usage)
}

async fn apply_chosen(config: &Config, choice: &Choice) -> Result<String, TopologyCommandError> {
    let topology = chosen(config, choice)?;
    apply(&config.broker, &topology).await?;
    let names: Vec<_> = topology.names().collect();
    Ok(format!("{}\n", names.join("\n")))
}

fn export_chosen(config: &Config, choice: &Choice) -> Result<String, TopologyCommandError> {
    Ok(chosen(config, choice)?.export_for(&config.broker)?)
}

fn chosen(config: &Config, choice: &Choice) -> Result<Topology, TopologyCommandError> {
    let merchants: Vec<&str> = match choice.merchant.as_deref() {
        None => config.merchants.keys().map(String::as_str).collect(),
        Some(name) => vec![&merchants::named(config, name)?.name],
    };
    let topology =
        Topology::new(&config.broker.prefix, merchants, &config.retry.delays.durations())?;
    match &choice.results_queue {
        Some(name) => Ok(topology.with_results_queue(name)?),
        None => Ok(topology),
    }
}
