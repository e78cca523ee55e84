//! `smartsend run`: works until it is stopped.

use super::exit::{Exit, complain};
use crate::app;
use crate::config::Config;
use crate::telemetry::log;

/// What `smartsend run` takes.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Declare what is missing of the queues and exchanges, and then work.
    #[arg(long)]
    declare: bool,
}

/// Works until the first signal to stop; a second one ends it at once.
pub async fn run(config: Config, options: Options) -> Exit {
    let log = match log::init(&config.log) {
        Ok(log) => log,
        Err(error) => {
            complain(&format!("cannot start the log: {error}"));
            return Exit::Usage;
        }
    };
    let exit = match app::start(&config, options.declare).await {
        Ok(app) => match app.until_stopped().await {
            Ok(0) => Exit::Done,
            Ok(_) => Exit::WorkLeft,
            Err(error) => {
                complain(&error);
                Exit::Failed
            }
        },
        Err(error) => {
            complain(&error);
            Exit::Usage
        }
    };
    log.flush();
    exit
}
