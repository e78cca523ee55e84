//! Upstream: publishes the intents at their times, some of them twice.

use std::time::Duration;

use smartsend::ports::Properties;

use super::intents::Planned;
use super::run::MERCHANT;
use crate::support::model::{Message, Scene};

pub(super) async fn publish(scene: Scene, intents: Vec<Planned>) {
    let mut times: Vec<(Duration, usize)> = Vec::new();
    for (number, intent) in intents.iter().enumerate() {
        times.extend(intent.at.iter().map(|at| (*at, number)));
    }
    times.sort_unstable();
    for (at, number) in times {
        tokio::time::sleep(at.saturating_sub(scene.clock.elapsed())).await;
        let intent = &intents[number];
        let message_id = Some(intent.id.clone());
        let properties = Properties { message_id, ..Properties::default() };
        scene.broker.push(MERCHANT, Message::from_upstream(intent.body.clone(), properties));
    }
}
