//! What the broker put aside: a person should know of it, and it keeps nothing from being ready.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::ports::Moment;

/// For how long a failure is reported. What could not be announced is tried again much sooner, unless
/// somebody has taken it away.
const TOLD_FOR: Duration = Duration::from_mins(1);

/// What was put aside, as far as this process has seen.
#[derive(Default, Serialize)]
pub(super) struct DeadLetters {
    /// How many were announced and parked since the start.
    pub(super) announced: u64,
    /// The last of those, unless the parked queue has been empty since.
    last: Option<Announced>,
    /// One that cannot be announced, if there is one.
    stuck: Option<Stuck>,
}

#[derive(Serialize)]
struct Announced {
    reason: String,
    #[serde(serialize_with = "shown")]
    at: Timestamp,
}

#[derive(Serialize)]
struct Stuck {
    /// Of its event.
    routing_key: String,
    cause: String,
    #[serde(serialize_with = "shown")]
    since: Timestamp,
    /// When it was last tried, on the steady clock.
    #[serde(skip)]
    tried: Duration,
}

impl DeadLetters {
    /// One is announced with this reason, and parked.
    pub(super) fn announced(&mut self, routing_key: &str, reason: &str, at: Timestamp) {
        self.announced = self.announced.saturating_add(1);
        self.last = Some(Announced { reason: reason.to_owned(), at });
        self.stuck.take_if(|stuck| stuck.routing_key == routing_key);
    }

    /// One cannot be announced and parked.
    pub(super) fn stuck(&mut self, routing_key: &str, cause: String, now: Moment) {
        let since = self.stuck.as_ref().map_or(now.wall, |stuck| stuck.since);
        let routing_key = routing_key.to_owned();
        self.stuck = Some(Stuck { routing_key, cause, since, tried: now.steady });
    }

    /// The parked queue was empty when so many had been announced.
    pub(super) fn nothing_parked(&mut self, announced: u64) {
        if self.announced == announced {
            self.last = None;
        }
    }

    /// Forgets a failure that is over.
    pub(super) fn refresh(&mut self, now: Moment) {
        self.stuck.take_if(|stuck| now.steady.saturating_sub(stuck.tried) > TOLD_FOR);
    }

    /// What a person should know, and since when.
    pub(super) fn notes(&self) -> impl Iterator<Item = (String, Timestamp)> {
        let last = self.last.as_ref().map(|Announced { reason, at }| {
            let sentence = format!(
                "messages that RabbitMQ put aside since the start: {}, the last one {reason}; they \
                 are announced, and in the parked queue",
                self.announced
            );
            (sentence, *at)
        });
        let stuck = self.stuck.as_ref().map(|Stuck { cause, since, .. }| {
            let sentence = format!(
                "a message that RabbitMQ put aside cannot be announced and parked, and is tried \
                 again: {cause}"
            );
            (sentence, *since)
        });
        last.into_iter().chain(stuck)
    }
}

fn shown<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}
