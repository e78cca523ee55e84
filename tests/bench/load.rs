//! The intents of a run.

use std::ops::Range;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation};

use crate::ground::{ACCOUNT, Ground};

/// How many publishes wait for their confirms at once.
const WINDOW: usize = 1000;

/// What the id of an intent begins with; its number follows.
const ID_PREFIX: &str = "intent-";

/// Puts so many intents into the queue, while nobody consumes.
pub(crate) async fn fill(ground: &Ground, intents: u32) {
    fill_with(ground, 0..intents).await;
}

/// The same with the intents of these numbers.
pub(crate) async fn fill_with(ground: &Ground, numbers: Range<u32>) {
    let count = numbers.len();
    let messages = numbers.map(|number| (format!("{ID_PREFIX}{number:06}"), intent(number)));
    publish(ground, "smartsend.intents", messages).await;
    assert_eq!(usize::try_from(ground.intents().await), Ok(count), "nobody consumes yet");
}

/// Publishes a command to cancel for each of these intents.
pub(crate) async fn cancel(ground: &Ground, numbers: Range<u32>) {
    let messages = numbers.map(|number| {
        let reference = reference(number);
        let body = format!("{{\"command\":\"cancel\",\"merchantRefId\":\"{reference}\"}}");
        (format!("cancel-{number:06}"), body.into_bytes())
    });
    publish(ground, "smartsend.commands", messages).await;
}

/// Publishes messages with their ids, and waits for every confirm.
async fn publish(
    ground: &Ground,
    exchange: &str,
    messages: impl ExactSizeIterator<Item = (String, Vec<u8>)>,
) {
    let channel = ground.connection().create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let mut confirms = Vec::new();
    let count = messages.len();
    for (index, (id, body)) in messages.enumerate() {
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id(id.into());
        let (exchange, options) = (exchange.into(), BasicPublishOptions::default());
        let publish = channel.basic_publish(exchange, "default".into(), options, &body, properties);
        confirms.push(publish.await.unwrap());
        if index % WINDOW == WINDOW - 1 || index == count - 1 {
            for confirm in confirms.drain(..) {
                assert_eq!(
                    confirm.await.unwrap(),
                    Confirmation::Ack(None),
                    "RabbitMQ must take it"
                );
            }
        }
    }
    channel.close(200, "OK".into()).await.unwrap();
}

/// The number of the intent whose id this is.
pub(crate) fn number(id: &str) -> Option<usize> {
    id.strip_prefix(ID_PREFIX)?.parse().ok()
}

fn reference(number: u32) -> String {
    format!("order-{number:06}-r1")
}

/// An intent without `metadata`, so that the bare loop can post it as it is.
fn intent(number: u32) -> Vec<u8> {
    let reference = reference(number);
    format!(
        "{{\"merchantRefId\":\"{reference}\",\"amount\":100.50,\
         \"description\":\"Refund for order {number} of account {ACCOUNT}\",\
         \"custName\":\"Asha Rao\",\"custMobile\":\"9999999999\",\
         \"custEmail\":\"asha.{number}@example.com\"}}"
    )
    .into_bytes()
}
