//! One merchant's worker over a file, from the configuration.

use std::sync::Arc;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::merchant::{Prefetch, settings};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::publisher_guard::PublisherGuard;
use crate::domain::work::Work;
use crate::local::{Commits, LocalOutbox, LocalQueue, Reported, Session, Started, Store};
use crate::payu::PayuAccount;
use crate::ports::Ports;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::status::Status;
use crate::worker::{Adapters, Settings, Telemetry, Worker};

/// A file, PayU and the machine's own time.
pub(crate) enum Local {}

impl Ports for Local {
    type Clock = SystemClock;
    type Queue = LocalQueue<SystemClock>;
    type Provider = Arc<PayuAccount<SystemClock>>;
    type Outbox = LocalOutbox<SystemClock>;
}

/// A worker that pays what is in a file, and what is seen of it.
pub(crate) struct LocalWorker {
    pub(crate) worker: Worker<Local>,
    pub(crate) status: Status,
    /// Each row that ends, once.
    pub(crate) ended: UnboundedReceiver<Reported>,
    pub(crate) session: Session,
}

impl LocalWorker {
    /// Nothing happens before its worker runs.
    pub(crate) fn new(
        (config, merchant): (&Config, &Merchant),
        store: Store,
        clock: SystemClock,
        stopping: &CancellationToken,
    ) -> Result<Self, StartError> {
        let metrics = Metrics::new();
        let status = Status::new(&metrics, clock);
        let metrics = metrics.merchant(&merchant.name);
        let account = PayuAccount::new(merchant, clock, Arc::clone(&metrics))?;
        let limits = merchant.limits.intents;
        let prefetch = Prefetch::of(config, limits);
        let seat = (&*merchant.name, prefetch.total);
        let Started { queue, outbox, ended, session } =
            Session::start((store, Commits::Aside), &clock, seat)?;
        let settings = Settings {
            // Nobody publishes to a file: whoever runs the command has the account's own secrets.
            publisher_guard: PublisherGuard::default(),
            ..settings(config, merchant, (Work::Intents, limits), prefetch)
        };
        let provider = Arc::new(account);
        let adapters = Adapters { clock, queue, provider, outbox, key_lock: Arc::default() };
        let telemetry = Telemetry { status: status.merchant(&metrics), metrics };
        let worker = Worker::new(&settings, adapters, telemetry, stopping.clone());
        status.started();
        Ok(Self { worker, status, ended, session })
    }
}
