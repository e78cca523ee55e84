//! `smartsend run`: puts the worker together, and takes it apart again.

mod desk;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::exit::{Exit, complain};
use crate::amqp::{Broker, MerchantQueue, Topology};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::http::ops;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::status::Status;
use crate::telemetry::{events, log};
use crate::worker::Worker;
use desk::{Prefetch, desk};
use watch::{Watched, declare, watch_broker, watch_parked};

/// How long the pages get for their last answers.
const PAGES_GRACE: Duration = Duration::from_secs(2);

/// What `smartsend run` takes.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Declare the queues and exchanges that are missing, then work
    #[arg(long)]
    declare: bool,
}

/// What cannot be set up: wrong configuration, or a place that is taken.
type CannotStart = Box<dyn std::error::Error + Send + Sync>;

/// Works until the first signal to stop; a second one ends it at once.
pub async fn run(config: Config, options: Options) -> Exit {
    let log = match log::init(&config.log) {
        Ok(log) => log,
        Err(error) => {
            complain(&error);
            return Exit::Usage;
        }
    };
    let exit = match start(&config, &options).await {
        Ok(running) => running.until_stopped().await,
        Err(error) => {
            complain(&error);
            Exit::Usage
        }
    };
    log.flush();
    exit
}

/// A worker at work.
struct Running {
    broker: Broker,
    stopping: CancellationToken,
    /// Ends when everything else has: the last that is seen of the worker is that it is stopping.
    stopped: CancellationToken,
    workers: JoinSet<usize>,
    /// What ends by itself when it is told to.
    serving: JoinSet<()>,
    /// What has no end, and ends with this.
    watching: JoinSet<()>,
}

async fn start(config: &Config, options: &Options) -> Result<Running, CannotStart> {
    let clock = SystemClock::start();
    let metrics = Metrics::new();
    let status = Status::new(&metrics, clock);
    let topology = Topology::of(config)?;
    let (broker, supervisor) = Broker::start(&config.broker, clock)?;
    let listener = TcpListener::bind(config.ops.listen).await.map_err(|error| {
        format!("ops.listen = {}: cannot listen there: {error}", config.ops.listen)
    })?;
    events::worker_started(listener.local_addr()?, config.merchants.len());

    let stopping = CancellationToken::new();
    let stopped = CancellationToken::new();
    let mut serving = JoinSet::new();
    serving.spawn(supervisor);
    serving.spawn(ops::serve(listener, status.clone(), metrics.clone(), stopped.clone()));
    let mut watching = JoinSet::new();
    if options.declare {
        watching.spawn(declare(broker.clone(), topology.clone(), status.clone()));
    }
    let common = Common { clock, broker, metrics, status, stopping, topology };
    let mut workers = JoinSet::new();
    let mut watched = Watched::default();
    for merchant in config.merchants.values() {
        let worker = worker(config, merchant, &common)?;
        watched.add(&worker.desk);
        workers.spawn(worker.run());
    }
    let Common { broker, metrics, status, stopping, .. } = common;
    watching.spawn(watch_broker(broker.clone(), watched, status.clone()));
    watching.spawn(watch_parked(broker.clone(), metrics));
    status.started();
    Ok(Running { broker, stopping, stopped, workers, serving, watching })
}

type MerchantWorker = Worker<
    MerchantQueue,
    crate::payu::PayuAccount<SystemClock>,
    crate::amqp::Publisher,
    SystemClock,
>;

/// What all merchants share.
struct Common {
    clock: SystemClock,
    broker: Broker,
    metrics: Metrics,
    status: Status,
    stopping: CancellationToken,
    topology: Topology,
}

fn worker(
    config: &Config,
    merchant: &Merchant,
    common: &Common,
) -> Result<MerchantWorker, CannotStart> {
    let prefetch = Prefetch::of(config, merchant);
    let desk = desk(config, merchant, prefetch, common)?;
    let own =
        Topology::new(&config.broker.prefix, [&*merchant.name], &config.retry.delays.durations())?;
    let name = merchant.name.clone();
    Ok(Worker {
        queue: MerchantQueue::new(common.broker.clone(), own, name, prefetch.total),
        status: common.status.merchant(&desk.metrics),
        desk: Arc::new(desk),
        drain: config.shutdown.drain,
    })
}

impl Running {
    async fn until_stopped(mut self) -> Exit {
        let (Ok(mut terminate), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            complain(&"cannot listen for signals");
            return Exit::Failed;
        };
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        next().await;
        events::worker_stopping();
        self.stopping.cancel();
        let mut left = 0_usize;
        let drained = async {
            while let Some(ended) = self.workers.join_next().await {
                // A loop that panicked has settled nothing that it had in hand.
                left = left.saturating_add(ended.unwrap_or(1));
            }
        };
        tokio::select! {
            () = drained => {}
            () = next() => return Exit::WorkLeft,
        }
        drop(self.watching);
        self.broker.close().await;
        self.stopped.cancel();
        tokio::select! {
            () = async { while self.serving.join_next().await.is_some() {} } => {}
            () = tokio::time::sleep(PAGES_GRACE) => {}
        }
        if left == 0 { Exit::Done } else { Exit::WorkLeft }
    }
}
