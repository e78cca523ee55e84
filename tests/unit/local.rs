//! The queue in a file: whatever is claimed, published or waited for is on the disk first.

mod claims;
mod command;
mod files;
mod kills;
mod simulated;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use smartsend::domain::account::{Account, Api};
use smartsend::domain::event::{EventKind, name_id};
use smartsend::domain::intent::wire;
use smartsend::domain::record::Record;
use smartsend::domain::retry_delays::RetryDelays;
use smartsend::domain::work::Work;
use smartsend::local::{
    Commits, LocalDelivery, LocalInbox, LocalOutbox, LocalQueue, NewRow, OpenError, Owner, Placed,
    Reported, Session, Started, Store, StoreError,
};
use smartsend::ports::{
    Copied, Delivery, EventMessage, Inbox, Outbox, Outgoing, Properties, PublishError, Queue,
};
use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use crate::support::clock::ManualClock;
use crate::support::model::body;
use crate::support::waiting::SOON;

const MERCHANT: &str = "default";

fn owner() -> Owner {
    let account = Account { payout_merchant_id: "1111312".to_owned(), api: Api::V1 };
    Owner { account, merchant: MERCHANT.to_owned() }
}

/// A folder with one file.
struct Ground {
    folder: TempDir,
}

impl Ground {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("pay.smartsend.db")
    }

    fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(&self.path(), &owner())
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    /// What a kill or a power cut at this moment would leave.
    fn cut(&self) -> Self {
        let copy = Self::new();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, copy.folder.path().join(path.file_name().unwrap())).unwrap();
        }
        copy
    }

    /// The rows `a1`, `a2` and so on.
    fn with_rows(count: usize) -> Self {
        let ground = Self::new();
        let mut store = ground.open();
        place(&mut store, (1..=count).map(|number| (number, body(&name(number)))));
        ground
    }

    fn work(&self, prefetch: u16) -> Bench {
        Bench::start(self.open(), &ManualClock::new(), prefetch)
    }
}

fn name(number: usize) -> String {
    format!("a{number}")
}

fn message_id(reference: &str) -> String {
    format!("id-{reference}")
}

/// A file that has these rows and no others.
fn place(store: &mut Store, rows: impl IntoIterator<Item = (usize, String)>) -> Vec<Placed> {
    store.begin_file().unwrap();
    let place_one = |(number, body): (usize, String)| {
        let intent = wire::parse(body.as_bytes(), Api::V1).unwrap();
        let row = NewRow {
            number,
            reference: &intent.reference,
            amount: intent.amount,
            name: name_id(&intent, MERCHANT),
            message_id: &message_id(intent.reference.as_str()),
            body: body.as_bytes(),
        };
        store.place(&[row]).unwrap()
    };
    rows.into_iter().flat_map(place_one).collect()
}

fn report(store: &Store) -> Vec<Reported> {
    let mut rows = Vec::new();
    store
        .report(|row| {
            rows.push(row);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    rows
}

/// One process at work on a file.
struct Bench {
    clock: ManualClock,
    queue: LocalQueue<ManualClock>,
    inbox: LocalInbox<ManualClock>,
    outbox: LocalOutbox<ManualClock>,
    ended: UnboundedReceiver<Reported>,
    session: Session,
}

impl Bench {
    fn start(store: Store, clock: &ManualClock, prefetch: u16) -> Self {
        let started = Session::start((store, Commits::Aside), clock, (MERCHANT, prefetch)).unwrap();
        let Started { queue, outbox, ended, session } = started;
        let inbox = now(queue.open()).unwrap();
        Self { clock: clock.clone(), queue, inbox, outbox, ended, session }
    }

    async fn next(&mut self) -> LocalDelivery {
        timeout(SOON, self.inbox.next()).await.expect("a delivery").unwrap()
    }

    async fn publish(&self, outgoing: &Outgoing) {
        self.outbox.publish(outgoing).await.unwrap();
    }

    /// Brings the next delivery to its end with an event of this kind.
    async fn end_next(&mut self, kind: EventKind) -> String {
        let delivery = self.next().await;
        let reference = reference_of(&delivery);
        self.publish(&event(&reference, kind)).await;
        delivery.acknowledge().await.unwrap();
        reference
    }

    async fn close(self) -> Store {
        drop(self.inbox);
        let (store, failure) = self.session.close().await.unwrap();
        assert!(failure.is_none(), "{failure:?}");
        store
    }
}

/// What is ready at once.
fn now<T>(future: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(future).unwrap()
}

fn reference_of(delivery: &LocalDelivery) -> String {
    let body = &delivery.delivered().body;
    wire::parse(body, Api::V1).unwrap().reference.to_string()
}

fn event(reference: &str, kind: EventKind) -> Outgoing {
    let because = |code: &str| format!(r#""reason":{{"code":"{code}","message":"it said no"}}"#);
    let says = if kind == EventKind::Created {
        format!(r#""link":"https://pay.test/{reference}""#)
    } else if kind == EventKind::Failed {
        because("DEADLINE_PASSED")
    } else {
        because("REFUSED")
    };
    let body = format!(
        r#"{{"type":"{}","data":{{"merchantRefId":"{reference}","intentId":"{}","amount":"100.50",{says}}}}}"#,
        kind.event_type(),
        message_id(reference)
    );
    Outgoing::Event(EventMessage {
        kind,
        merchant: MERCHANT.to_owned(),
        body: body.into(),
        properties: Properties::default(),
    })
}

fn copy(reference: &str) -> Copied {
    let first_seen = "2026-11-24T09:30:00Z".parse().unwrap();
    let properties =
        Properties { message_id: Some(message_id(reference)), ..Properties::default() };
    Copied {
        merchant: MERCHANT.to_owned(),
        body: body(reference).into(),
        properties,
        headers: Record::first(owner().account, first_seen).to_headers(None),
    }
}

fn retry(reference: &str, delay: Duration) -> Outgoing {
    let delay = RetryDelays::new(&[delay]).unwrap().shortest();
    Outgoing::Retry { work: Work::Intents, delay, copy: copy(reference) }
}
