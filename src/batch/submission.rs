//! Sends the intents, and follows their results.
//!
//! Publishing an intent again is safe, and not publishing it is not: the worker looks up a
//! reference that it has seen before. So a publish whose confirm did not come is tried a few times
//! more, and after that each row's status says what is known of it. Everything happens in one
//! task, so that a status changes in one place.

use std::collections::VecDeque;
use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, FuturesUnordered, Stream, StreamExt};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::status::{BatchStatus, Place};
use crate::amqp::topology::{NameTooLongError, verify};
use crate::amqp::{
    Broker, BrokerConfigError, BrokerState, ConnectError, Publisher, ResultEvents,
    ResultEventsError, Topology, TopologyError,
};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::ports::{Copied, PublishError};

/// How long a session may take to be set up once the broker has answered.
const SESSION_TIMEOUT: Duration = Duration::from_secs(15);

/// How often to ask whether anybody consumes the intents.
const CONSUMERS_EVERY: Duration = Duration::from_secs(5);
/// How many publishes are in flight at once, a channel each.
const IN_FLIGHT_MAX: usize = 32;
/// How often a publish is tried before the command gives up.
const TRIES: u32 = 5;
/// The first wait between two tries; each further one is twice as long.
const WAIT_FIRST: Duration = Duration::from_millis(200);

/// An open connection to the broker, and a queue that exists.
pub(super) struct Submission {
    broker: Broker,
    supervisor: JoinHandle<()>,
    publisher: Publisher,
    /// The results, if they are to be waited for.
    results: Option<ResultEvents>,
    wait: Wait,
    /// How long to wait for the last confirms after an interruption.
    confirm_timeout: Duration,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum SubmissionError {
    #[error(transparent)]
    Name(#[from] NameTooLongError),
    #[error(transparent)]
    Config(#[from] BrokerConfigError),
    #[error("{0}; nothing was sent")]
    Topology(#[from] TopologyError),
    #[error("{0}; nothing was sent")]
    Connect(#[from] ConnectError),
    #[error(
        "missing on RabbitMQ: {0}; declare it with `smartsend topology apply`; nothing was sent"
    )]
    Missing(String),
    #[error("no connection to RabbitMQ within {SESSION_TIMEOUT:?}: {0}; nothing was sent")]
    NoSession(String),
    #[error("{0}; nothing was sent")]
    Results(#[from] ResultEventsError),
}

/// Whether the results are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    No,
    UntilAll,
    /// This long, once everything is sent.
    AtMost(Duration),
}

/// How a submission ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmissionEnd {
    /// Everything was sent, and every result that was wanted has come.
    Finished,
    /// A signal interrupted it.
    Interrupted,
    /// The broker did not accept an intent.
    GaveUp(PublishError),
    /// Everything was sent, but the private queue of results is gone.
    ResultsLost,
    /// Everything was sent, and the time to wait for results was over.
    TimedOut,
}

impl Submission {
    /// Checks that the topology exists, and opens the queue of results before the first intent is
    /// sent, so that no event is missed.
    pub(super) async fn open(
        config: &Config,
        merchant: &Merchant,
        wait: Wait,
        clock: SystemClock,
    ) -> Result<Self, SubmissionError> {
        let Config { broker: settings, retry, .. } = config;
        let topology =
            Topology::new(&settings.prefix, [&*merchant.name], &retry.delays.durations())?;
        let (broker, supervisor) = Broker::start(settings, clock)?;
        let supervisor = tokio::spawn(supervisor);
        // The exchange of the intents has an alternate one, so a confirm does not say that the
        // merchant's queue has the intent, nor even that the queue exists.
        let missing = verify(settings, &topology).await?;
        if !missing.is_empty() {
            return Err(SubmissionError::Missing(missing.join(", ")));
        }
        timeout(SESSION_TIMEOUT, broker.session()).await.map_err(|_| {
            SubmissionError::NoSession(match &*broker.state().borrow() {
                BrokerState::Disconnected { reason } => reason.clone(),
                BrokerState::Connected | BrokerState::Blocked => {
                    "the connection was closed right away".to_owned()
                }
            })
        })?;
        let results = match wait {
            Wait::No => None,
            Wait::UntilAll | Wait::AtMost(_) => {
                let session = broker.connect("results").await?;
                Some(ResultEvents::open(&session, topology.prefix(), &merchant.name).await?)
            }
        };
        let publisher = Publisher::new(broker.clone(), &topology);
        let confirm_timeout = settings.confirm_timeout;
        Ok(Self { broker, supervisor, publisher, results, wait, confirm_timeout })
    }

    /// Sends everything, then waits for the results if there is a queue for them.
    pub(super) async fn run(
        mut self,
        status: &mut BatchStatus,
        messages: VecDeque<(Place, Copied)>,
        stop: &CancellationToken,
    ) -> SubmissionEnd {
        let (all, follows) = (messages.len(), self.results.is_some());
        let end = match self.send(status, messages, stop).await {
            Err(end) => end,
            Ok(()) if follows => self.follow(status, all, stop).await,
            Ok(()) => SubmissionEnd::Finished,
        };
        self.broker.close().await;
        self.supervisor.abort();
        end
    }

    async fn send(
        &mut self,
        status: &mut BatchStatus,
        mut messages: VecDeque<(Place, Copied)>,
        stop: &CancellationToken,
    ) -> Result<(), SubmissionEnd> {
        let Self { publisher, results, .. } = self;
        let mut progress = Progress::start("sending", messages.len(), 0);
        let mut broker_state = self.broker.state();
        broker_state.mark_unchanged();
        let halt = CancellationToken::new();
        let mut in_flight = FuturesUnordered::new();
        let mut confirmed_count = 0_usize;
        let mut overdue = pin!(after(&halt, self.confirm_timeout));
        let mut end = if stop.is_cancelled() { Err(SubmissionEnd::Interrupted) } else { Ok(()) };
        let mut trouble_shown = false;
        loop {
            while end.is_ok() && in_flight.len() < IN_FLIGHT_MAX {
                let Some((place, intent)) = messages.pop_front() else { break };
                status.publishing(place);
                let (publisher, halt) = (&*publisher, &halt);
                in_flight.push(async move { (place, publish(publisher, &intent, halt).await) });
            }
            tokio::select! {
                published = in_flight.next() => match published {
                    None => break,
                    Some((place, Ok(()))) => {
                        status.confirmed(place);
                        confirmed_count = confirmed_count.saturating_add(1);
                    }
                    Some((place, Err(why))) => {
                        if why != PublishError::Unconfirmed {
                            status.refused(place);
                        }
                        end = end.and(Err(SubmissionEnd::GaveUp(why)));
                        halt.cancel();
                    }
                },
                event = next_event(results) => settle(status, results, event),
                () = stop.cancelled(), if !halt.is_cancelled() => {
                    end = Err(SubmissionEnd::Interrupted);
                    halt.cancel();
                }
                () = &mut overdue => break,
                Ok(()) = broker_state.changed() => {
                    let state = broker_state.borrow_and_update().clone();
                    show(&state, trouble_shown, &progress);
                    trouble_shown = state != BrokerState::Connected;
                }
            }
            progress.set(confirmed_count);
        }
        progress.end();
        end
    }

    async fn follow(
        &mut self,
        status: &mut BatchStatus,
        all: usize,
        stop: &CancellationToken,
    ) -> SubmissionEnd {
        let mut progress = Progress::start("results", all, status.settled());
        let mut over = pin!(over(self.wait));
        let mut consumed = pin!(consumed(self.results.as_ref()));
        let mut idle_shown = false;
        let end = loop {
            if status.settled() >= all {
                break SubmissionEnd::Finished;
            }
            if self.results.is_none() {
                break SubmissionEnd::ResultsLost;
            }
            tokio::select! {
                event = next_event(&mut self.results) => settle(status, &mut self.results, event),
                Some(answer) = consumed.next() => if let Some(consumed) = answer {
                    show_consumed(consumed, idle_shown, &progress);
                    idle_shown = !consumed;
                },
                () = &mut over => break SubmissionEnd::TimedOut,
                () = stop.cancelled() => break SubmissionEnd::Interrupted,
            }
            progress.set(status.settled());
        };
        progress.end();
        end
    }
}

/// Returns once the results have been waited for long enough.
async fn over(wait: Wait) {
    match wait {
        Wait::AtMost(limit) => sleep(limit).await,
        Wait::No | Wait::UntilAll => std::future::pending().await,
    }
}

/// Whether anybody consumes the intents; without a queue of results nobody asks.
fn consumed(results: Option<&ResultEvents>) -> impl Stream<Item = Option<bool>> + use<> {
    let consumed = results.map(|results| results.intents_are_consumed(CONSUMERS_EVERY));
    stream::iter(consumed).flatten()
}

fn show_consumed(consumed: bool, idle_shown: bool, progress: &Progress) {
    match (consumed, idle_shown) {
        (true, true) => progress.note("a worker consumes the intents now"),
        (false, false) => progress.note(
            "nobody consumes the intents at the moment, so no result can come: start a worker with \
             `smartsend run`; if there is one, its /readyz says why it consumes nothing",
        ),
        (true, false) | (false, true) => {}
    }
}

/// Takes an event, or the end of events.
fn settle(status: &mut BatchStatus, results: &mut Option<ResultEvents>, event: Option<Vec<u8>>) {
    match event {
        Some(event) => status.settle(&event),
        None => *results = None,
    }
}

fn show(state: &BrokerState, trouble_shown: bool, progress: &Progress) {
    match state {
        BrokerState::Connected if trouble_shown => progress.note("RabbitMQ accepts messages again"),
        BrokerState::Connected => {}
        BrokerState::Disconnected { reason } => {
            progress.note(&format!("not connected to RabbitMQ, reconnecting: {reason}"));
        }
        BrokerState::Blocked => progress.note(
            "RabbitMQ accepts no messages: it is short of memory or disk; waiting until it recovers",
        ),
    }
}

/// The next event; `None` at the end. Without a queue it waits forever.
async fn next_event(results: &mut Option<ResultEvents>) -> Option<Vec<u8>> {
    match results {
        Some(results) => results.next().await,
        None => std::future::pending().await,
    }
}

/// Tries to publish until the broker confirms it, or another try is pointless.
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

/// Returns `grace` after `halt`.
async fn after(halt: &CancellationToken, grace: Duration) {
    halt.cancelled().await;
    sleep(grace).await;
}
