//! What safety costs, measured: the worker beside a bare loop, and the pace that it keeps.
//!
//! ```sh
//! cargo bench                                                     # everything, about 25 minutes
//! cargo bench -- --intents 2000 --pairs 1 --only 64 --skip-pace   # a first lookup, half a minute
//! cargo bench --bench bench -- --neighbour 5000                   # beside one whose connection ends
//! cargo bench --bench bench -- --backlog 1000000                  # memory over a long backlog
//! cargo bench --bench bench -- --cancels 10000 --rates 100,1000   # cancels beside a backlog
//! cargo bench --bench bench -- --batch 1000000                    # rate and memory of a long file
//! ```
//!
//! A number alone says nothing: it is the machine's, the broker's and the sandbox's. So each run of
//! the worker stands beside a run of a [bare loop](bare) over the same queues and the same sandbox,
//! in pairs that take turns, and what is asked of the worker is asked as a ratio. The bare loop is a
//! process of its own that consumes, posts, publishes with a confirm and acknowledges, and knows no
//! intent, no record, no token that ends, no limit, no metric and no log line. It has the worker's
//! allocator, and as many channels and threads as make it fastest.
//!
//! It starts a RabbitMQ node and a sandbox of its own, and ends with 1 if a figure was missed.
//!
//! `cargo bench --bench bench -- proof-table FILE...` measures nothing: it prints the table of the
//! rows that `deploy/proof.sh` has gathered.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_arithmetic,
    reason = "a benchmark prints numbers, and ends at the first thing that is not as it should be"
)]

/// The worker's, for the bare loop too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod backlog;
mod bare;
mod batch;
#[path = "../it/support/broker.rs"]
#[expect(dead_code, reason = "the tests' broker can do more than is needed here")]
mod broker;
mod cancels;
mod ground;
mod load;
mod neighbour;
mod pace;
mod process;
#[path = "../support/proof.rs"]
#[expect(dead_code, reason = "the sizes of a backlog are options here")]
mod proof;
#[path = "../unit/support/proof_table.rs"]
mod proof_table;
mod race;
mod table;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use smartsend::clock::SystemClock;
use smartsend::ports::Clock;

use ground::Ground;
use proof_table::Table;
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
    /// Only this: drain a backlog of so many intents, and hold its memory against that of 10,000
    #[arg(long, value_name = "INTENTS")]
    backlog: Option<u32>,
    /// Only this: pay a file of so many rows without a broker
    #[arg(long, value_name = "ROWS")]
    batch: Option<u32>,
    /// Only this: cancel so many links beside a backlog of ten times as many intents
    #[arg(long, value_name = "LINKS")]
    cancels: Option<u32>,
    /// Only this: so many intents beside a merchant that loses its connection every second
    #[arg(long, value_name = "INTENTS")]
    neighbour: Option<u32>,
    /// Cargo passes it
    #[arg(long, hide = true, global = true)]
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
    /// Prints the table of the proof by layer, and ends with 1 if it does not hold.
    ProofTable(Rows),
}

/// Where the rows of the proof are.
#[derive(Debug, clap::Args)]
struct Rows {
    /// Files of rows, a line of JSON each
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The rows are of a full proof, which has to reach a size
    #[arg(long)]
    full: bool,
    /// Write a table of every row to this file
    #[arg(long, value_name = "FILE")]
    every_row: Option<PathBuf>,
}

fn main() -> ExitCode {
    let mut options = Options::parse();
    match options.role.take() {
        Some(Role::Bare(setup)) => {
            bare::run(setup);
            ExitCode::SUCCESS
        }
        Some(Role::ProofTable(rows)) => proof_table(&rows),
        None => benchmark(&options),
    }
}

#[tokio::main]
async fn benchmark(options: &Options) -> ExitCode {
    let ground = Ground::prepare().await;
    println!("{}", machine(&ground).await);
    let missed = measure(&ground, options).await;
    if missed.is_empty() {
        println!("Every figure was reached.");
        return ExitCode::SUCCESS;
    }
    for sentence in &missed {
        println!("MISSED: {sentence}");
    }
    ExitCode::FAILURE
}

/// Measures what was asked for. Returns what was missed.
async fn measure(ground: &Ground, options: &Options) -> Vec<String> {
    let mut missed = Vec::new();
    if let Some(intents) = options.backlog {
        backlog::figure(ground, intents, &mut missed).await;
        return missed;
    }
    if let Some(rows) = options.batch {
        batch::figure(ground, rows, &mut missed).await;
        return missed;
    }
    if let Some(links) = options.cancels {
        cancels::table(ground, links, &options.rates, options.seconds, &mut missed).await;
        return missed;
    }
    if let Some(intents) = options.neighbour {
        neighbour::table(ground, intents, options.pairs, &mut missed).await;
        return missed;
    }
    if !options.skip_races {
        for latency in &options.latency {
            let latency = Duration::from_millis(*latency);
            ground.answer_after(latency).await;
            let course = Course { intents: options.intents, pairs: options.pairs, latency };
            race::table(ground, &course, &options.only, &mut missed).await;
        }
        ground.answer_after(Duration::ZERO).await;
    }
    if !options.skip_pace {
        pace::table(ground, &options.rates, options.seconds, &mut missed).await;
    }
    missed
}

fn proof_table(rows: &Rows) -> ExitCode {
    let read = |file: &PathBuf| fs::read_to_string(file).expect("the file of rows can be read");
    let text: String = rows.files.iter().map(read).collect();
    let table = Table::parse(&text);
    println!("{}", table.by_layer().markdown());
    if let Some(file) = &rows.every_row {
        fs::write(file, table.markdown() + "\n").expect("the file of every row can be written");
    }
    let mut broken = table.broken();
    if rows.full {
        broken.extend(table.too_small());
    }
    for sentence in &broken {
        eprintln!("BROKEN: {sentence}");
    }
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where and when this was measured.
async fn machine(ground: &Ground) -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
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
