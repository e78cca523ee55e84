//! Sends the intents, and follows their results.
//!
//! Publishing an intent again is safe, and not publishing it is not: the worker looks a reference
//! up that it has seen before. So a publish whose confirm did not come is tried a few times more,
//! and when that is in vain the rows are told apart by what is known of them. Everything happens
//! in one loop, so that a row's fate changes in one place.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::fate::{Fates, Place};
use super::progress::Progress;
use crate::amqp::{BrokerState, Publisher, ResultEvents};
use crate::ports::{Clock, Copied, PublishError};

/// How many publishes are under way at once. More than there are channels, so that none is idle.
const IN_FLIGHT_MAX: usize = 32;
/// How often a publish is tried before the command gives up.
const TRIES: u32 = 5;
/// The first wait between two tries; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(200);
/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// The intents of a file on their way.
pub(super) struct Submission<C> {
    /// What is known of every row.
    pub(super) fates: Fates,
    /// What is still to be sent.
    pub(super) letters: VecDeque<(Place, Copied)>,
    /// The way to the broker.
    pub(super) publisher: Publisher,
    /// How the broker can be used.
    pub(super) state: watch::Receiver<BrokerState>,
    /// The results, if they are to be waited for.
    pub(super) results: Option<ResultEvents>,
    /// The time.
    pub(super) clock: C,
    /// How long the last confirms are waited for after an interruption.
    pub(super) grace: Duration,
    /// Whether the person was told that the broker cannot be used.
    pub(super) trouble_told: bool,
}

/// How a submission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything was sent, and every result that was wanted has come.
    Finished,
    /// A person or the system ended it.
    Interrupted,
    /// The broker did not take an intent.
    GaveUp(PublishError),
    /// Everything was sent, but the private queue of results is gone.
    ResultsLost,
}

type Publishes = JoinSet<(Place, Result<(), PublishError>)>;

impl<C: Clock> Submission<C> {
    /// Sends everything, then waits for the results if there is a queue for them.
    pub(super) async fn run(&mut self, stop: &CancellationToken) -> Ending {
        let follows = self.results.is_some();
        let sent_count = self.letters.len();
        let mut settled_count = 0;
        if let Some(ending) = self.send(stop, &mut settled_count).await {
            return ending;
        }
        if !follows || settled_count >= sent_count {
            return Ending::Finished;
        }
        self.wait(stop, sent_count, settled_count).await
    }

    async fn send(
        &mut self,
        stop: &CancellationToken,
        settled_count: &mut usize,
    ) -> Option<Ending> {
        let mut publishes = Publishes::new();
        let mut ticks = ticks();
        let (all, mut confirmed_count) = (self.letters.len(), 0_usize);
        let mut progress = Progress::begin("sending", all, 0, self.clock.now());
        let halt = CancellationToken::new();
        let mut overdue = pin!(after(halt.clone(), self.grace));
        let mut ending = stop.is_cancelled().then_some(Ending::Interrupted);
        loop {
            if ending.is_none() {
                self.fill(&mut publishes, &halt);
            }
            tokio::select! {
                ended = publishes.join_next() => match ended {
                    None => break,
                    Some(Ok((place, Ok(())))) => {
                        self.fates.confirmed(place);
                        confirmed_count = confirmed_count.saturating_add(1);
                    }
                    Some(Ok((place, Err(why)))) => {
                        if why != PublishError::Unconfirmed {
                            self.fates.refused(place);
                        }
                        ending = ending.or(Some(Ending::GaveUp(why)));
                        halt.cancel();
                    }
                    // A publish that panicked was not confirmed.
                    Some(Err(_)) => {
                        ending = ending.or(Some(Ending::GaveUp(PublishError::Unconfirmed)));
                        halt.cancel();
                    }
                },
                event = next_event(&mut self.results) => {
                    *settled_count = settled_count.saturating_add(self.settle(event));
                }
                () = stop.cancelled(), if !halt.is_cancelled() => {
                    ending = Some(Ending::Interrupted);
                    halt.cancel();
                }
                () = &mut overdue => break,
                Ok(()) = self.state.changed() => self.note(&progress),
                _ = ticks.tick() => {}
            }
            progress.at(confirmed_count, self.clock.now());
        }
        progress.end();
        ending
    }

    fn fill(&mut self, under_way: &mut Publishes, halt: &CancellationToken) {
        while under_way.len() < IN_FLIGHT_MAX {
            let Some((place, intent)) = self.letters.pop_front() else { return };
            self.fates.began(place);
            let publisher = self.publisher.clone();
            let halt = halt.clone();
            under_way.spawn(async move { (place, publish(&publisher, &intent, &halt).await) });
        }
    }

    async fn wait(&mut self, stop: &CancellationToken, all: usize, settled: usize) -> Ending {
        let mut settled_count = settled;
        let mut ticks = ticks();
        let mut progress = Progress::begin("results", all, settled, self.clock.now());
        let ending = loop {
            if settled_count >= all {
                break Ending::Finished;
            }
            if self.results.is_none() {
                break Ending::ResultsLost;
            }
            tokio::select! {
                event = next_event(&mut self.results) => {
                    settled_count = settled_count.saturating_add(self.settle(event));
                }
                () = stop.cancelled() => break Ending::Interrupted,
                _ = ticks.tick() => {}
            }
            progress.at(settled_count, self.clock.now());
        };
        progress.end();
        ending
    }

    /// Takes an event, or the end of events, in; how many rows it settled.
    fn settle(&mut self, event: Option<Vec<u8>>) -> usize {
        let Some(event) = event else {
            self.results = None;
            return 0;
        };
        usize::from(self.fates.settle(&event))
    }

    fn note(&mut self, progress: &Progress) {
        let state = self.state.borrow_and_update().clone();
        let was_told = std::mem::replace(&mut self.trouble_told, state != BrokerState::Connected);
        match state {
            BrokerState::Connected if was_told => progress.note("RabbitMQ takes messages again"),
            BrokerState::Connected => {}
            BrokerState::Disconnected { reason } => {
                progress.note(&format!("not connected to RabbitMQ, connecting anew: {reason}"));
            }
            BrokerState::Blocked => progress.note(
                "RabbitMQ takes no messages: it is short of memory or disk; waiting until it does",
            ),
        }
    }
}

/// The next event, `None` at their end; without a queue it is waited for in vain.
async fn next_event(results: &mut Option<ResultEvents>) -> Option<Vec<u8>> {
    match results {
        Some(results) => results.next().await,
        None => std::future::pending().await,
    }
}

/// Tries to publish until the broker has it, or it is no use.
async fn publish(
    publisher: &Publisher,
    intent: &Copied,
    halt: &CancellationToken,
) -> Result<(), PublishError> {
    let mut in_doubt = false;
    let mut wait = WAIT_FIRST;
    for attempt in 1..=TRIES {
        match publisher.publish_intent(intent).await {
            Ok(()) => return Ok(()),
            Err(why) => {
                in_doubt = in_doubt || why == PublishError::Unconfirmed;
                if why == PublishError::Unroutable || attempt == TRIES || halt.is_cancelled() {
                    return Err(if in_doubt { PublishError::Unconfirmed } else { why });
                }
            }
        }
        tokio::select! {
            () = sleep(wait) => {}
            () = halt.cancelled() => {}
        }
        wait = wait.saturating_mul(2);
    }
    Err(PublishError::Unconfirmed)
}

/// Returns so long after `halt`.
async fn after(halt: CancellationToken, grace: Duration) {
    halt.cancelled().await;
    sleep(grace).await;
}

fn ticks() -> Interval {
    let mut ticks = interval(SHOW_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
