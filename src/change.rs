//! A cancel or an extend for one link, as a person asks for it: published as upstream would publish
//! it, and followed until its event has come.
//!
//! It goes over the queue, so that the worker's limits and its care hold for it: what may have been
//! sent is looked up first, and details decide.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Builder;

use crate::actor::Actor;
use crate::amqp::upstream::{self, CONSUMERS_EVERY, Notes};
use crate::amqp::{ResultEvents, Topology, Upstream, UpstreamError};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::command::Command;
use crate::domain::command::wire::to_json;
use crate::domain::event::ReceivedCommand;
use crate::domain::work::Work;
use crate::ports::{Clock, Copied, PublishError};

/// A command, for a merchant that takes commands.
pub struct Change<'a, N> {
    pub merchant: &'a Merchant,
    pub command: Command,
    /// Who asks for it, and why.
    pub actor: Actor,
    /// How long to wait for the event once the command is sent; `None` is as long as it takes.
    pub limit: Option<Duration>,
    pub stop: CancellationToken,
    /// Shows the person who waits what holds it up.
    pub note: N,
}

/// Why the outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoOutcome {
    /// The broker did not accept the command.
    NotSent,
    /// No confirm came, and whether the broker has the command is unknown.
    Unconfirmed,
    /// It was sent, but the private queue of results is gone.
    ResultsLost,
    /// It was sent, and the time to wait was over.
    TimedOut,
    /// A signal interrupted it after it was sent.
    Interrupted,
    /// A signal interrupted it before.
    InterruptedUnsent,
}

impl<N: Fn(&str)> Change<'_, N> {
    /// Sends the command and waits for its event.
    pub async fn run(
        &self,
        config: &Config,
    ) -> Result<Result<ReceivedCommand, NoOutcome>, UpstreamError> {
        let clock = SystemClock::start();
        let opened = tokio::select! {
            opened = self.open(config, clock) => opened?,
            () = self.stop.cancelled() => return Ok(Err(NoOutcome::InterruptedUnsent)),
        };
        let (session, results) = opened;
        let body = Bytes::from(to_json(&self.command));
        let mut message = upstream::message(body, new_id(), self.merchant, clock.now());
        message.headers.extend(self.actor.headers());
        let mut notes = Notes::about(Work::Commands);
        let end = match self.send(&session, &message, &mut notes).await {
            Ok(()) => self.follow(results, &message, &mut notes).await,
            Err(PublishError::Unconfirmed) => Err(NoOutcome::Unconfirmed),
            Err(PublishError::Unroutable | PublishError::Refused) => Err(NoOutcome::NotSent),
        };
        session.close().await;
        Ok(end)
    }

    /// Opens the queue of results before the command is sent, so that no event is missed.
    async fn open(
        &self,
        config: &Config,
        clock: SystemClock,
    ) -> Result<(Upstream, ResultEvents), UpstreamError> {
        let Config { broker, retry, .. } = config;
        let name = &*self.merchant.name;
        let topology = Topology::of_commands(&broker.prefix, [name], &retry.delays.durations())?;
        let upstream =
            Upstream::open(broker, topology, (Work::Commands, self.merchant), clock).await?;
        let results = upstream.results(Work::Commands, name).await?;
        Ok((upstream, results))
    }

    async fn send(
        &self,
        upstream: &Upstream,
        message: &Copied,
        notes: &mut Notes,
    ) -> Result<(), PublishError> {
        let mut state = upstream.state();
        let mut published = pin!(upstream.publish(Work::Commands, message, &self.stop));
        loop {
            tokio::select! {
                published = &mut published => return published,
                Ok(()) = state.changed() => {
                    self.note(notes.of_state(&state.borrow_and_update()));
                }
            }
        }
    }

    async fn follow(
        &self,
        mut results: ResultEvents,
        message: &Copied,
        notes: &mut Notes,
    ) -> Result<ReceivedCommand, NoOutcome> {
        let mut over = pin!(over(self.limit));
        let mut consumed = pin!(results.work_is_consumed(CONSUMERS_EVERY));
        loop {
            tokio::select! {
                event = results.next() => {
                    let Some(event) = event else { return Err(NoOutcome::ResultsLost) };
                    let answers = event.correlation_id == message.properties.message_id;
                    let outcome = ReceivedCommand::from_json(&event.body);
                    if let Some(outcome) = outcome.filter(|outcome| outcome.settles(&self.command, answers)) {
                        return Ok(outcome);
                    }
                }
                Some(answer) = consumed.next() => {
                    self.note(answer.and_then(|consumed| notes.of_consumers(consumed)));
                }
                () = &mut over => return Err(NoOutcome::TimedOut),
                () = self.stop.cancelled() => return Err(NoOutcome::Interrupted),
            }
        }
    }

    fn note(&self, note: Option<String>) {
        if let Some(note) = note {
            (self.note)(&note);
        }
    }
}

async fn over(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}

/// A `message_id` that is new every time, though the same command may have been sent before: a
/// failure belongs to one command, and the id of its event is made of that `message_id`. One made of
/// the content would give a second try, days later, an event with the id of the first, which
/// downstream has seen and drops.
fn new_id() -> String {
    Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}
