//! A replay that is killed, that loses RabbitMQ, or whose plan is old: nothing is lost, nothing is paid
//! twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use smartsend::config::Config;
use smartsend::parked::decision::{Decision, Judgement};
use smartsend::parked::message::Parked;
use smartsend::parked::plan::{Entry, Plan};
use smartsend::parked::progress::path_for;

use super::ground::{PARKED, Park, copies, json_of, park, reference_of, said};
use crate::support::amqp_proxy::{Act, AmqpProxy, Says, Seen, Way, When};
use crate::support::brake::Brake;
use crate::support::broker::Node;
use crate::support::intents::intent;
use crate::support::program::Program;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};

const INTENTS: &str = "smartsend.intents.default";

/// So many parked messages, and a plan that replays all of them, as it would be after their lookups.
async fn planned(scenario: &Scenario, count: usize, finished_at: Timestamp) -> (PathBuf, String) {
    let file = scenario.directory().join("smartsend.toml");
    let config = Config::read(Some(&file), std::iter::empty()).unwrap();
    let messages: Vec<_> =
        (0..count).map(|number| Park::new(&format!("p-{number}"), "REFUSED")).collect();
    let judgement =
        || Judgement { decision: Decision::Replay, evidence: "no link was found".into() };
    let entries = messages
        .iter()
        .map(|park| Entry::new(&Parked::read(&park.message(), &config), judgement()));
    let plan = (entries.collect(), 0);
    let plan = Plan::new(("smartsend", "asha"), finished_at, false, plan);
    let path = scenario.directory().join("plan.json");
    plan.write(&path).unwrap();
    park(scenario, messages).await;
    (path, format!("{}.{:02}", count * 10050 / 100, count * 10050 % 100))
}

#[expect(clippy::disallowed_methods, reason = "the command has the wall clock")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn apply<'a>(plan: &'a str, total: &'a str) -> [&'a str; 9] {
    ["parked", "replay", "--plan", plan, "--reason", "back", "--json", "--total", total]
}

/// The total of what is still to be published, as the command says it.
async fn total_left(scenario: &Scenario, plan: &str) -> String {
    let asked = scenario.command(&apply(plan, "none")).await;
    let said = said(&asked);
    let line =
        said.lines().find(|line| line.contains(" messages, ")).unwrap_or_else(|| panic!("{said}"));
    line.split(", ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

/// How many copies of each there are.
async fn counted(scenario: &Scenario) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for copy in copies(scenario, INTENTS).await {
        *counts.entry(reference_of(&copy.body)).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_killed_again_and_again_pays_each_once() {
    const COUNT: usize = 120;
    const KILLS: usize = 4;
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    // A link that lookups show: without one nothing is sent again.
    scenario.publish(&intent("first")).await;
    results.event_for("first", SOON).await;
    let (path, _) = planned(&scenario, COUNT, now()).await;
    let plan = path.display().to_string();
    let progress = path_for(&path);
    let lines = || std::fs::read_to_string(&progress).unwrap_or_default().lines().count();
    for _ in 0..KILLS {
        let total = total_left(&scenario, &plan).await;
        let before = lines();
        let log = scenario.directory().join("replay.log");
        let running = Program::start(&apply(&plan, &total), &scenario.environment(), log);
        until("some to be replayed", SOON, async || lines() > before + 15).await;
        running.kill().await;
    }
    let total = total_left(&scenario, &plan).await;
    let last = scenario.command(&apply(&plan, &total)).await;
    assert_eq!(last.status.code(), Some(0), "{}", said(&last));
    assert_eq!(json_of(&last)["left"], 0);
    assert_eq!(scenario.depth(PARKED).await, 0);

    for number in 0..COUNT {
        let event = results.event_for(&format!("p-{number}"), Duration::from_mins(2)).await;
        assert_eq!(event.event()["type"], "smartsend.link.created");
    }
    let mut made = BTreeMap::<String, usize>::new();
    for link in scenario.provider.links().await {
        *made.entry(link.reference).or_default() += 1;
    }
    assert_eq!(made.len(), COUNT + 1);
    assert!(made.values().all(|count| *count == 1), "{made:?}");
    until("nothing to be left", SOON, async || scenario.work_total().await == 0).await;
    scenario.finish(worker).await;
}

/// Cuts a connection once, at the frame with this number of those that `is_it` chooses.
async fn cutting(
    at: usize,
    is_it: impl Fn(&Seen<'_>) -> bool + Send + Sync + 'static,
) -> AmqpProxy {
    let seen = Arc::<AtomicUsize>::default();
    AmqpProxy::start(Node::shared().address(), &Brake::default(), move |frame: &Seen<'_>| {
        let is_it = frame.when == When::Before && is_it(frame);
        let is_last = is_it && seen.fetch_add(1, Ordering::Relaxed) + 1 == at;
        if is_last { Act::Cut } else { Act::Pass }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_loses_no_message_and_copies_only_what_was_not_confirmed() {
    const COUNT: usize = 40;
    let mut scenario = Scenario::new().await;
    let (path, total) = planned(&scenario, COUNT, now()).await;
    let plan = path.display().to_string();
    let direct = Node::shared().amqp_url(&scenario.vhost);
    let is_ack =
        |way: Way| move |seen: &Seen<'_>| seen.way == way && seen.frame.says() == Says::Ack;

    // A confirm is lost: the broker has the copy.
    let proxy = cutting(10, is_ack(Way::ToWorker)).await;
    scenario.set("broker.urls", &Node::url_at(proxy.port(), &scenario.vhost));
    let cut = scenario.command(&apply(&plan, &total)).await;
    assert_eq!(cut.status.code(), Some(3), "{}", said(&cut));
    assert!(said(&cut).contains("did not confirm"), "{}", said(&cut));
    assert!(said(&cut).contains("the same command goes on"), "{}", said(&cut));

    // An acknowledgement is lost: the message stays, though its copy was confirmed.
    let proxy = cutting(10, is_ack(Way::ToBroker)).await;
    scenario.set("broker.urls", &Node::url_at(proxy.port(), &scenario.vhost));
    let total = total_left(&scenario, &plan).await;
    let cut = scenario.command(&apply(&plan, &total)).await;
    assert_eq!(cut.status.code(), Some(3), "{}", said(&cut));

    scenario.set("broker.urls", &direct);
    let total = total_left(&scenario, &plan).await;
    let last = scenario.command(&apply(&plan, &total)).await;
    assert_eq!(last.status.code(), Some(0), "{}", said(&last));
    assert!(json_of(&last)["takenOffLate"].as_u64() >= Some(1), "{}", said(&last));
    assert_eq!(scenario.depth(PARKED).await, 0);
    let counts = counted(&scenario).await;
    assert_eq!(counts.len(), COUNT, "none is lost");
    // Only the one whose confirm was lost.
    assert_eq!(counts.values().sum::<usize>(), COUNT + 1, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_is_old_or_of_another_installation_does_nothing() {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.apply(&[]).await;
    let old = now() - Duration::from_mins(16);
    let (path, total) = planned(&scenario, 2, old).await;
    let plan = path.display().to_string();
    let stale = scenario.command(&apply(&plan, &total)).await;
    assert_eq!(stale.status.code(), Some(1));
    assert!(said(&stale).contains("more than 15 minutes ago"), "{}", said(&stale));
    scenario.set("broker.prefix", "other");
    let other = scenario.command(&apply(&plan, &total)).await;
    assert_eq!(other.status.code(), Some(2));
    assert!(said(&other).contains("the plan is for the prefix smartsend"), "{}", said(&other));
    assert_eq!(scenario.depth(PARKED).await, 2);
}
