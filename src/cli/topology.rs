//! `smartsend topology apply | export`: the broker's part of an installation.

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
    /// Declares everything on the broker; what is there already as it should be stays as it is.
    Apply(Choice),
    /// Prints a definitions file for `rabbitmqctl import_definitions`.
    Export(Choice),
}

/// What is wanted of the topology.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Choice {
    /// Also a queue of this name, bound to every result event.
    #[arg(long, value_name = "NAME")]
    pub results_queue: Option<String>,
    /// Only this merchant's queue, not the other merchants'.
    #[arg(long, value_name = "NAME")]
    pub merchant: Option<String>,
}

/// Does what was asked; the text is for stdout.
pub async fn execute(config: &Config, options: &Options) -> Result<String, Failed> {
    match &options.verb {
        Verb::Apply(choice) => apply_chosen(config, choice).await,
        Verb::Export(choice) => export_chosen(config, choice),
    }
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// `--merchant` names none of the configuration.
    #[error("there is no merchant {asked}; the configuration has {}", known.join(", "))]
    NoMerchant {
        /// What was asked for.
        asked: String,
        /// The merchants that there are.
        known: Vec<String>,
    },
    /// A name does not fit.
    #[error(transparent)]
    Name(#[from] NameTooLongError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Start(#[from] BrokerConfigError),
    /// The broker said no.
    #[error(transparent)]
    Apply(#[from] ApplyError),
}

impl Failed {
    /// Whether the command or the configuration is wrong, and not the broker.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::NoMerchant { .. }
            | Self::Name(_)
            | Self::Start(_)
            | Self::Apply(ApplyError::Start(_)) => true,
            Self::Apply(ApplyError::Apply(_)) => false,
        }
    }
}

/// Declares the topology; what is there already as it should be stays as it is. The text is for
/// stdout.
pub async fn apply_chosen(config: &Config, choice: &Choice) -> Result<String, Failed> {
    let topology = chosen(config, choice)?;
    apply(&config.broker, &topology).await?;
    let names: Vec<_> = topology.names().collect();
    Ok(format!("{}\n", names.join("\n")))
}

/// The definitions file of RabbitMQ, as JSON text for stdout. Connects to nothing.
pub fn export_chosen(config: &Config, choice: &Choice) -> Result<String, Failed> {
    let topology = chosen(config, choice)?;
    Ok(topology.export_for(&config.broker)?)
}

fn chosen(config: &Config, choice: &Choice) -> Result<Topology, Failed> {
    let known = || config.merchants.keys().map(String::as_str);
    let merchants: Vec<_> = match choice.merchant.as_deref() {
        None => known().collect(),
        Some(asked) => known().filter(|name| *name == asked).collect(),
    };
    if let (Some(asked), true) = (&choice.merchant, merchants.is_empty()) {
        return Err(Failed::NoMerchant {
            asked: asked.clone(),
            known: known().map(str::to_owned).collect(),
        });
    }
    let topology = Topology::new(&config.broker.prefix, merchants, &config.retry.delays)?;
    match &choice.results_queue {
        Some(name) => Ok(topology.with_results_queue(name)?),
        None => Ok(topology),
    }
}
