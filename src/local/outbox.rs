//! Publishes into the file: what would go to an exchange takes its row's place.

use std::time::Duration;

use tokio::sync::oneshot::Receiver;

use super::commands::{Command, Link, Replacement};
use crate::domain::event::Received;
use crate::ports::{Clock, Copied, Outbox, Outgoing, PublishError};

/// The file counts waits in whole milliseconds, and none may be shorter than it was asked for.
const TICK: Duration = Duration::from_millis(1);

/// Success is a commit.
#[derive(Clone)]
pub struct LocalOutbox<C> {
    pub(super) link: Link,
    pub(super) clock: C,
}

impl<C: Clock> Outbox for LocalOutbox<C> {
    async fn publish(&self, outgoing: &Outgoing) -> Result<(), PublishError> {
        let answer = match outgoing {
            Outgoing::Event(message) => {
                let event = Received::from_json(&message.body).ok_or(PublishError::Unroutable)?;
                let (body, result) = (message.body.clone(), event.result);
                self.replace(event.intent_id, Replacement::Event { body, result })
            }
            Outgoing::Retry { delay, copy, .. } => {
                let (headers, delay) = (copy.headers.clone(), delay.duration());
                let due = self.clock.now().steady.saturating_add(delay).saturating_add(TICK);
                self.replace(message_id(copy), Replacement::Retry { headers, delay, due })
            }
            Outgoing::Parked(copy) => {
                let headers = copy.headers.clone();
                self.replace(message_id(copy), Replacement::Parked { headers })
            }
            Outgoing::Checkpoint { body, .. } => {
                let body = body.clone();
                self.link.ask(|answer| Command::KeepCheckpoint { body, answer })
            }
            // Nothing puts a row aside but the worker itself.
            Outgoing::DeadLetter(_) => return Err(PublishError::Unroutable),
        };
        answer.await.unwrap_or(Err(PublishError::Unconfirmed))
    }
}

impl<C: Clock> LocalOutbox<C> {
    fn replace(
        &self,
        message_id: String,
        replacement: Replacement,
    ) -> Receiver<Result<(), PublishError>> {
        self.link.ask(|answer| Command::Replace { message_id, replacement, answer })
    }
}

fn message_id(copy: &Copied) -> String {
    copy.properties.message_id.clone().unwrap_or_default()
}
