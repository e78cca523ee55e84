//! Connections that end, at any stage of their life.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::timeout;

use super::ground::Ground;
use super::lease::on_each_version;
use crate::support::amqp_proxy::Way::{ToBroker as Client, ToWorker as Server};
use crate::support::amqp_proxy::{Act, AmqpProxy, Seen, Way, When};
use crate::support::brake::Brake;
use crate::support::broker::Node;
use crate::support::waiting::SOON;

/// A method that is waited for: its name, which way it goes, and its class and number.
#[derive(Clone, Copy)]
struct Stage {
    name: &'static str,
    way: Way,
    method: (u16, u16),
}

const fn stage(name: &'static str, way: Way, class: u16, method: u16) -> Stage {
    Stage { name, way, method: (class, method) }
}

/// What a worker and RabbitMQ say to each other from the first word to the last acknowledgement of
/// an intent. A connection ends at each of them before it is passed on.
const STAGES: [Stage; 17] = [
    // while connecting
    stage("connection.start", Server, 10, 10),
    stage("connection.start-ok", Client, 10, 11),
    stage("connection.tune", Server, 10, 30),
    stage("connection.open", Client, 10, 40),
    stage("connection.open-ok", Server, 10, 41),
    stage("channel.open-ok", Server, 20, 11),
    // while the topology is looked at
    stage("exchange.declare-ok", Server, 40, 11),
    stage("queue.declare-ok", Server, 50, 11),
    // while consuming begins, and goes on
    stage("basic.qos-ok", Server, 60, 11),
    stage("basic.consume", Client, 60, 20),
    stage("basic.consume-ok", Server, 60, 21),
    stage("basic.deliver", Server, 60, 60),
    // before the publish, and between it and its confirm
    stage("confirm.select", Client, 85, 10),
    stage("confirm.select-ok", Server, 85, 11),
    stage("basic.publish", Client, 60, 40),
    stage("the confirm", Server, 60, 80),
    // before the acknowledgement
    stage("the acknowledgement", Client, 60, 80),
];

/// How soon an intent has its result after a connection has ended. Sessions that end one after
/// another are replaced ever more slowly, up to five seconds.
const RECOVERY: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_connection_may_end_at_any_word_that_is_said_on_it() {
    on_each_version(async |lease| {
        let mut ground = Ground::new(lease, "a connection ends at any word", json!({})).await;
        let (brake, trap) = (Brake::default(), Arc::<Trap>::default());
        let watching = Arc::clone(&trap);
        let watcher = move |seen: &Seen<'_>| watching.see(seen);
        let proxy = AmqpProxy::start(ground.node().address(), &brake, watcher).await;
        ground.scenario.set("broker.urls", &Node::url_at(proxy.port(), &ground.scenario.vhost));
        let worker = ground.scenario.ready_worker().await;
        let results = ground.scenario.results().await;
        for (number, stage) in STAGES.into_iter().enumerate() {
            // A client that has not sent anything yet cannot be sent a close either.
            let act = if number > 0 && number % 2 == 0 { Act::Close } else { Act::Cut };
            let before = trap.arm(stage, act);
            brake.release(); // what is there ends, so that the stage comes
            ground.publish(1).await;
            ground.fault();
            let sprung = timeout(SOON, trap.sprung(before)).await;
            sprung.unwrap_or_else(|_| panic!("{} was never said", stage.name));
            results.event_for(&format!("b{number}"), RECOVERY).await;
        }
        ground.keep(results.all().await);
        drop(results);
        ground.finish(worker).await;
    })
    .await;
}

/// Ends the first connection that comes to a stage.
#[derive(Default)]
struct Trap {
    armed: Mutex<Option<(Stage, Act)>>,
    sprung: watch::Sender<u64>,
}

impl Trap {
    /// Returns how often it has sprung before, for [`Self::sprung`].
    fn arm(&self, stage: Stage, act: Act) -> u64 {
        *self.armed.lock().unwrap() = Some((stage, act));
        *self.sprung.borrow()
    }

    /// Waits until it has sprung once more.
    async fn sprung(&self, before: u64) {
        self.sprung.subscribe().wait_for(|count| *count > before).await.unwrap();
    }

    fn see(&self, seen: &Seen<'_>) -> Act {
        let mut armed = self.armed.lock().unwrap();
        let Some((stage, act)) = *armed else { return Act::Pass };
        let is_it = stage.way == seen.way && seen.frame.method() == Some(stage.method);
        if !is_it || seen.when == When::After {
            return Act::Pass;
        }
        *armed = None;
        self.sprung.send_modify(|count| *count += 1);
        act
    }
}

#[tokio::test]
async fn connections_that_an_operator_closes_under_load_cost_neither_intents_nor_links() {
    on_each_version(async |lease| {
        let mut ground = Ground::under_load(lease, "connections closed under load", 400).await;
        let worker = ground.scenario.ready_worker().await;
        for _ in 0..3 {
            ground.keep_busy(&worker, 300).await;
            ground.node().close_connections(&ground.scenario.vhost).await;
            ground.fault();
            ground.is_busy(&worker).await;
        }
        ground.finish(worker).await;
    })
    .await;
}
