//! The intents of a run.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation};

use crate::ground::{ACCOUNT, Ground};

/// How many publishes wait for their confirms at once.
const WINDOW: u32 = 1000;

/// What the id of an intent begins with; its number follows.
const ID_PREFIX: &str = "intent-";

/// Puts so many intents into the queue, while nobody consumes.
pub(crate) async fn fill(ground: &Ground, intents: u32) {
    let channel = ground.connection().create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let mut confirms = Vec::new();
    for number in 0..intents {
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id(format!("{ID_PREFIX}{number:06}").into());
        let (exchange, options) = ("smartsend.intents".into(), BasicPublishOptions::default());
        let body = intent(number);
        let publish = channel.basic_publish(exchange, "default".into(), options, &body, properties);
        confirms.push(publish.await.unwrap());
        if number % WINDOW == WINDOW - 1 || number == intents - 1 {
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
    assert_eq!(ground.intents().await, intents, "nobody consumes yet");
}

/// The number of the intent whose id this is.
pub(crate) fn number(id: &str) -> Option<usize> {
    id.strip_prefix(ID_PREFIX)?.parse().ok()
}

/// An intent without `metadata`, so that the bare loop can post it as it is.
fn intent(number: u32) -> Vec<u8> {
    format!(
        "{{\"merchantRefId\":\"order-{number:06}-r1\",\"amount\":100.50,\
         \"description\":\"Refund for order {number} of account {ACCOUNT}\",\
         \"custName\":\"Asha Rao\",\"custMobile\":\"9999999999\",\
         \"custEmail\":\"asha.{number}@example.com\"}}"
    )
    .into_bytes()
}
