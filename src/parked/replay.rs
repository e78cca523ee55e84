//! Carries out a plan: exactly what it says, once.
//!
//! For each message, in this order and each step only after the one before: the begin is noted, its
//! copy is published and confirmed, that is noted, and the message is taken off the parked queue.

use std::collections::{BTreeSet, HashMap};

use tokio_util::sync::CancellationToken;

use super::copy::replayed;
use super::decision::refusal;
use super::follow::Followed;
use super::message::{Id, Parked};
use super::plan::{Entry, Plan};
use super::progress::{Progress, ProgressError, Step};
use super::tally::gaps;
use crate::actor::Actor;
use crate::amqp::{
    ParkedDelivery, ParkedMessage, ParkedQueue, ParkedQueueError, Pass, ResultEvents, Topology,
};
use crate::clock::SystemClock;
use crate::config::{Config, Merchant};
use crate::domain::record::headers::written;
use crate::domain::work::Work;
use crate::ports::{Clock, PublishError};

/// A plan that is to be carried out, and who does it.
pub struct Replay<'a> {
    pub config: &'a Config,
    pub topology: &'a Topology,
    pub plan: &'a Plan,
    pub actor: &'a Actor,
    /// At most so many that were not begun before.
    pub limit: Option<usize>,
    /// Whether to wait for what becomes of them.
    pub follow: bool,
    pub stop: CancellationToken,
}

#[derive(Debug, Default)]
pub struct ReplayEnd {
    /// Copies that were confirmed now.
    pub replayed: usize,
    /// Messages whose copy was confirmed in an earlier run, and that are taken off now.
    pub finished: usize,
    /// References that are not on the queue any more.
    pub moved: Vec<String>,
    /// References that are refused now, and why.
    pub refused: Vec<(String, String)>,
    /// How many are still to be done.
    pub left: usize,
    /// Why it stopped before the end.
    pub halted: Option<String>,
    /// What could not be seen of the queue.
    pub gaps: Vec<String>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("{0}; nothing was replayed")]
    Queue(#[from] ParkedQueueError),
    #[error("{0}")]
    Progress(#[from] ProgressError),
    #[error("the plan is for the prefix {of}, and the configuration has {ours}")]
    Prefix { of: String, ours: String },
    #[error(
        "the plan was finished more than 15 minutes ago, or by a clock that is ahead of this one, so \
         what it knows may be over: make a new one"
    )]
    Stale,
}

/// The entries that are still to be done, by their ids.
type Todo<'a> = HashMap<Id, &'a Entry>;

/// The events of each merchant's intents and commands, while they are to be followed.
pub(super) type Streams = Vec<(Work, ResultEvents)>;

impl<'a> Replay<'a> {
    /// What is published now: of a plan that was begun also what was begun and not confirmed. A plan
    /// that is too old is only brought to an end where it was begun.
    pub fn due(&self, progress: &Progress) -> Result<Vec<&'a Entry>, ReplayError> {
        if self.plan.prefix != self.config.broker.prefix {
            let (of, ours) = (self.plan.prefix.clone(), self.config.broker.prefix.clone());
            return Err(ReplayError::Prefix { of, ours });
        }
        progress.check_unfinished()?;
        let is_stale = self.plan.is_stale(SystemClock::start().now().wall);
        if is_stale && progress.is_new() {
            return Err(ReplayError::Stale);
        }
        let step = |entry: &Entry| entry.id().and_then(|id| progress.step(&id));
        let begun = self.plan.replays().filter(|entry| step(entry) == Some(Step::Begun));
        let new = self.plan.replays().filter(|entry| step(entry).is_none());
        let new = new.take(if is_stale { 0 } else { self.limit.unwrap_or(usize::MAX) });
        Ok(begun.chain(new).collect())
    }

    /// Carries it out. `note` is the log: a line for each message.
    pub async fn run(
        &self,
        progress: &mut Progress,
        due: &[&'a Entry],
        note: impl Fn(&str),
    ) -> Result<(ReplayEnd, Followed, Streams), ReplayError> {
        let clock = SystemClock::start();
        let queue = ParkedQueue::open(&self.config.broker, self.topology, clock)?;
        queue.verify(&self.config.broker).await?;
        let streams = self.streams(&queue, due).await?;
        let mut pass = queue.pass().await?;
        let mut run = Run {
            replay: self,
            queue: &queue,
            clock,
            todo: due.iter().filter_map(|entry| Some((entry.id()?, *entry))).collect(),
            confirmed: self.confirmed(progress),
            end: ReplayEnd::default(),
            followed: Followed::default(),
        };
        let walked = run.walk(&mut pass, progress, &note).await;
        let Run { mut end, followed, todo, .. } = run;
        if let Err(why) = walked {
            end.halted = Some(why);
        }
        if !todo.is_empty() && end.halted.is_none() {
            end.gaps = gaps(pass.extent());
        }
        // An acknowledgement that does not arrive leaves the message there for the next run.
        if !pass.end().await && end.halted.is_none() {
            end.halted = Some("RabbitMQ did not answer at the end".to_owned());
        }
        if end.halted.is_none() && end.gaps.is_empty() {
            end.moved = todo.values().map(|entry| entry.name().to_owned()).collect();
            end.moved.sort();
        }
        let settled = self.settled(progress, &end).saturating_add(end.moved.len());
        end.left = self.plan.replays().count().saturating_sub(settled);
        if end.halted.is_none() && end.left == 0 {
            progress.finish(clock.now().wall)?;
        }
        if streams.is_empty() {
            queue.close().await;
        }
        Ok((end, followed, streams))
    }

    fn settled(&self, progress: &Progress, end: &ReplayEnd) -> usize {
        let is_confirmed = |entry: &&Entry| {
            entry.id().is_some_and(|id| progress.step(&id) == Some(Step::Confirmed))
        };
        self.plan.replays().filter(is_confirmed).count().saturating_add(end.refused.len())
    }

    /// Those whose copy an earlier run has seen confirmed. Whether they were taken off is not known.
    fn confirmed(&self, progress: &Progress) -> BTreeSet<Id> {
        let ids = self.plan.replays().filter_map(Entry::id);
        ids.filter(|id| progress.step(id) == Some(Step::Confirmed)).collect()
    }

    /// Opened before the first copy goes out, so that no event is missed.
    async fn streams(
        &self,
        queue: &ParkedQueue,
        due: &[&Entry],
    ) -> Result<Streams, ParkedQueueError> {
        let mut streams = Vec::new();
        if !self.follow {
            return Ok(streams);
        }
        for work in Work::ALL {
            let of_work = due.iter().filter(|entry| entry.kind == work.noun());
            let merchants: BTreeSet<&str> = of_work.map(|entry| &*entry.merchant).collect();
            for merchant in merchants {
                streams.push((work, queue.results(work, merchant).await?));
            }
        }
        Ok(streams)
    }
}

/// One run over the queue.
struct Run<'r, 'a> {
    replay: &'r Replay<'a>,
    queue: &'r ParkedQueue,
    clock: SystemClock,
    todo: Todo<'a>,
    confirmed: BTreeSet<Id>,
    end: ReplayEnd,
    followed: Followed,
}

/// Why a message is not replayed now.
enum Not {
    Refused(String),
    Halted(String),
}

impl Run<'_, '_> {
    /// Goes through the queue until nothing is left to do, or everything was seen.
    async fn walk(
        &mut self,
        pass: &mut Pass,
        progress: &mut Progress,
        note: &impl Fn(&str),
    ) -> Result<(), String> {
        // Those that were confirmed before may be off the queue, which only its end shows.
        while !(self.todo.is_empty() && self.confirmed.is_empty()) {
            if self.replay.stop.is_cancelled() {
                self.end.halted = Some("stopped by a signal".to_owned());
                break;
            }
            let next = pass.next().await.map_err(|lost| lost.to_string())?;
            let Some(delivery) = next else { break };
            let id = Id::of(&delivery.message);
            if self.confirmed.remove(&id) {
                pass.take_off(delivery).await.map_err(|lost| lost.to_string())?;
                self.end.finished = self.end.finished.saturating_add(1);
            } else if let Some(entry) = self.todo.remove(&id) {
                let replaced = self.replace(entry, &id, &delivery, progress).await;
                match replaced.map_err(|failed| failed.to_string())? {
                    Ok(line) => {
                        self.end.replayed = self.end.replayed.saturating_add(1);
                        note(&line);
                        pass.take_off(delivery).await.map_err(|lost| lost.to_string())?;
                    }
                    Err(Not::Refused(why)) => {
                        self.end.refused.push((entry.name().to_owned(), why));
                    }
                    Err(Not::Halted(why)) => {
                        self.end.halted = Some(why);
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Publishes the copy, and notes before and after what is known of it.
    async fn replace(
        &mut self,
        entry: &Entry,
        id: &Id,
        delivery: &ParkedDelivery,
        progress: &mut Progress,
    ) -> Result<Result<String, Not>, ProgressError> {
        let Replay { config, plan, actor, .. } = self.replay;
        let message = &delivery.message;
        let parked = Parked::read(message, config);
        let merchant = config.merchants.get(parked.merchant());
        let refused = refusal(&parked, message, merchant, plan.again);
        let refused = refused.or_else(|| {
            let rupees = parked.content.amount().map(|amount| amount.to_string());
            (rupees != entry.rupees).then_some("the plan has other rupees for it".into())
        });
        let merchant: &Merchant = match (refused, merchant) {
            (None, Some(merchant)) => merchant,
            (refused, _) => {
                let why =
                    refused.unwrap_or_else(|| "its merchant is not in the configuration".into());
                return Ok(Err(Not::Refused(why.into_owned())));
            }
        };
        let now = self.clock.now().wall;
        progress.mark(id, Step::Begun, now)?;
        let copy = replayed(&parked, message, &merchant.account, (actor, now));
        if let Err(why) = self.queue.replay(parked.content.work(), &copy).await {
            return Ok(Err(Not::Halted(halt(why, entry))));
        }
        progress.mark(id, Step::Confirmed, self.clock.now().wall)?;
        self.follow(&parked, message);
        let rupees = entry.rupees.as_deref().unwrap_or("no");
        Ok(Ok(format!(
            "{} replayed {} of {}, {rupees} rupees, {actor}",
            written(now),
            entry.name(),
            entry.merchant
        )))
    }

    fn follow(&mut self, parked: &Parked, message: &ParkedMessage) {
        if self.replay.follow {
            self.followed.add(parked, message);
        }
    }
}

fn halt(why: PublishError, entry: &Entry) -> String {
    let name = entry.name();
    match why {
        PublishError::Unconfirmed => format!(
            "RabbitMQ did not confirm the copy of {name}, and may have it; the message is still parked"
        ),
        PublishError::Unroutable | PublishError::Refused => {
            format!("RabbitMQ did not take the copy of {name}: {why}; the message is still parked")
        }
    }
}
