//! What an intent becomes when nothing goes wrong, or nothing but the intent.

use serde_json::{Value, json};

use crate::support::intents::{TRACEPARENT, intent, intent_with};
use crate::support::results::Message;
use crate::support::scenario::Scenario;
use crate::support::waiting::SOON;

/// The event without what no test can know beforehand.
fn timeless(message: &Message) -> Value {
    let mut event = message.event();
    let time = event["time"].as_str().unwrap();
    let parsed: jiff::Timestamp = time.parse().unwrap();
    assert_eq!(parsed.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), time);
    event.as_object_mut().unwrap().remove("time");
    event
}

#[tokio::test]
async fn an_intent_becomes_a_link_and_an_event_by_the_contract() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    let of_v2 = json!({ "expiryDate": "2100-12-01T05:30:00+05:30", "disableApprovalFlow": true });
    scenario.publish(&intent_with("order-8841-r1", &of_v2)).await;
    let message = results.event_for("order-8841-r1", SOON).await;
    scenario.finish(worker).await;

    let ledger = scenario.provider.ledger().await;
    let links = ledger["links"].as_array().unwrap();
    assert_eq!(links.len(), 1);
    assert_eq!(links[0]["amount"], "100.50");
    // The ids are those of the contract, section 4.
    let expected = json!({
        "specversion": "1.0",
        "id": "aadb5ff6-b374-591e-9681-ae73e85114a3",
        "source": "urn:smartsend:1111310:default",
        "type": "smartsend.link.created",
        "subject": "order-8841-r1",
        "datacontenttype": "application/json",
        "traceparent": TRACEPARENT,
        "tracestate": "vendor=1",
        "data": {
            "merchant": "default",
            "merchantRefId": "order-8841-r1",
            "intentId": "intent-order-8841-r1",
            "amount": "100.50",
            "description": "Refund for order 8841",
            "custName": "Asha Rao",
            "custMobile": "9999999999",
            "custEmail": "asha@example.com",
            "metadata": { "orderId": "8841" },
            "link": links[0]["link"],
            "linkId": links[0]["link_id"],
            "expiryDate": "2100-12-01T00:00:00.000Z",
            "approval": "unknown",
            "recovered": false,
            "attempts": 1,
        },
    });
    assert_eq!(timeless(&message), expected);
    assert_eq!(results.all().await.len(), 1);
    properties_keep_the_contract(&message, "aadb5ff6-b374-591e-9681-ae73e85114a3");
}

fn properties_keep_the_contract(message: &Message, id: &str) {
    let properties = &message.properties;
    let text = |text: &Option<lapin::types::ShortString>| text.as_ref().unwrap().to_string();
    assert_eq!(message.routing_key, "link.created.default");
    assert_eq!(text(properties.content_type()), "application/cloudevents+json");
    assert_eq!(text(properties.message_id()), id);
    assert_eq!(text(properties.correlation_id()), "saga-order-8841-r1");
    assert_eq!(text(properties.kind()), "smartsend.link.created");
    assert_eq!(text(properties.app_id()), "smartsend");
    assert_eq!(properties.delivery_mode(), &Some(2));
    let time: jiff::Timestamp = message.event()["time"].as_str().unwrap().parse().unwrap();
    assert_eq!(properties.timestamp().unwrap(), u64::try_from(time.as_second()).unwrap());
    assert_eq!(message.header("traceparent").unwrap(), TRACEPARENT);
    assert_eq!(message.header("tracestate").unwrap(), "vendor=1");
    let names: Vec<_> = properties.headers().as_ref().unwrap().inner().keys().collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// Its links have no date of their own, and it takes none.
#[tokio::test]
async fn an_intent_becomes_a_link_by_v1_too() {
    let mut scenario = Scenario::new().await;
    scenario.set("merchants.default.api", "v1");
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    let dated = json!({ "expiryDate": "2100-12-01T00:00:00Z" });
    scenario.publish_many([intent("plain"), intent_with("dated", &dated)]).await;
    let plain = results.event_for("plain", SOON).await.event();
    let dated = results.event_for("dated", SOON).await.event();
    scenario.finish(worker).await;
    let links = scenario.provider.ledger().await["links"].clone();
    assert_eq!((links.as_array().unwrap().len(), &links[0]["api"]), (1, &json!("v1")));
    assert_eq!(plain["data"]["link"], links[0]["link"]);
    assert_eq!(plain["data"].get("expiryDate"), None, "{plain}");
    assert_eq!(dated["data"]["reason"]["code"], "INVALID_INTENT", "{dated}");
}

#[tokio::test]
async fn an_intent_published_twice_becomes_one_link_and_the_same_event() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    let (first, second) = (intent("twice"), intent("twice"));
    scenario.publish_many([first, second]).await;
    let messages = results.take(2, SOON).await;
    scenario.finish(worker).await;
    assert_eq!(scenario.provider.links_of("twice").await.len(), 1);
    assert_eq!(scenario.provider.requests_for("create", "twice").await.len(), 1);
    let [mut first, mut second] = [timeless(&messages[0]), timeless(&messages[1])];
    for event in [&mut first, &mut second] {
        let data = event["data"].as_object_mut().unwrap();
        for may_differ in ["recovered", "attempts", "linkId"] {
            data.remove(may_differ);
        }
    }
    assert_eq!(first, second);
    assert_eq!(messages[0].properties.message_id(), messages[1].properties.message_id());
}

#[tokio::test]
async fn a_code_that_depends_on_the_intent_alone_fails_it() {
    let faults = json!({ "reject": { "share": 1.0, "code": 1101 } });
    let scenario = Scenario::with_faults(faults).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("rejected")).await;
    let message = results.event_for("rejected", SOON).await;
    scenario.finish(worker).await;
    let reason = json!({
        "code": "INVALID_MERCHNAT_REF_ID",
        "providerCode": 1101,
        "message": "the provider does not accept this reference",
    });
    assert_eq!(message.event()["data"]["reason"], reason);
    assert_eq!(message.routing_key, "link.failed.default");
    assert_eq!(scenario.depth("smartsend.parked").await, 0);
    assert_eq!(scenario.provider.requests_for("create", "rejected").await.len(), 1);
}

#[tokio::test]
async fn an_intent_above_the_largest_amount_is_parked_and_not_sent() {
    let scenario = Scenario::new().await;
    let (results, parked) = (scenario.results().await, scenario.parked().await);
    let worker = scenario.ready_worker().await;
    let intent = intent_with("big", &json!({ "amount": "200000.01" }));
    scenario.publish(&intent).await;
    let message = results.event_for("big", SOON).await;
    let parked = parked.take(1, SOON).await;
    scenario.finish(worker).await;
    assert_eq!(message.routing_key, "link.unresolved.default");
    assert_eq!(message.event()["data"]["reason"]["code"], "OVER_LIMIT");
    assert_eq!(parked[0].header("x-smartsend-reason").unwrap(), "OVER_LIMIT");
    assert_eq!(parked[0].header("x-smartsend-merchant").unwrap(), "default");
    assert_eq!(parked[0].body, intent.to_string().into_bytes());
    assert_eq!(scenario.provider.requests("create").await, 0);
}

#[tokio::test]
async fn a_sandbox_merchant_takes_links_on_any_host() {
    let scenario = Scenario::with_faults(json!({ "foreign_link": 1.0 })).await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("elsewhere")).await;
    let message = results.event_for("elsewhere", SOON).await;
    scenario.finish(worker).await;
    assert_eq!(message.event()["type"], "smartsend.link.created");
    let links = scenario.provider.links_of("elsewhere").await;
    assert_eq!(message.event()["data"]["link"], *links[0]);
}
