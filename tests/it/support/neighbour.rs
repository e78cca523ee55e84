//! Another merchant of the same worker: whatever the first one is sent, its stream does not stop.

use std::time::Duration;

use lapin::options::{QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::intents::{intent, message, publish_all};
use super::results::Collector;
use super::scenario::Scenario;

/// Its name, and that of the queue of its results.
pub(crate) const NEIGHBOUR: &str = "neighbour";

/// How long one intent may take. A worker that begins has to find RabbitMQ, its token and its pace.
const HELD_UP_MAX: Duration = Duration::from_secs(10);
/// How often it is looked for.
const PAUSE: Duration = Duration::from_millis(20);

/// Publishes one intent after the other, each once the one before has its link.
pub(crate) struct Neighbour {
    stopping: CancellationToken,
    task: JoinHandle<usize>,
}

impl Neighbour {
    /// Begins, while a worker is ready.
    pub(crate) async fn start(scenario: &Scenario) -> Self {
        let connection = scenario.node.connect(&scenario.vhost).await;
        let channel = connection.create_channel().await.unwrap();
        let none = FieldTable::default;
        let options = QueueDeclareOptions::durable();
        channel.queue_declare(NEIGHBOUR.into(), options, none()).await.unwrap();
        let (exchange, key) = ("smartsend.results".into(), "*.*.neighbour".into());
        let options = QueueBindOptions::default();
        channel.queue_bind(NEIGHBOUR.into(), exchange, key, options, none()).await.unwrap();
        let results = Collector::start(&connection, NEIGHBOUR).await;
        let stopping = CancellationToken::new();
        let stopped = stopping.clone();
        let task = tokio::spawn(async move {
            let mut served = 0;
            while !stopped.is_cancelled() {
                let reference = format!("neighbour-{served}");
                publish_all(&connection, NEIGHBOUR, [message(&intent(&reference), 0)]).await;
                let next = async {
                    while results.count() <= served {
                        sleep(PAUSE).await;
                    }
                };
                let came = timeout(HELD_UP_MAX, next).await;
                assert!(came.is_ok(), "{reference} has no event after {HELD_UP_MAX:?}");
                let event = results.from(served).remove(0).event();
                assert_eq!(event["subject"], *reference, "{event}");
                assert_eq!(event["type"], "smartsend.link.created", "{event}");
                assert_eq!(event["data"]["recovered"], false, "{event}");
                served += 1;
            }
            served
        });
        Self { stopping, task }
    }

    /// Ends the stream, which was never held up.
    pub(crate) async fn was_served(self) {
        self.stopping.cancel();
        let served = self.task.await.expect("the neighbour was held up");
        assert!(served > 0);
    }
}
