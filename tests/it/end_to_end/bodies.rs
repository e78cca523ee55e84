//! Bodies that are not intents.

use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};

use crate::support::intents::{intent, intent_with, properties};
use crate::support::neighbour::Neighbour;
use crate::support::results::Message;
use crate::support::scenario::Scenario;
use crate::support::waiting::SOON;

/// A body, and the fields that are wrong in it.
fn bad_bodies() -> Vec<(Vec<u8>, Vec<&'static str>)> {
    let with = |fields: Value| intent_with("bad", &fields).to_string().into_bytes();
    let amount = |text: &str| {
        let body = intent("bad").to_string();
        body.replace("\"100.50\"", text).into_bytes()
    };
    let mut split = intent("bad").to_string().into_bytes();
    split.splice(1..1, *b"\"x\": \"\xff\", ");
    vec![
        (b"{\"merchantRefId\": ".to_vec(), vec!["body"]),
        (b"".to_vec(), vec!["body"]),
        (b"[1]".to_vec(), vec!["body"]),
        (split, vec!["body"]),
        (with(json!({ "description": 5, "custName": [] })), vec!["description", "custName"]),
        (with(json!({ "custemail": "a@example.com" })), vec!["custemail"]),
        (
            with(json!({ "merchantRefId": "ü", "amount": "x", "deadline": "soon" })),
            vec!["merchantRefId", "amount", "deadline"],
        ),
        (with(json!({ "custMobile": null, "custEmail": "" })), vec!["custMobile"]),
        (
            with(json!({ "expiryDate": "2026-12-01", "disableApprovalFlow": "no" })),
            vec!["expiryDate", "disableApprovalFlow"],
        ),
        (amount("1e2"), vec!["amount"]),
        (amount("-1"), vec!["amount"]),
        (amount("0.001"), vec!["amount"]),
        (amount("\"NaN\""), vec!["amount"]),
        (amount("NaN"), vec!["body"]),
        (amount("0"), vec!["amount"]),
        (amount("1, \"amount\": 2"), vec!["amount"]),
    ]
}

fn wrong_fields(errors: &Value) -> Vec<String> {
    let errors = errors.as_array().unwrap().iter();
    errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_not_an_intent_fails_with_every_error_and_is_parked_as_it_came() {
    let scenario = Scenario::with_neighbour().await;
    let (results, parked) = (scenario.results().await, scenario.parked().await);
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let bodies = bad_bodies();
    for (number, (body, _)) in bodies.iter().enumerate() {
        scenario.publish_raw(body, properties(&number.to_string())).await;
    }
    let events = results.take(bodies.len(), SOON).await;
    let originals = parked.take(bodies.len(), SOON).await;
    // The worker was not harmed.
    scenario.publish(&intent("good")).await;
    let good = results.event_for("good", SOON).await;
    neighbour.was_served().await;
    scenario.finish(worker).await;
    assert_eq!(good.event()["type"], "smartsend.link.created");
    assert_eq!(results.all().await.len(), bodies.len() + 1);
    assert_eq!(parked.all().await.len(), bodies.len());
    for (number, (body, fields)) in bodies.iter().enumerate() {
        let id = format!("intent-{number}");
        let event = events.iter().find(|event| event.event()["data"]["intentId"] == *id).unwrap();
        let fields: Vec<_> = fields.iter().map(|field| (*field).to_owned()).collect();
        assert_eq!(event.routing_key, "intent.rejected.default");
        assert_eq!(event.event()["data"]["reason"]["code"], "INVALID_INTENT");
        let mut reported = wrong_fields(&event.event()["data"]["errors"]);
        reported.dedup();
        assert_eq!(reported, fields, "{}", String::from_utf8_lossy(body));
        let same =
            |original: &&Message| original.properties.message_id().as_ref().unwrap().as_str() == id;
        let original = originals.iter().find(same).unwrap();
        is_parked_as_it_came(original, number, body, &event.event()["data"]["errors"]);
    }
}

/// A body that is larger than any intent is not published again: RabbitMQ carries it away itself.
#[tokio::test]
async fn a_body_that_is_too_large_has_its_event_and_is_put_aside_by_rabbitmq() {
    let scenario = Scenario::with_neighbour().await;
    let (results, parked) = (scenario.results().await, scenario.parked().await);
    let worker = scenario.ready_worker().await;
    let neighbour = Neighbour::start(&scenario).await;
    let body = vec![b' '; 20 * 1024 * 1024];
    scenario.publish_raw(&body, properties("large")).await;
    let event = results.take(1, SOON).await.remove(0);
    let original = parked.take(1, SOON).await.remove(0);
    scenario.publish(&intent("good")).await;
    results.event_for("good", SOON).await;
    let (_, metrics) = worker.page("/metrics").await;
    neighbour.was_served().await;
    scenario.finish(worker).await;
    assert_eq!(event.event()["type"], "smartsend.intent.rejected");
    assert_eq!(event.event()["data"]["errors"][0]["field"], "body");
    assert_eq!(event.event()["data"]["intentId"], "intent-large");
    assert!(original.body == body);
    assert_eq!(original.header("x-first-death-reason").unwrap(), "rejected");
    assert_eq!(original.properties.message_id(), properties("large").message_id());
    let no_copy = "smartsend_publishes_total{kind=\"parked\",result=\"confirmed\"} 0";
    assert!(metrics.contains(no_copy), "{metrics}");
}

fn is_parked_as_it_came(original: &Message, number: usize, body: &[u8], errors: &Value) {
    assert_eq!(original.body, body);
    let sent = properties(&number.to_string());
    assert_eq!(original.properties.content_type(), sent.content_type());
    assert_eq!(original.properties.correlation_id(), sent.correlation_id());
    assert_eq!(original.properties.delivery_mode(), &Some(2));
    let sent = sent.headers().clone().unwrap();
    for (name, value) in sent.inner() {
        let kept = original.properties.headers().as_ref().unwrap().inner().get(name.as_str());
        assert_eq!(kept, Some(value), "{name}");
    }
    assert_eq!(original.header("x-smartsend-reason").unwrap(), "INVALID_INTENT");
    assert_eq!(original.header("x-smartsend-merchant").unwrap(), "default");
    let at = original.header("x-smartsend-parked-at").unwrap();
    assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    let reported = original.header("x-smartsend-errors").unwrap();
    assert_eq!(serde_json::from_str::<Value>(&reported).unwrap(), *errors);
}

/// `CC` would copy an intent to another merchant's queue on the way back, and a foreign `user_id`
/// would close the channel; `expiration` would lose it.
#[tokio::test]
async fn what_upstream_set_beside_the_intent_does_no_harm_on_the_way_back() {
    let scenario = Scenario::bare(&["default", "other"], json!({})).await;
    scenario.apply(&["--results-queue", "results"]).await;
    let user = format!("upstream-{}", scenario.vhost);
    scenario.node.ctl(&["add_user", &user, "pw"]).await;
    let vhost = &*scenario.vhost;
    scenario.node.ctl(&["set_permissions", "-p", vhost, &user, ".*", ".*", ".*"]).await;
    let uri = scenario.node.amqp_url(vhost).replace("guest:guest", &format!("{user}:pw"));
    let upstream = lapin::Connection::connect(&uri, lapin::ConnectionProperties::default());
    let upstream = upstream.await.unwrap();

    let results = scenario.results().await;
    scenario.provider.set_faults(json!({ "throttle": { "share": 1.0, "retry_after": "2" } })).await;
    let worker = scenario.ready_worker().await;
    let mut headers = FieldTable::default();
    let text = |text: &str| AMQPValue::LongString(text.into());
    let copies = lapin::types::FieldArray::from(vec![text("other")]);
    headers.insert("CC".into(), AMQPValue::FieldArray(copies));
    headers.insert("x-death".into(), AMQPValue::FieldArray(lapin::types::FieldArray::default()));
    let sent = BasicProperties::default()
        .with_user_id(user.as_str().into())
        .with_expiration("600000".into())
        .with_headers(headers);
    let body = intent("cc").to_string().into_bytes();
    crate::support::intents::publish_all(&upstream, "default", [(body, sent)]).await;
    // It is throttled and handed back again and again, until it is not.
    worker.handed_back("default").await;
    scenario.provider.set_faults(json!({})).await;
    let events = results.take(2, Duration::from_mins(1)).await;
    scenario.finish(worker).await;
    // Upstream's own copy is `other`'s, and nothing else.
    let mut merchants: Vec<_> =
        events.iter().map(|event| event.event()["data"]["merchant"].to_string()).collect();
    merchants.sort();
    assert_eq!(merchants, ["\"default\"", "\"other\""]);
    for event in events {
        assert_eq!(event.event()["data"]["recovered"], false);
    }
    assert_eq!(results.all().await.len(), 2);
    scenario.node.ctl(&["delete_user", &user]).await;
}
