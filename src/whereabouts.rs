//! Where one payout is: a worker, the parked queue and PayU are asked at the same time, and the
//! queues through which it may be going are counted.
//!
//! It changes nothing. Each of those asked may be away; then the answer says which part is missing,
//! and says of nothing that it is not there.

mod answer;
mod facts;
mod page;
mod parked_copy;
mod seen_link;
mod worker;

use futures_util::future::join_all;
use url::Url;

pub use answer::{Found, found, sentence};
pub use facts::{AmountAgreement, Facts, Part, WorkerFacts};
pub use page::{json, text};
pub use parked_copy::ParkedCopy;
pub use seen_link::{SeenLink, Standing};
pub use worker::listener;

use crate::amqp::inventory::{self, Inventory};
use crate::amqp::topology::names::{dead_name, retry_name, work_queue};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::classify::lookup::Lookup;
use crate::domain::reference::Reference;
use crate::domain::work::Work;
use crate::inquiry::Inquiry;

/// What is asked for, and of which workers.
pub struct Search<'a> {
    pub config: &'a Config,
    pub merchant: &'a Merchant,
    pub reference: &'a Reference,
    pub workers: &'a [Url],
}

impl Search<'_> {
    /// Asks all of them. `inquiry` is the turn to ask PayU, or why there is none.
    pub async fn run(&self, inquiry: impl Future<Output = Result<Inquiry<'_>, String>>) -> Facts {
        let workers = join_all(self.workers.iter().map(|url| worker::ask(url, self.reference)));
        let provider = async { self.ask_provider(inquiry.await?).await };
        let (workers, inventory, provider) = tokio::join!(workers, self.take_inventory(), provider);
        let Inventory { ready: waiting, parked } = inventory;
        let (reference, merchant) = (self.reference.clone(), self.merchant.name.clone());
        Facts { reference, merchant, workers, waiting, parked, provider }
    }

    async fn take_inventory(&self) -> Inventory<ParkedCopy> {
        let Self { config, merchant, reference, .. } = self;
        let taken =
            inventory::take(&config.broker, SystemClock::start(), self.queues(), |parked| {
                let copy = ParkedCopy::of(parked, reference, merchant.account.api)?;
                // A routing key that names no merchant may be a slip; another merchant's payout is not
                // this one's.
                let is_of_another =
                    copy.merchant != merchant.name && config.merchants.contains_key(&copy.merchant);
                (!is_of_another).then_some(copy)
            });
        taken.await.unwrap_or_else(|error| Inventory {
            ready: self.queues().map(|queue| (queue, None)).collect(),
            parked: Err(error.to_string()),
        })
    }

    /// The queues through which the merchant's messages go; the retry queues hold those of all
    /// merchants.
    fn queues(&self) -> impl Iterator<Item = String> {
        let prefix = &*self.config.broker.prefix;
        let name = &*self.merchant.name;
        let has_commands = self.merchant.limits.commands.is_some();
        let works = Work::ALL.into_iter().filter(move |it| *it == Work::Intents || has_commands);
        let delays = self.config.retry.delays.durations();
        let of_work = works.flat_map(move |work| {
            let retries = delays.clone().into_iter();
            let retries = retries.map(move |delay| retry_name(prefix, work, delay));
            std::iter::once(work_queue(prefix, work, name)).chain(retries)
        });
        of_work.chain(std::iter::once(dead_name(prefix)))
    }

    async fn ask_provider(&self, inquiry: Inquiry<'_>) -> Result<Option<SeenLink>, String> {
        let shown = inquiry.details(self.reference).await;
        match &shown.lookup {
            Lookup::Found(details) => {
                let (status, payment) = (shown.status.as_deref(), shown.payment.as_deref());
                Ok(Some(SeenLink::new(details, status, payment)))
            }
            Lookup::NotFound => Ok(None),
            Lookup::Failed(_) | Lookup::NoToken(_) | Lookup::Throttled(_) | Lookup::Denied(_) => {
                Err(shown.why_not().unwrap_or_default())
            }
        }
    }
}
