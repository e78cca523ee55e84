//! The composition root: arguments in, an exit code out.

use std::process::ExitCode;

use clap::Parser;
use smartsend::cli::Cli;
use smartsend::observe::panics;

// One thread does the work. It is good for thousands of intents a second, far more than an account
// allows, and what a payout waits for never has to wake another thread.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    panics::tell_the_place_only();
    Cli::parse().execute().await.into()
}
