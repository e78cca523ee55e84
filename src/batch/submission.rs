//! Sends the intents, and follows their results.
//!
//! Publishing an intent again is safe, and not publishing it is not: the worker looks up a
//! reference that it has seen before. So a publish whose confirm did not come is tried a few times
//! more, and after that each row's status says what is known of it. Everything happens in one
//! task, so that a status changes in one place.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::{self, FuturesUnordered, Stream, StreamExt};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::progress::Progress;
use super::read::ReadError;
use super::status::{BatchStatus, Place};
use super::validate::ValidRow;
use crate::actor::Actor;
use crate::amqp::upstream::{CONSUMERS_EVERY, Notes, message};
use crate::amqp::{EventCopy, ResultEvents, Topology, Upstream, UpstreamError};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::event::NAMESPACE;
use crate::domain::reference::Reference;
use crate::domain::work::Work;
use crate::ports::{Copied, Moment, PublishError};

/// How many publishes are in flight at once, a channel each.
const IN_FLIGHT_MAX: usize = 32;

/// Makes messages of rows.
pub(super) struct Sender<'a> {
    pub(super) merchant: &'a Merchant,
    pub(super) actor: &'a Actor,
    pub(super) begun: Moment,
}

impl Sender<'_> {
    fn publishing(&self, status: &mut BatchStatus, row: ValidRow) -> (Place, Copied) {
        let id = intent_id(&self.merchant.name, &row.intent.reference);
        let place = status.publishing(&row, id, &self.merchant.name);
        let mut message = message(row.body, id.to_string(), self.merchant, self.begun);
        message.headers.extend(self.actor.headers());
        (place, message)
    }
}

/// An intent's `message_id`: `UUIDv5` in the namespace of the event ids, of `submit`, the merchant
/// and the reference, joined by line feeds. A file that is submitted twice gives the same ids.
pub(super) fn intent_id(merchant: &str, reference: &Reference) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("submit\n{merchant}\n{reference}").as_bytes())
}

/// The rows to send, one by one, and how many they are.
pub(super) struct Outgoing<I> {
    pub(super) rows: I,
    pub(super) count: usize,
}

/// An open connection to the broker, and a queue that exists.
pub(super) struct Submission {
    upstream: Upstream,
    /// The results, if they are to be waited for.
    results: Option<ResultEvents>,
    wait: Wait,
    /// How long to wait for the last confirms after an interruption.
    confirm_timeout: Duration,
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
    /// The rows that were read and checked can no longer be read.
    Unread,
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
    ) -> Result<Self, UpstreamError> {
        let Config { broker: settings, retry, .. } = config;
        let topology =
            Topology::new(&settings.prefix, [&*merchant.name], &retry.delays.durations())?;
        let upstream = Upstream::open(settings, topology, (Work::Intents, merchant), clock).await?;
        let results = match wait {
            Wait::No => None,
            Wait::UntilAll | Wait::AtMost(_) => {
                Some(upstream.results(Work::Intents, &merchant.name).await?)
            }
        };
        let confirm_timeout = settings.confirm_timeout;
        Ok(Self { upstream, results, wait, confirm_timeout })
    }

    /// Sends everything, then waits for the results if there is a queue for them.
    pub(super) async fn run(
        mut self,
        status: &mut BatchStatus,
        (sender, outgoing): (
            &Sender<'_>,
            Outgoing<impl Iterator<Item = Result<ValidRow, ReadError>>>,
        ),
        stop: &CancellationToken,
    ) -> SubmissionEnd {
        let (all, follows) = (outgoing.count, self.results.is_some());
        let end = match self.send(status, (sender, outgoing), stop).await {
            Err(end) => end,
            Ok(()) if follows => self.follow(status, all, stop).await,
            Ok(()) => SubmissionEnd::Finished,
        };
        self.upstream.close().await;
        end
    }

    async fn send(
        &mut self,
        status: &mut BatchStatus,
        (sender, outgoing): (
            &Sender<'_>,
            Outgoing<impl Iterator<Item = Result<ValidRow, ReadError>>>,
        ),
        stop: &CancellationToken,
    ) -> Result<(), SubmissionEnd> {
        let Self { upstream, results, .. } = self;
        let Outgoing { mut rows, count } = outgoing;
        let mut progress = Progress::start("sending", count, 0);
        let mut broker_state = upstream.state();
        let mut notes = Notes::about(Work::Intents);
        let halt = CancellationToken::new();
        let mut in_flight = FuturesUnordered::new();
        let mut confirmed_count = 0_usize;
        let mut overdue = pin!(after(&halt, self.confirm_timeout));
        let mut end = if stop.is_cancelled() { Err(SubmissionEnd::Interrupted) } else { Ok(()) };
        loop {
            while end.is_ok() && in_flight.len() < IN_FLIGHT_MAX {
                let row = match rows.next() {
                    Some(Ok(row)) => row,
                    Some(Err(_)) => {
                        end = Err(SubmissionEnd::Unread);
                        break;
                    }
                    None => break,
                };
                let (place, intent) = sender.publishing(status, row);
                let (upstream, halt) = (&*upstream, &halt);
                in_flight.push(async move {
                    (place, upstream.publish(Work::Intents, &intent, halt).await)
                });
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
                    let note = notes.of_state(&broker_state.borrow_and_update());
                    progress.note_any(note.as_deref());
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
        let mut notes = Notes::about(Work::Intents);
        let end = loop {
            if status.settled() >= all {
                break SubmissionEnd::Finished;
            }
            if self.results.is_none() {
                break SubmissionEnd::ResultsLost;
            }
            tokio::select! {
                event = next_event(&mut self.results) => settle(status, &mut self.results, event),
                Some(answer) = consumed.next() => {
                    let note = answer.and_then(|consumed| notes.of_consumers(consumed));
                    progress.note_any(note.as_deref());
                }
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
    let consumed = results.map(|results| results.work_is_consumed(CONSUMERS_EVERY));
    stream::iter(consumed).flatten()
}

/// Takes an event, or the end of events.
fn settle(status: &mut BatchStatus, results: &mut Option<ResultEvents>, event: Option<EventCopy>) {
    match event {
        Some(event) => status.settle(&event.body),
        None => *results = None,
    }
}

/// The next event; `None` at the end. Without a queue it waits forever.
async fn next_event(results: &mut Option<ResultEvents>) -> Option<EventCopy> {
    match results {
        Some(results) => results.next().await,
        None => std::future::pending().await,
    }
}

/// Returns `grace` after `halt`.
async fn after(halt: &CancellationToken, grace: Duration) {
    halt.cancelled().await;
    sleep(grace).await;
}
