//! `smartsend submit FILE.csv`: a file of intents, as upstream would publish them.
//!
//! Half a file sent is the worst of all: nobody knows which half. So everything that can be wrong
//! is found first, the rows by the worker's own parser and the queue by a lookup at the broker, and
//! one bad row stops the file unless `--skip-bad` says otherwise. What was submitted twice is not
//! paid twice: an intent's id is made of merchant and reference, and the reference decides.

mod fate;
mod progress;
mod report;
mod results;
mod rows;
mod send;
mod sheet;

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Exit, complain};
use crate::amqp::topology::NameTooLongError;
use crate::amqp::{
    Broker, BrokerConfigError, BrokerState, Publisher, ResultEvents, ResultEventsError, Topology,
    TopologyError,
};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::event::NAMESPACE;
use crate::domain::reference::Reference;
use crate::ports::{Clock, Copied, Headers, Moment, Properties};
use fate::{Fates, Place};
use report::{exit, sentence, summary};
use results::{CannotWrite, ResultsFile};
use rows::{Judged, Ready, judge};
use send::{Ending, Submission};
use sheet::{NoSheet, Sheet};

/// How long a session may take to come once the broker has answered a lookup.
const SESSION_TIMEOUT: Duration = Duration::from_secs(15);

/// What `smartsend submit` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The file: comma-separated, UTF-8, its first row naming the columns as the intent's fields,
    /// and metadata.KEY for metadata
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Whose intents they are; may be left out if the configuration has one merchant
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Wait for the results and write them to FILE.results.csv; exit 1 if any row has no link
    #[arg(long)]
    wait: bool,
    /// Send the good rows though there are bad ones
    #[arg(long)]
    skip_bad: bool,
}

/// Why nothing was sent, or not everything was told.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}: {source}\nnothing was sent", path.display())]
    Sheet { path: PathBuf, source: NoSheet },
    #[error(transparent)]
    Write(#[from] CannotWrite),
    #[error(transparent)]
    Name(#[from] NameTooLongError),
    #[error(transparent)]
    Start(#[from] BrokerConfigError),
    #[error("{0}; nothing was sent")]
    Lookup(#[from] TopologyError),
    #[error(
        "missing on RabbitMQ: {0}; declare it with `smartsend topology apply`; nothing was sent"
    )]
    Missing(String),
    #[error("no connection to RabbitMQ within {SESSION_TIMEOUT:?}: {0}; nothing was sent")]
    NoSession(String),
    #[error("{0}; nothing was sent")]
    NoResults(#[from] ResultEventsError),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
}

impl Failed {
    fn exit(&self) -> Exit {
        match self {
            Self::Name(_) | Self::Start(_) => Exit::Usage,
            Self::Read { .. }
            | Self::Sheet { .. }
            | Self::Write(_)
            | Self::Lookup(_)
            | Self::Missing(_)
            | Self::NoSession(_)
            | Self::NoResults(_)
            | Self::Signals(_) => Exit::Failed,
        }
    }
}

/// The rows of a file, ready to go.
struct Batch {
    fates: Fates,
    letters: VecDeque<(Place, Copied)>,
}

/// Submits a file.
pub async fn run(config: &Config, options: &Options) -> Exit {
    let merchant = match merchant(config, options.merchant.as_deref()) {
        Ok(merchant) => merchant,
        Err(sentence) => {
            complain(&sentence);
            return Exit::Usage;
        }
    };
    match submit(config, merchant, options).await {
        Ok(exit) => exit,
        Err(failed) => {
            complain(&failed);
            failed.exit()
        }
    }
}

async fn submit(config: &Config, merchant: &Merchant, options: &Options) -> Result<Exit, Failed> {
    let clock = SystemClock::start();
    let begun = clock.now();
    let rows = read(merchant, options)?;
    let bad_count = list_bad(&rows);
    if bad_count > 0 && !options.skip_bad {
        let rows = rows.len();
        complain(&format!("{bad_count} of {rows} rows are bad: nothing was sent"));
        return Ok(Exit::Failed);
    }
    let batch = batch(rows, merchant, begun);
    let stop = stopped().map_err(Failed::Signals)?;
    let results_file = if options.wait { Some(ResultsFile::beside(&options.file)?) } else { None };
    let (fates, ending) = if batch.letters.is_empty() {
        (batch.fates, Ending::Finished)
    } else {
        send(config, merchant, batch, (options.wait, clock), &stop).await?
    };
    let count = fates.count();
    let path = results_file.map(|file| file.finish(&fates)).transpose()?;
    let mut summary = summary(&count, options.wait);
    writeln!(summary, "time        {:.1?}", clock.now().since(begun)).ok();
    if let Some(path) = path {
        writeln!(summary, "results     {}", path.display()).ok();
    }
    // A closed stdout does not undo what was sent.
    io::stdout().lock().write_all(summary.as_bytes()).ok();
    if let Some(sentence) = sentence(ending) {
        complain(&sentence);
    }
    Ok(exit(ending, &count, options.wait))
}

/// The one merchant that is meant, or what to write.
fn merchant<'a>(config: &'a Config, asked: Option<&str>) -> Result<&'a Merchant, String> {
    let known = || config.merchants.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let mut all = config.merchants.values();
    match (asked, all.next(), all.next()) {
        (Some(name), _, _) => config.merchants.get(name).ok_or_else(|| {
            format!("there is no merchant {name}; the configuration has {}", known())
        }),
        (None, Some(only), None) => Ok(only),
        (None, _, _) => Err(format!("say with --merchant whose intents they are: {}", known())),
    }
}

fn read(merchant: &Merchant, options: &Options) -> Result<Vec<Judged>, Failed> {
    let path = || options.file.clone();
    let bytes =
        std::fs::read(&options.file).map_err(|source| Failed::Read { path: path(), source })?;
    let sheet = Sheet::read(&bytes).map_err(|source| Failed::Sheet { path: path(), source })?;
    Ok(judge(sheet, merchant))
}

/// Tells every error of every bad row on stderr; how many bad rows there are.
fn list_bad(rows: &[Judged]) -> usize {
    let mut bad_count = 0_usize;
    for row in rows {
        let Err(errors) = &row.verdict else { continue };
        bad_count = bad_count.saturating_add(1);
        for error in errors {
            complain(&format!("row {}: {error}", row.number));
        }
    }
    bad_count
}

fn batch(rows: Vec<Judged>, merchant: &Merchant, now: Moment) -> Batch {
    let mut batch = Batch { fates: Fates::default(), letters: VecDeque::new() };
    for row in rows {
        let id = |reference: &Reference| intent_id(&merchant.name, reference);
        if let Some((place, id, ready)) = batch.fates.add(row, id) {
            batch.letters.push_back((place, letter(ready, id, merchant, now)));
        }
    }
    batch
}

/// An intent's `message_id`: `UUIDv5` in the namespace of the event ids, of `submit`, the merchant
/// and the reference, joined by line feeds. A file that is submitted twice gives the same ids.
fn intent_id(merchant: &str, reference: &Reference) -> String {
    let name = format!("submit\n{merchant}\n{reference}");
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

fn letter(ready: Ready, id: String, merchant: &Merchant, now: Moment) -> Copied {
    let properties = Properties {
        content_type: Some("application/json".to_owned()),
        message_id: Some(id),
        app_id: Some("smartsend".to_owned()),
        timestamp: u64::try_from(now.wall.as_second()).ok(),
        ..Properties::default()
    };
    Copied {
        merchant: merchant.name.clone(),
        body: ready.body,
        properties,
        headers: Headers::new(),
    }
}

/// Sends a batch over a broker that is there, to a queue that is there.
async fn send(
    config: &Config,
    merchant: &Merchant,
    batch: Batch,
    (wait, clock): (bool, SystemClock),
    stop: &CancellationToken,
) -> Result<(Fates, Ending), Failed> {
    let Batch { fates, letters } = batch;
    let delays = &config.retry.delays;
    let topology = Topology::new(&config.broker.prefix, [&*merchant.name], delays)?;
    let (broker, supervisor) = Broker::start(&config.broker, clock)?;
    let supervisor = tokio::spawn(supervisor);
    let results = tokio::select! {
        results = get_ready(&broker, &topology, merchant, wait) => results?,
        () = stop.cancelled() => return Ok((fates, Ending::Interrupted)),
    };
    let mut submission = Submission {
        fates,
        letters,
        publisher: Publisher::new(broker.clone(), &topology),
        state: broker.state(),
        results,
        clock,
        grace: config.broker.confirm_timeout,
        trouble_told: false,
    };
    submission.state.mark_unchanged();
    let ending = submission.run(stop).await;
    broker.close().await;
    supervisor.abort();
    Ok((submission.fates, ending))
}

/// Looks whether everything is there, and opens the queue of results before the first intent goes
/// out, so that no event is missed.
async fn get_ready(
    broker: &Broker,
    topology: &Topology,
    merchant: &Merchant,
    wait: bool,
) -> Result<Option<ResultEvents>, Failed> {
    // The exchange of the intents has an alternate one, so a confirm does not say that the
    // merchant's queue took an intent, nor even that it exists.
    let missing = broker.verify(topology).await?;
    let missing: Vec<_> = missing.of(&merchant.name).collect();
    if !missing.is_empty() {
        return Err(Failed::Missing(missing.join(", ")));
    }
    let session = timeout(SESSION_TIMEOUT, broker.session()).await.map_err(|_| {
        Failed::NoSession(match &*broker.state().borrow() {
            BrokerState::Disconnected { reason } => reason.clone(),
            BrokerState::Connected | BrokerState::Blocked => "it ended again at once".to_owned(),
        })
    })?;
    if !wait {
        return Ok(None);
    }
    Ok(Some(ResultEvents::open(&session, topology.prefix(), &merchant.name).await?))
}

/// Ends with the first SIGINT or SIGTERM.
fn stopped() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}
