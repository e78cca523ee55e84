//! The composition root: arguments in, an exit code out.

use std::process::ExitCode;

use clap::Parser;
use smartsend::cli::Cli;
use smartsend::telemetry::panics;

// An intent takes some 180 allocations, in the libraries and here. With the C library's allocator
// they are an eighth of the CPU time that it costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

// One thread does the work. It is good for thousands of intents a second, far more than an account
// allows, and what a payout waits for never has to wake another thread.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    panics::withhold_texts();
    Cli::parse().execute().await.into()
}
