//! The rows of a file beside a real store, and what a kill leaves of it.
//!
//! What is done to the store is noted as a broker's steps are, so that whoever watches holds both to
//! the same promises. A commit is a publish and its confirm at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use smartsend::domain::account::Account;
use smartsend::domain::event::name_id;
use smartsend::domain::intent::wire;
use smartsend::local::{
    Commits, LocalDelivery, LocalQueue, NewRow, Owner, Session, Started, Store,
};
use smartsend::ports::{Delivered, Delivery, Outgoing, Properties, PublishError, Queue};
use tempfile::TempDir;
use tokio::sync::Notify;

use super::file_ports::{FileOutbox, FileQueue, Seat};
use crate::support::model::{Cure, Fault, Journal, Message, ModelClock, Process, Step};

/// A sync costs nothing in memory, and what is tried here is not the disk.
const IN_MEMORY: &str = "/dev/shm";

/// A good row of the file.
#[derive(Clone, Debug)]
pub(crate) struct FileRow {
    pub(crate) number: usize,
    /// Its `message_id`.
    pub(crate) id: String,
    /// The intent's JSON.
    pub(crate) body: String,
}

/// The file and its store, of which one process at a time makes use. Clones are the same one.
#[derive(Clone)]
pub(crate) struct ModelFile(Arc<Shared>);

struct Shared {
    owner: Owner,
    without: Option<Cure>,
    journal: Journal,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// Where the store is.
    folder: TempDir,
    /// The hold that a process has of it, while it can write to it.
    held: Option<Hold>,
    /// Every row that was ever taken in.
    known: BTreeSet<String>,
    /// Those that have no result yet.
    open: BTreeSet<String>,
    /// Those whose copy waits.
    waiting: BTreeSet<String>,
    in_flight: BTreeMap<String, InFlight>,
    last_tag: u64,
}

struct InFlight {
    tag: u64,
    is_replaced: bool,
}

struct Hold {
    session: Session,
    queue: Arc<LocalQueue<ModelClock>>,
}

impl ModelFile {
    /// The file of an account's merchant.
    pub(crate) fn new(
        account: &Account,
        merchant: &str,
        journal: &Journal,
        without: Option<Cure>,
    ) -> Self {
        let owner = Owner { account: account.clone(), merchant: merchant.to_owned() };
        let state = State {
            folder: folder(),
            held: None,
            known: BTreeSet::new(),
            open: BTreeSet::new(),
            waiting: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            last_tag: 0,
        };
        let (state, changed) = (Mutex::new(state), Notify::new());
        Self(Arc::new(Shared { owner, without, journal: journal.clone(), state, changed }))
    }

    /// Opens the store for a process, and takes in the rows that the file has by then.
    pub(crate) fn open(
        &self,
        process: &Process,
        rows: &[FileRow],
        prefetch: usize,
    ) -> (FileQueue, FileOutbox) {
        let mut store = Store::open(&self.path(), &self.0.owner).unwrap();
        store.begin_file().unwrap();
        for row in rows {
            self.take_in(&mut store, row);
        }
        let seat = (&*self.0.owner.merchant, u16::try_from(prefetch).unwrap());
        let started = Session::start((store, Commits::InPlace), process.clock(), seat).unwrap();
        let Started { queue, outbox, session, ended: _ } = started;
        let queue = Arc::new(queue);
        let seat = Seat { file: self.clone(), life: process.life.clone(), process: process.number };
        self.lock().held = Some(Hold { session, queue: Arc::clone(&queue) });
        (FileQueue { seat: seat.clone(), inner: queue }, FileOutbox { seat, inner: outbox })
    }

    fn take_in(&self, store: &mut Store, FileRow { number, id, body }: &FileRow) {
        let Owner { account, merchant } = &self.0.owner;
        let intent = wire::parse(body.as_bytes(), account.api).unwrap();
        let row = NewRow {
            number: *number,
            reference: &intent.reference,
            amount: intent.amount,
            name: name_id(&intent, merchant),
            message_id: id,
            body: body.as_bytes(),
        };
        store.place(&[row]).unwrap();
        let mut state = self.lock();
        if state.known.insert(id.clone()) {
            state.open.insert(id.clone());
            let properties = Properties { message_id: Some(id.clone()), ..Properties::default() };
            let message = Message::from_upstream(body.clone(), properties);
            self.0.journal.note(&Step::Queued { message: &message, returned: false });
        }
    }

    /// A process is dead: nothing that it does from now on comes to the store.
    pub(crate) async fn kill(&self, process: u64) {
        let held = self.lock().held.take();
        if let Some(Hold { session, queue }) = held {
            // Whatever was asked of the store before is in it or not, and nobody waits to learn which.
            queue.checkpoint().await.unwrap();
            let cut = self.cut();
            let old = std::mem::replace(&mut self.lock().folder, cut);
            self.end_all(process);
            session.close().await.unwrap();
            drop(old);
        } else {
            self.end_all(process);
        }
    }

    /// The process that has the store can write nothing more to it, as on a full disk.
    pub(crate) async fn fail(&self) {
        let held = self.lock().held.take();
        if let Some(Hold { session, .. }) = held {
            session.close().await.unwrap();
        }
    }

    /// A copy of the store as the kernel has it.
    fn cut(&self) -> TempDir {
        let (state, copy) = (self.lock(), folder());
        for entry in fs::read_dir(state.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        self.falsify(&store_in(copy.path()));
        copy
    }

    fn end_all(&self, process: u64) {
        let mut state = self.lock();
        let mut back = Vec::new();
        for (_, InFlight { tag, is_replaced }) in std::mem::take(&mut state.in_flight) {
            if is_replaced {
                self.0.journal.note(&Step::Acknowledged { process, tag });
            } else {
                back.push(tag);
            }
        }
        self.0.journal.note(&Step::Cut { process, back: &back });
    }

    /// What a store without the cure would have on its disk.
    fn falsify(&self, store: &Path) {
        let sql = match self.0.without {
            Some(Cure::ClaimComesFirst) => {
                "UPDATE intents SET state = CASE WHEN delay IS NULL THEN 'queued' ELSE 'waiting' END
                 WHERE state = 'claimed'"
            }
            Some(Cure::RecordIsKept) => "UPDATE intents SET headers = '{}' WHERE state = 'waiting'",
            _ => return,
        };
        rusqlite::Connection::open(store).unwrap().execute_batch(sql).unwrap();
    }

    /// A row is given to a process.
    pub(super) fn delivered(&self, process: u64, delivery: &LocalDelivery) -> (u64, Delivered) {
        let mut state = self.lock();
        let mut delivered = delivery.delivered().clone();
        let message = Message {
            headers: delivered.headers.clone(),
            own: true,
            redelivered: delivered.redelivered,
            count: delivered.delivery_count,
            ..Message::from_upstream(delivered.body.clone(), delivered.properties.clone())
        };
        let id = id_of(&delivered.properties);
        if state.waiting.remove(id) {
            self.0.journal.note(&Step::Queued { message: &message, returned: true });
        }
        state.last_tag += 1;
        let tag = state.last_tag;
        self.0.journal.note(&Step::Delivered { process, tag, message: &message });
        state.in_flight.insert(id.to_owned(), InFlight { tag, is_replaced: false });
        if self.0.without == Some(Cure::ClaimIsRemembered) {
            (delivered.redelivered, delivered.delivery_count) = (false, 0);
        }
        (tag, delivered)
    }

    /// A process has published something, and this came of it.
    pub(super) fn published(
        &self,
        process: u64,
        outgoing: &Outgoing,
        result: Result<(), PublishError>,
    ) {
        let fault = result.err().map(|error| match error {
            PublishError::Unroutable => Fault::Unroutable,
            PublishError::Refused => Fault::Refused,
            PublishError::Unconfirmed => Fault::Lost,
        });
        self.0.journal.note(&Step::Published { process, outgoing, fault });
        if fault.is_some() {
            return;
        }
        self.0.journal.note(&Step::Confirmed { process, outgoing });
        let mut state = self.lock();
        let id = match outgoing {
            Outgoing::Event(event) => {
                let id = event.properties.correlation_id.as_deref().unwrap();
                state.open.remove(id);
                id
            }
            Outgoing::Retry { copy, .. } => {
                let id = id_of(&copy.properties);
                state.waiting.insert(id.to_owned());
                id
            }
            Outgoing::Parked(copy) => id_of(&copy.properties),
            Outgoing::Checkpoint { .. } | Outgoing::DeadLetter(_) => return,
        };
        if let Some(row) = state.in_flight.get_mut(id) {
            row.is_replaced = true;
        }
    }

    /// A delivery has ended. Whether the row comes back does not depend on how.
    pub(super) fn ended(&self, process: u64, (id, tag): (&str, u64), acknowledged: bool) {
        let mut state = self.lock();
        let is_this = state.in_flight.get(id).is_some_and(|row| row.tag == tag);
        if !is_this {
            return; // it has ended before, or its process has
        }
        let row = state.in_flight.remove(id);
        if acknowledged || row.is_some_and(|row| row.is_replaced) {
            self.0.journal.note(&Step::Acknowledged { process, tag });
        } else {
            self.0.journal.note(&Step::Requeued { process, tag });
        }
        drop(state);
        self.0.changed.notify_waiters();
    }

    /// Ends when every row has its result, and none is in flight.
    pub(crate) async fn emptied(&self) {
        loop {
            let changed = self.0.changed.notified();
            let is_empty = {
                let state = self.lock();
                state.open.is_empty() && state.in_flight.is_empty()
            };
            if is_empty {
                return;
            }
            changed.await;
        }
    }

    /// Rows without a result.
    pub(crate) fn unsettled(&self) -> usize {
        self.lock().open.len()
    }

    fn path(&self) -> PathBuf {
        store_in(self.lock().folder.path())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }
}

pub(super) fn id_of(properties: &Properties) -> &str {
    properties.message_id.as_deref().unwrap()
}

fn folder() -> TempDir {
    let memory = Path::new(IN_MEMORY);
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn store_in(folder: &Path) -> PathBuf {
    folder.join("pay.smartsend.db")
}
