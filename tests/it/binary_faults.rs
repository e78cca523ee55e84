//! The faults of the transport F22 and F26 (see the test target `unit`) on the real binary, with a
//! real broker.

use std::time::Duration;

use serde_json::json;

use crate::support::intents::intent;
use crate::support::matrix::Line;
use crate::support::payu::{Act, Asked, Kind, Payu};
use crate::support::raw_server::{RawServer, Step, answer};
use crate::support::results::RESULTS;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

const PROXIES: [&str; 5] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"];

fn proxy() -> RawServer {
    RawServer::answering(|_, _| answer("200 OK", "", "by the proxy"))
}

/// An installation whose worker calls this provider by this API.
async fn scenario_at(payu: &Payu, api: &str) -> Scenario {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.set("merchants.default.api", api);
    scenario.set("merchants.default.api_url", &payu.server().url("/payout"));
    scenario.set("merchants.default.auth_url", &payu.server().url("/oauth/token"));
    scenario.apply(&["--results-queue", RESULTS]).await;
    scenario
}

#[tokio::test]
async fn f22_a_proxy_in_the_environment_is_ignored_by_the_binary() {
    let mut line = Line::new("F22 proxy, real binary, v2");
    let (payu, proxy) = (Payu::good(), proxy());
    let mut scenario = scenario_at(&payu, "v2").await;
    for name in PROXIES {
        scenario.set_variable(name, &proxy.url(""));
    }
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("straight")).await;
    let event = results.event_for("straight", SOON).await.event();
    scenario.finish(worker).await;
    assert_eq!(event["data"]["link"], payu.links("straight")[0].url);
    assert_eq!((payu.count(Kind::Create), payu.links("straight").len()), (1, 1));
    assert_eq!(proxy.log().opened, 0);
    line.at(&payu, PROXIES.len(), 1);
    line.show();
}

#[tokio::test]
async fn f26_a_process_that_is_suspended_in_a_call_looks_before_it_sends() {
    let mut line = Line::new("F26 suspended, real binary, v1");
    let script = |asked: &Asked| match (asked.kind, asked.nth, asked.reference.as_str()) {
        (Kind::Create, 0, "made") => Act::MakeThen(vec![Step::Stall]),
        (Kind::Create, 0, "unmade") => Act::Only(vec![Step::Stall]),
        _ => Act::Serve,
    };
    let payu = Payu::scripted(script);
    let scenario = scenario_at(&payu, "v1").await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("first")).await;
    let proven = async || !payu.asked(Kind::Lookup, "first").is_empty();
    until("details to show the first link", SOON, proven).await;
    scenario.publish_many([intent("made"), intent("unmade")]).await;
    let sends = |reference| payu.asked(Kind::Create, reference);
    until("both creates", SOON, async || sends("made").len() + sends("unmade").len() == 2).await;
    worker.program.signal("STOP").await;
    // Longer than the call's timeout, and than the broker waits for heartbeats.
    tokio::time::sleep(Duration::from_secs(4)).await;
    worker.program.signal("CONT").await;
    let made = results.event_for("made", SOON).await.event();
    let unmade = results.event_for("unmade", SOON).await.event();
    scenario.finish(worker).await;
    for (event, reference) in [(&made, "made"), (&unmade, "unmade")] {
        assert_eq!(event["type"], "smartsend.link.created", "{event}");
        let links = payu.links(reference);
        assert_eq!((links.len(), &event["data"]["link"]), (1, &json!(links[0].url)));
    }
    assert_eq!((&made["data"]["recovered"], sends("made").len()), (&json!(true), 1));
    let unmade = sends("unmade");
    assert_eq!(unmade.len(), 2);
    let gap = unmade[1].duration_since(unmade[0]);
    assert!(gap >= Duration::from_secs(5), "{gap:?}"); // the quarantine
    line.at(&payu, 2, 3);
    line.show();
}
