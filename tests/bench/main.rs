//! What safety costs, measured: the worker beside a bare loop, and the pace that it keeps.
//!
//! ```sh
//! cargo bench                                                     # everything, about 25 minutes
//! cargo bench -- --intents 2000 --pairs 1 --only 64 --skip-pace   # a first look, half a minute
//! ```
//!
//! A number alone says nothing: it is the machine's, the broker's and the sandbox's. So each run of
//! the worker stands beside a run of a [bare loop](bare) over the same queues and the same sandbox,
//! in pairs that take turns, and what is asked of the worker is asked as a ratio. The bare loop is a
//! process of its own that consumes, posts, publishes with a confirm and acknowledges, and knows no
//! intent, no record, no token that ends, no limit, no metric and no log line.
//!
//! It starts a RabbitMQ node and a sandbox of its own, and ends with 1 if a figure was missed.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a benchmark prints numbers, and ends at the first thing that is not as it should be"
)]

mod bare;
#[path = "../it/support/broker.rs"]
#[expect(dead_code, reason = "the tests' broker can do more than is needed here")]
mod broker;
mod ground;
mod load;
mod pace;
mod process;
mod race;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use smartsend::clock::SystemClock;
use smartsend::ports::Clock;

use ground::Ground;
use race::Course;

/// Measures the worker beside a bare loop, and its pace.
#[derive(Debug, Parser)]
struct Options {
    /// Intents in each run
    #[arg(long, default_value_t = 20_000)]
    intents: u32,
    /// Pairs of runs for each line
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Calls in flight, a line for each
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64, 512])]
    only: Vec<usize>,
    /// How long the sandbox takes to answer, in milliseconds, a table for each
    #[arg(long, value_delimiter = ',', default_values_t = [0, 20])]
    latency: Vec<u64>,
    /// Requests per second in the table of pace
    #[arg(long, value_delimiter = ',', default_values_t = [10, 100, 1000])]
    rates: Vec<u32>,
    /// Seconds of each rate
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Only the races
    #[arg(long)]
    skip_pace: bool,
    /// Only the pace
    #[arg(long)]
    skip_races: bool,
    /// Cargo passes it
    #[arg(long, hide = true)]
    bench: bool,
    #[command(subcommand)]
    role: Option<Role>,
}

/// What this executable can be besides the benchmark.
#[derive(Debug, clap::Subcommand)]
enum Role {
    /// The bare loop, as a process of its own.
    #[command(hide = true)]
    Bare(bare::Setup),
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(Role::Bare(setup)) = options.role {
        bare::run(setup).await;
        return ExitCode::SUCCESS;
    }
    let ground = Ground::prepare().await;
    println!("{}", machine(&ground).await);
    let mut missed = Vec::new();
    if !options.skip_races {
        for latency in &options.latency {
            let latency = Duration::from_millis(*latency);
            ground.answer_after(latency).await;
            let course = Course { intents: options.intents, pairs: options.pairs, latency };
            race::table(&ground, &course, &options.only, &mut missed).await;
        }
        ground.answer_after(Duration::ZERO).await;
    }
    if !options.skip_pace {
        pace::table(&ground, &options.rates, options.seconds, &mut missed).await;
    }
    if missed.is_empty() {
        println!("Every figure was reached.");
        return ExitCode::SUCCESS;
    }
    for sentence in &missed {
        println!("MISSED: {sentence}");
    }
    ExitCode::FAILURE
}

/// Where and when this was measured.
async fn machine(ground: &Ground) -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{date}; {cores} cores, {model}; RabbitMQ {broker} on one core; smartsend {version}",
        date = SystemClock::start().now().wall.strftime("%Y-%m-%d %H:%M UTC"),
        model = model.map_or("of an unknown model", |(_, model)| model),
        broker = ground.broker_version().await,
        version = env!("CARGO_PKG_VERSION"),
    )
}
