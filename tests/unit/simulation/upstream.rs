//! Upstream: publishes the intents and the commands at their times, some of them twice.

use std::time::Duration;

use smartsend::domain::work::Work;
use smartsend::ports::Properties;

use super::commands::PlannedCommand;
use super::intents::Planned;
use super::run::MERCHANT;
use crate::support::model::{Message, Scene, queue_name};

pub(super) async fn publish(scene: Scene, intents: Vec<Planned>, commands: Vec<PlannedCommand>) {
    let mut times: Vec<(Duration, Work, usize)> = Vec::new();
    for (number, intent) in intents.iter().enumerate() {
        times.extend(intent.at.iter().map(|at| (*at, Work::Intents, number)));
    }
    for (number, command) in commands.iter().enumerate() {
        times.extend(command.at.iter().map(|at| (*at, Work::Commands, number)));
    }
    times.sort_by_key(|(at, work, number)| (*at, *work == Work::Commands, *number));
    for (at, work, number) in times {
        tokio::time::sleep(at.saturating_sub(scene.clock.elapsed())).await;
        let (id, body) = match work {
            Work::Intents => (&intents[number].id, &intents[number].body),
            Work::Commands => (&commands[number].id, &commands[number].body),
        };
        let properties = Properties { message_id: Some(id.clone()), ..Properties::default() };
        let message = Message::from_upstream(body.clone(), properties);
        scene.broker.push(&queue_name(work, MERCHANT), message);
    }
}
