//! The task that owns the file.
//!
//! Whatever waits for it goes into one transaction, and is answered after the commit. If that fails,
//! the task ends and answers nobody: then it is not known what the file says, and nothing more is
//! started.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::claims::Claim;
use super::commands::{Claimed, Command, Held, Link, Replacement, Taken};
use super::error::StoreError;
use super::report::{Reported, Standing};
use super::schema::Store;
use crate::domain::amount::Amount;
use crate::domain::event::ReceivedResult;
use crate::domain::reference::Reference;
use crate::ports::PublishError;

/// Where a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// On a thread that may block, so that nothing else waits with it.
    Aside,
    /// In the task itself. On one thread all that happens has one order then, however fast the disk
    /// is: what simulated time needs.
    InPlace,
}

/// How many commands go into one transaction at most.
const GROUP_MAX: usize = 1024;

pub(super) struct Writer {
    store: Store,
    commits: Commits,
    link: Link,
    /// Who learns of each row that has ended.
    ended: UnboundedSender<Reported>,
    /// The claimed rows, by their `message_id`.
    in_flight: HashMap<String, InFlightRow>,
    /// All rows up to this one were claimed before.
    claimed_to: i64,
    last_serial: u64,
}

/// The file, once nothing more is written to it.
pub(super) struct Written {
    pub(super) store: Store,
    /// Why it ended before it was asked to, if it did.
    pub(super) failure: Option<StoreError>,
}

/// A claimed row.
struct InFlightRow {
    serial: u64,
    id: i64,
    number: i64,
    reference: Reference,
    amount: Amount,
    is_replaced: bool,
    is_ended: bool,
}

/// What a transaction brings about once it is committed.
#[derive(Default)]
struct Effects {
    answers: Vec<Answer>,
    ended: Vec<Reported>,
    /// Whether there may be more to claim.
    wakes: bool,
}

enum Answer {
    Claimed(oneshot::Sender<Claimed>, Claimed),
    Published(oneshot::Sender<Result<(), PublishError>>, Result<(), PublishError>),
    Checkpoint(oneshot::Sender<Option<Bytes>>, Option<Bytes>),
}

impl Answer {
    /// Who has stopped waiting needs no answer; what was claimed for it is dropped, and so released.
    fn give(self) {
        match self {
            Self::Claimed(asker, claimed) => drop(asker.send(claimed)),
            Self::Published(asker, result) => drop(asker.send(result)),
            Self::Checkpoint(asker, body) => drop(asker.send(body)),
        }
    }
}

impl Writer {
    pub(super) fn new(
        (store, commits): (Store, Commits),
        link: Link,
        ended: UnboundedSender<Reported>,
    ) -> Self {
        let in_flight = HashMap::new();
        Self { store, commits, link, ended, in_flight, claimed_to: 0, last_serial: 0 }
    }

    /// Works until it is asked to close, or a commit fails.
    pub(super) async fn run(
        mut self,
        mut commands: UnboundedReceiver<Command>,
    ) -> Result<Written, StoreError> {
        let _lost = self.link.lost.clone().drop_guard();
        loop {
            let mut group = Vec::new();
            commands.recv_many(&mut group, GROUP_MAX).await;
            let is_last = group.iter().any(|command| matches!(command, Command::Close));
            let committed;
            (self, committed) = self.committed(group).await?;
            match committed {
                Ok(()) if !is_last => {}
                Ok(()) => return Ok(Written { store: self.store, failure: None }),
                Err(error) => {
                    self.store.roll_back();
                    return Ok(Written { store: self.store, failure: Some(error) });
                }
            }
        }
    }

    async fn committed(
        mut self,
        group: Vec<Command>,
    ) -> Result<(Self, Result<(), StoreError>), StoreError> {
        let commits = self.commits;
        let committing = move || {
            let committed = self.commit(group);
            (self, committed)
        };
        match commits {
            Commits::Aside => spawn_blocking(committing).await.map_err(|_| StoreError::Panicked),
            Commits::InPlace => Ok(committing()),
        }
    }

    fn commit(&mut self, group: Vec<Command>) -> Result<(), StoreError> {
        let mut effects = Effects::default();
        self.store.begin()?;
        for command in group {
            self.apply(command, &mut effects)?;
        }
        self.store.commit()?;
        for reported in effects.ended {
            self.ended.send(reported).ok(); // nobody needs to listen
        }
        effects.answers.into_iter().for_each(Answer::give);
        if effects.wakes {
            self.link.wake.notify_one();
        }
        Ok(())
    }

    fn apply(&mut self, command: Command, effects: &mut Effects) -> Result<(), StoreError> {
        let answer = match command {
            Command::Claim { most, now, answer } => Answer::Claimed(answer, self.claim(most, now)?),
            Command::Replace { message_id, replacement, answer } => {
                let replaced = self.replace(&message_id, replacement, effects)?;
                Answer::Published(answer, replaced)
            }
            Command::ReadCheckpoint { answer } => {
                Answer::Checkpoint(answer, self.store.checkpoint()?.map(Bytes::from))
            }
            Command::KeepCheckpoint { body, answer } => {
                self.store.keep_checkpoint(&body)?;
                Answer::Published(answer, Ok(()))
            }
            Command::Release { message_id, serial } => {
                return self.release(&message_id, serial, effects);
            }
            Command::Close => return Ok(()),
        };
        effects.answers.push(answer);
        Ok(())
    }

    /// What has waited goes before what is new.
    fn claim(&mut self, most: usize, now: Duration) -> Result<Claimed, StoreError> {
        let mut claims = self.store.claim_due(now, most)?;
        let left = most.saturating_sub(claims.len());
        if left > 0 && self.claimed_to < i64::MAX {
            let new = self.store.claim_new(self.claimed_to, left)?;
            let last = new.last().filter(|_| new.len() == left);
            self.claimed_to = last.map_or(i64::MAX, |claim| claim.number);
            claims.extend(new);
        }
        let next_due = if claims.is_empty() { self.store.next_due()? } else { None };
        let taken = claims.into_iter().map(|claim| self.take(claim)).collect::<Result<_, _>>()?;
        Ok(Claimed { taken, next_due })
    }

    fn take(&mut self, claim: Claim) -> Result<Taken, StoreError> {
        self.last_serial = self.last_serial.wrapping_add(1);
        let serial = self.last_serial;
        let in_flight = InFlightRow {
            serial,
            id: claim.id,
            number: claim.number,
            reference: Reference::parse(&claim.reference)
                .map_err(|_| StoreError::Damaged("reference"))?,
            amount: Amount::parse(&claim.amount).map_err(|_| StoreError::Damaged("amount"))?,
            is_replaced: false,
            is_ended: false,
        };
        let message_id = claim.message_id.clone();
        self.in_flight.insert(message_id.clone(), in_flight);
        let sender = self.link.sender.clone();
        Ok(Taken { claim, held: Held { sender, message_id, serial } })
    }

    /// Only what is in flight can be replaced.
    fn replace(
        &mut self,
        message_id: &str,
        replacement: Replacement,
        effects: &mut Effects,
    ) -> Result<Result<(), PublishError>, StoreError> {
        let Some(row) = self.in_flight.get_mut(message_id) else {
            return Ok(Err(PublishError::Unroutable));
        };
        row.is_replaced = true;
        match replacement {
            Replacement::Event { body, result } => {
                self.store.end(row.id, &body, is_parked(&result))?;
                if !std::mem::replace(&mut row.is_ended, true) {
                    effects.ended.push(row.reported(result));
                }
            }
            Replacement::Retry { headers, delay, due } => {
                self.store.put_off(row.id, &headers, (delay, due))?;
                effects.wakes = true;
            }
            Replacement::Parked { headers } => self.store.park(row.id, &headers)?,
        }
        Ok(Ok(()))
    }

    fn release(
        &mut self,
        message_id: &str,
        serial: u64,
        effects: &mut Effects,
    ) -> Result<(), StoreError> {
        let is_this = |row: &InFlightRow| row.serial == serial;
        if !self.in_flight.get(message_id).is_some_and(is_this) {
            return Ok(()); // a later delivery of the row is in flight
        }
        let released = self.in_flight.remove(message_id).filter(|row| !row.is_replaced);
        if let Some(row) = released {
            self.store.give_back(row.id)?;
            effects.wakes = true;
        }
        Ok(())
    }
}

impl InFlightRow {
    fn reported(&self, result: ReceivedResult) -> Reported {
        Reported {
            number: usize::try_from(self.number).unwrap_or(usize::MAX),
            reference: self.reference.clone(),
            amount: self.amount,
            standing: Standing::Ended(result),
        }
    }
}

/// Whether a person has to look at it.
fn is_parked(result: &ReceivedResult) -> bool {
    match result {
        ReceivedResult::Created(_) | ReceivedResult::Failed(_) => false,
        ReceivedResult::Rejected(_) | ReceivedResult::Unresolved(_) => true,
    }
}
