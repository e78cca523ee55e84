//! `smartsend run`: works until it is stopped.

use super::exit::{CommandError, Exit};
use crate::app;
use crate::config::Config;
use crate::telemetry::{events, log};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  smartsend run
  smartsend run --declare
  SMARTSEND_MERCHANTS__DEFAULT__RATE_PER_SECOND=5 smartsend run

Exit codes: 0 stopped by a signal, with nothing left in flight; 1 failed; 2 wrong usage or
configuration; 3 stopped with work left, which RabbitMQ delivers again.")]
pub struct Options {
    /// Declare what is missing of the queues and exchanges, and then work.
    #[arg(long)]
    declare: bool,
}

/// Works until the first signal to stop; a second one ends it at once.
pub async fn execute(config: &Config, options: &Options) -> Result<Exit, CommandError> {
    let log = log::init(&config.log)
        .map_err(|error| CommandError::Usage(format!("cannot start the log: {error}")))?;
    let app = app::start(config, options.declare).await;
    let left = match app {
        Ok(app) => app.until_stopped().await.map_err(CommandError::failed),
        Err(error) => Err(CommandError::usage(error)),
    };
    if let Ok(left) = left {
        events::worker_stopped(left);
    }
    log.close();
    Ok(if left? == 0 { Exit::Done } else { Exit::WorkLeft })
}
