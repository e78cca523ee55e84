//! Intents as upstream publishes them.

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation, Connection};
use serde_json::{Value, json};

use super::canary;

/// The traceparent of the W3C's recommendation "Trace Context".
pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// An intent with every field that both APIs take.
pub(crate) fn intent(reference: &str) -> Value {
    json!({
        "merchantRefId": reference,
        "amount": "100.50",
        "description": canary::DESCRIPTION,
        "custName": canary::NAME,
        "custMobile": canary::MOBILE,
        "custEmail": canary::EMAIL,
        "metadata": { "orderId": "8841" },
    })
}

/// The same with some fields set otherwise; `null` takes one away.
pub(crate) fn intent_with(reference: &str, fields: &Value) -> Value {
    let mut intent = intent(reference);
    let object = intent.as_object_mut().unwrap();
    for (name, value) in fields.as_object().unwrap() {
        if value.is_null() {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    intent
}

/// An intent as a message. Copies of it that upstream publishes differ by their number.
pub(crate) fn message(intent: &Value, copy: usize) -> (Vec<u8>, BasicProperties) {
    let reference = intent["merchantRefId"].as_str().unwrap();
    let name = if copy == 0 { reference.to_owned() } else { format!("{reference}-{copy}") };
    (intent.to_string().into_bytes(), properties(&name))
}

/// The properties that upstream should set.
pub(crate) fn properties(reference: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("traceparent".into(), AMQPValue::LongString(TRACEPARENT.into()));
    headers.insert("tracestate".into(), AMQPValue::LongString("vendor=1".into()));
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_message_id(short(&format!("intent-{reference}")))
        .with_correlation_id(short(&format!("saga-{reference}")))
        .with_headers(headers)
        .with_delivery_mode(2)
}

/// Publishes intents for a merchant, all of them at once, and waits for every confirm.
pub(crate) async fn publish_all(
    connection: &Connection,
    merchant: &str,
    intents: impl IntoIterator<Item = (Vec<u8>, BasicProperties)>,
) {
    let intents = intents.into_iter().map(|(body, properties)| (merchant, body, properties));
    publish_to(connection, "smartsend.intents", intents).await;
}

/// Publishes to an exchange, each with its routing key, all at once, and waits for every confirm.
pub(crate) async fn publish_to<'a>(
    connection: &Connection,
    exchange: &str,
    messages: impl IntoIterator<Item = (&'a str, Vec<u8>, BasicProperties)>,
) {
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut confirms = Vec::new();
    for (key, body, properties) in messages {
        let (exchange, key) = (short(exchange), short(key));
        let sent = channel.basic_publish(exchange, key, options, &body, properties);
        confirms.push(sent.await.unwrap());
    }
    for confirmation in join_all(confirms).await {
        assert!(matches!(confirmation.unwrap(), Confirmation::Ack(None)));
    }
    channel.close(200, "OK".into()).await.unwrap();
}

fn short(text: &str) -> lapin::types::ShortString {
    lapin::types::ShortString::try_new(text.to_owned()).unwrap()
}
