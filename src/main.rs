//! The composition root: arguments in, an exit code out.

use std::process::ExitCode;

use clap::Parser;
use smartsend::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().execute().await.into()
}
