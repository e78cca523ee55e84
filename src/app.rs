//! The composition root: turns a configuration into a running worker for each merchant, with one
//! broker, one server of health pages and one shutdown for all.

mod control;
mod dead_letters;
pub(crate) mod local;
mod merchant;
mod shutdown;
mod watch;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::amqp::{Broker, MerchantQueue, Publisher, Topology};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::http::ops;
use crate::payu::PayuAccount;
use crate::ports::Ports;
use crate::telemetry::events;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::status::Status;
use watch::{declare, watch_broker, watch_queues};

/// Why nothing can be started: a wrong configuration, or an address in use.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

/// RabbitMQ, PayU and the machine's own time.
pub(crate) enum Live {}

impl Ports for Live {
    type Clock = SystemClock;
    type Queue = MerchantQueue;
    type Provider = Arc<PayuAccount<SystemClock>>;
    type Outbox = Publisher;
}

pub struct App {
    broker: Broker,
    status: Status,
    stopping: CancellationToken,
    /// Cancelled when everything else has ended, so that the pages show "stopping" until then.
    stopped: CancellationToken,
    workers: JoinSet<usize>,
    /// Tasks that end by themselves at a stop.
    serving: JoinSet<()>,
    /// Tasks that never end by themselves; dropping this aborts them.
    watching: JoinSet<()>,
}

/// What all merchants share.
struct Shared {
    clock: SystemClock,
    broker: Broker,
    metrics: Metrics,
    status: Status,
    stopping: CancellationToken,
    topology: Topology,
}

/// Starts everything; with `declares` it first declares what is missing of the topology.
pub async fn start(config: &Config, declares: bool) -> Result<App, StartError> {
    let clock = SystemClock::start();
    let metrics = Metrics::new();
    let status = Status::new(&metrics, clock);
    let topology = Topology::of(config)?;
    let (broker, supervisor) = Broker::start(&config.broker, clock)?;
    let listener = TcpListener::bind(config.ops.listen).await.map_err(|error| {
        format!("ops.listen = {}: cannot listen there: {error}", config.ops.listen)
    })?;
    events::worker_started(listener.local_addr()?, config.merchants.len());

    let (stopping, stopped) = (CancellationToken::new(), CancellationToken::new());
    let mut serving = JoinSet::new();
    serving.spawn(supervisor);
    serving.spawn(ops::serve(listener, status.clone(), metrics.clone(), stopped.clone()));
    let shared = Shared { clock, broker, metrics, status, stopping, topology };
    let mut workers = JoinSet::new();
    let mut contexts = Vec::new();
    for merchant in config.merchants.values() {
        for worker in merchant::workers(config, merchant, &shared)? {
            contexts.push(worker.context());
            workers.spawn(worker.run());
        }
    }
    let dead_letter_metrics =
        shared.metrics.dead_letters(contexts.iter().map(|context| context.metrics()));
    workers.spawn(dead_letters::worker(config, &shared, dead_letter_metrics)?.run());
    let Shared { broker, metrics, status, stopping, topology, .. } = shared;
    let mut watching = JoinSet::new();
    let prefix = topology.prefix().to_owned();
    watching.spawn(control::obey(broker.clone(), prefix, contexts.clone(), status.clone()));
    watching.spawn(watch_queues(broker.clone(), topology.clone(), status.clone(), metrics));
    if declares {
        watching.spawn(declare(broker.clone(), config.broker.clone(), topology, status.clone()));
    }
    watching.spawn(watch_broker(broker.clone(), contexts, status.clone()));
    status.started();
    Ok(App { broker, status, stopping, stopped, workers, serving, watching })
}
