//! One loop per merchant: take deliveries while the gate lets them go, give each a task, and stop
//! without leaving a doubt behind that was not there before.

mod watch;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinSet;

use crate::gate::State;
use crate::observe::board::{Board, Consumer};
use crate::observe::facts::intents::{DrainTimedOut, TaskPanicked};
use crate::pipeline::{Desk, Settlement, handle};
use crate::ports::{Clock, Inbox, Outbox, Provider, Queue};

/// How long until a queue is tried again that could not be consumed.
const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// How long a first token may take before anyone is told that there is none.
const READY_SOON: Duration = Duration::from_secs(2);

/// One merchant's loop, and what it needs.
#[derive(Debug)]
pub struct Worker<Q, P, O, C: Clock> {
    /// Where deliveries come from.
    pub queue: Q,
    /// Where they are dealt with.
    pub desk: Arc<Desk<P, O, C>>,
    /// Where it is told how this merchant stands.
    pub board: Board,
    /// How long a stop waits for what is in hand.
    pub drain: Duration,
}

/// The deliveries in hand, each in a task of its own.
type Tasks = JoinSet<Settlement>;

/// Why the inbox was left.
enum Left {
    /// The process is to stop.
    Stopping,
    /// The gate is closed, or the connection has ended: there will be another inbox.
    ForNow,
}

impl<Q: Queue, P: Provider, O: Outbox, C: Clock> Worker<Q, P, O, C> {
    /// Works until the desk is told to stop, and then until everything in hand is settled, or
    /// `drain` is over. Returns how many deliveries it left unsettled.
    pub async fn run(self) -> usize {
        let mut tasks = Tasks::new();
        // Each of these is polled when it was woken itself, and not at every delivery: nearly
        // always they sleep.
        let mut beside: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        beside.push(Box::pin(self.desk.turns.drive()));
        beside.push(Box::pin(self.desk.probe_when_due()));
        beside.push(Box::pin(self.watch()));
        tokio::select! {
            () = self.take_until_stopped(&mut tasks) => {}
            _ = beside.next() => {} // none of them ends
        }
        drop(beside);
        self.drain(&mut tasks).await
    }

    async fn take_until_stopped(&self, tasks: &mut Tasks) {
        while let Some(inbox) = self.next_inbox(tasks).await {
            if let Left::Stopping = self.take(inbox, tasks).await {
                return;
            }
        }
    }

    /// The next inbox; `None` to stop.
    async fn next_inbox(&self, tasks: &mut Tasks) -> Option<Q::Inbox> {
        loop {
            self.unless_stopping(tasks, self.get_ready()).await?;
            match self.unless_stopping(tasks, self.queue.open()).await? {
                Ok(inbox) => {
                    self.board.clear(("queue", &*self.desk.merchant));
                    self.tell(Consumer::Standby);
                    return Some(inbox);
                }
                Err(reason) => {
                    self.board.raise(("queue", &*self.desk.merchant), reason);
                    self.unless_stopping(tasks, self.desk.clock.sleep(QUEUE_WAIT)).await?;
                }
            }
        }
    }

    /// Waits until there is a token and the gate is not closed. Before that nothing is consumed: a
    /// merchant with wrong credentials leaves its intents where they are.
    async fn get_ready(&self) {
        let key = ("token", &*self.desk.merchant);
        let mut ready = pin!(self.desk.get_ready());
        tokio::select! {
            () = &mut ready => return,
            () = self.desk.clock.sleep(READY_SOON) => {}
        }
        // A closed gate is told by itself.
        if !matches!(*self.desk.turns.state().borrow(), State::Closed { .. }) {
            let merchant = &self.desk.merchant;
            self.board.raise(key, format!("merchant {merchant}: has no token yet; check auth_url"));
        }
        ready.await;
        self.board.clear(key);
    }

    /// Waits for something, and meanwhile sees tasks end; `None` to stop.
    async fn unless_stopping<T>(
        &self,
        tasks: &mut Tasks,
        wait: impl Future<Output = T>,
    ) -> Option<T> {
        let mut wait = pin!(wait);
        loop {
            tokio::select! {
                done = &mut wait => return Some(done),
                () = self.desk.stopping.cancelled() => return None,
                Some(ended) = tasks.join_next() => self.ended(ended),
            }
        }
    }

    /// Takes deliveries until the inbox ends. A cancelled inbox still gives out what the broker
    /// has sent, and each of these goes back with its record.
    async fn take(&self, mut inbox: Q::Inbox, tasks: &mut Tasks) -> Left {
        let lost = inbox.lost();
        let mut stopping = pin!(self.desk.stopping.cancelled());
        let mut closed = pin!(self.desk.turns.closed());
        let mut active = false;
        let mut cancelled = false;
        loop {
            tokio::select! {
                biased;
                () = &mut stopping, if !cancelled => {
                    cancelled = true;
                    inbox.cancel().await;
                }
                () = &mut closed, if !cancelled => {
                    cancelled = true;
                    inbox.cancel().await;
                }
                Some(ended) = tasks.join_next() => {
                    self.ended(ended);
                    while let Some(ended) = tasks.try_join_next() {
                        self.ended(ended);
                    }
                }
                delivery = inbox.next() => {
                    let Some(delivery) = delivery else { break };
                    if !active {
                        active = true;
                        self.desk.took_over();
                        self.tell(Consumer::Active);
                    }
                    let desk = Arc::clone(&self.desk);
                    let lost = lost.clone();
                    tasks.spawn(async move { handle(delivery, lost, &desk).await });
                }
            }
        }
        self.tell(Consumer::Stopped);
        if self.desk.stopping.is_cancelled() { Left::Stopping } else { Left::ForNow }
    }

    /// Waits for what is in hand. A request that was written is never abandoned before its own
    /// timeout, and `drain` is longer than that.
    async fn drain(&self, tasks: &mut Tasks) -> usize {
        let beside = async {
            tokio::join!(self.desk.turns.drive(), self.watch());
        };
        let all = async {
            while let Some(ended) = tasks.join_next().await {
                self.ended(ended);
            }
        };
        tokio::select! {
            () = all => {}
            () = beside => {}
            () = self.desk.clock.sleep(self.drain) => {}
        }
        let left = tasks.len();
        if left > 0 {
            DrainTimedOut { merchant: &self.desk.merchant, left }.tell();
        }
        left
    }

    fn ended(&self, ended: Result<Settlement, tokio::task::JoinError>) {
        match ended {
            Ok(Settlement::HandedBack) => self.board.update_merchant(&self.desk.merchant, |m| {
                m.handed_back = m.handed_back.saturating_add(1);
            }),
            // The delivery was dropped on the way, and comes back.
            Err(error) if error.is_panic() => {
                TaskPanicked { merchant: &self.desk.merchant }.tell();
            }
            Ok(Settlement::Settled(_) | Settlement::Returned | Settlement::LetGo) | Err(_) => {}
        }
    }

    fn tell(&self, consumer: Consumer) {
        self.board.update_merchant(&self.desk.merchant, |merchant| merchant.consumer = consumer);
    }
}
