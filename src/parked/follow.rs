//! The outcome of what was replayed, by its events.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, SelectAll};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::message::{Content, Parked};
use crate::amqp::{EventCopy, ParkedMessage, ResultEvents};
use crate::domain::command::Command;
use crate::domain::event::{CommandResult, EventIds, Received, ReceivedCommand, ReceivedResult};
use crate::domain::reference::Reference;
use crate::domain::work::Work;

/// What was replayed, and its end as far as it is known.
#[derive(Debug, Default)]
pub struct Followed {
    items: Vec<Item>,
    by_reference: HashMap<Reference, Vec<usize>>,
}

#[derive(Debug)]
struct Item {
    what: What,
    end: Option<End>,
}

enum What {
    Intent(EventIds),
    Command {
        command: Command,
        /// What its own event is correlated by.
        id: Option<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has a link, or the command was done.
    Good,
    /// It gets none, or the command was not done.
    Failed,
    ParkedAgain,
}

/// How they ended, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    pub intents: usize,
    pub links: usize,
    pub commands: usize,
    pub done: usize,
    pub failed: usize,
    pub parked_again: usize,
    pub waiting: usize,
}

/// Why it is not followed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowEnd {
    All,
    TimedOut,
    Interrupted,
    /// The connection with the private queue of events is gone.
    Lost,
}

impl fmt::Debug for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intent(_) => f.write_str("Intent"),
            Self::Command { command, .. } => write!(f, "Command({command:?})"),
        }
    }
}

impl Followed {
    /// Follows one from now on.
    pub fn add(&mut self, parked: &Parked, message: &ParkedMessage) {
        let what = match &parked.content {
            Content::Intent(intent) => {
                What::Intent(EventIds::of(intent, &message.body, parked.merchant()))
            }
            Content::Command(command) => {
                let properties = &message.properties;
                let id =
                    properties.correlation_id.clone().or_else(|| properties.message_id.clone());
                What::Command { command: command.clone(), id }
            }
            Content::Unreadable { .. } => return,
        };
        let Some(reference) = parked.content.reference() else { return };
        self.by_reference.entry(reference.clone()).or_default().push(self.items.len());
        self.items.push(Item { what, end: None });
    }

    /// Takes an event. The last one counts: a link can follow anything.
    pub fn settle(&mut self, work: Work, body: &[u8], correlation_id: Option<&str>) {
        match work {
            Work::Intents => {
                let Some(event) = Received::from_json(body) else { return };
                let end = match event.result {
                    ReceivedResult::Created(_) => End::Good,
                    ReceivedResult::Failed(_) => End::Failed,
                    ReceivedResult::Rejected(_) | ReceivedResult::Unresolved(_) => End::ParkedAgain,
                };
                self.end(event.reference.as_ref(), end, |what| match what {
                    What::Intent(ids) => ids.include(&event),
                    What::Command { .. } => false,
                });
            }
            Work::Commands => {
                let Some(event) = ReceivedCommand::from_json(body) else { return };
                let end = match event.result {
                    CommandResult::Cancelled | CommandResult::Extended(_) => End::Good,
                    CommandResult::Failed(_) => End::Failed,
                    CommandResult::Unresolved(_) => End::ParkedAgain,
                };
                self.end(event.reference.as_ref(), end, |what| match what {
                    What::Intent(_) => false,
                    What::Command { command, id } => {
                        let answers = id.is_some() && id.as_deref() == correlation_id;
                        event.settles(command, answers)
                    }
                });
            }
        }
    }

    fn end(&mut self, reference: Option<&Reference>, end: End, is_it: impl Fn(&What) -> bool) {
        let places = reference.and_then(|reference| self.by_reference.get(reference));
        for place in places.into_iter().flatten() {
            if let Some(item) = self.items.get_mut(*place).filter(|item| is_it(&item.what)) {
                item.end = Some(end);
            }
        }
    }

    pub fn ends(&self) -> Ends {
        let mut ends = Ends::default();
        for Item { what, end } in &self.items {
            let (all, good) = match what {
                What::Intent(_) => (&mut ends.intents, &mut ends.links),
                What::Command { .. } => (&mut ends.commands, &mut ends.done),
            };
            *all = all.saturating_add(1);
            let count = match end {
                Some(End::Good) => good,
                Some(End::Failed) => &mut ends.failed,
                Some(End::ParkedAgain) => &mut ends.parked_again,
                None => &mut ends.waiting,
            };
            *count = count.saturating_add(1);
        }
        ends
    }

    /// Waits until each has its event.
    pub async fn until_all(
        &mut self,
        streams: Vec<(Work, ResultEvents)>,
        limit: Option<Duration>,
        stop: &CancellationToken,
    ) -> FollowEnd {
        let mut events = SelectAll::new();
        for (work, results) in streams {
            events.push(Box::pin(copies(work, results)));
        }
        let mut over = pin!(async {
            match limit {
                Some(limit) => sleep(limit).await,
                None => std::future::pending().await,
            }
        });
        while self.ends().waiting > 0 {
            tokio::select! {
                biased;
                event = events.next() => match event {
                    Some((work, Some(event))) => {
                        self.settle(work, &event.body, event.correlation_id.as_deref());
                    }
                    Some((_, None)) | None => return FollowEnd::Lost,
                },
                () = &mut over => return FollowEnd::TimedOut,
                () = stop.cancelled() => return FollowEnd::Interrupted,
            }
        }
        FollowEnd::All
    }
}

/// The events as they come; an empty one where they end.
fn copies(
    work: Work,
    results: ResultEvents,
) -> impl futures_util::Stream<Item = (Work, Option<EventCopy>)> {
    stream::unfold(Some(results), move |results| async move {
        let mut results = results?;
        let event = results.next().await;
        let next = event.is_some().then_some(results);
        Some(((work, event), next))
    })
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if self.intents > 0 {
            parts.push(format!("{} of {} have links", self.links, self.intents));
        }
        if self.commands > 0 {
            parts.push(format!("{} of {} commands are done", self.done, self.commands));
        }
        for (count, word) in [
            (self.failed, "failed"),
            (self.parked_again, "parked again"),
            (self.waiting, "waiting"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        f.write_str(&if parts.is_empty() {
            "nothing to follow".to_owned()
        } else {
            parts.join(", ")
        })
    }
}
