//! `smartsend parked`: the real binary, RabbitMQ, the sandbox, and a worker.

mod attacks;
mod ground;
mod reconciled;

use std::collections::BTreeSet;

use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use serde_json::{Value, json};
use smartsend::actor::Actor;

use crate::support::intents::intent;
use crate::support::provider::Acted;
use crate::support::results::RESULTS;
use crate::support::scenario::Scenario;
use crate::support::waiting::{SOON, until};
use ground::{PARKED, Park, json_of, park, run, said};

#[tokio::test(flavor = "multi_thread")]
async fn a_list_counts_more_than_one_consumer_is_given_and_takes_nothing_off() {
    const REFUSED: usize = 1500;
    const UNSENT: usize = 700;
    let scenario = Scenario::bare(&["default", "second"], json!({})).await;
    scenario.apply(&[]).await;
    let refused = (0..REFUSED).map(|number| Park::new(&format!("r-{number}"), "REFUSED"));
    let unsent =
        (0..UNSENT).map(|number| Park::new(&format!("n-{number}"), "NOT_SENT").of("second"));
    let odd = Park::new("odd", "INVALID_INTENT").with_body(b"{");
    park(&scenario, refused.chain(unsent).chain([odd])).await;

    let listed = scenario.command(&["parked", "list", "--json", "--limit", "3"]).await;
    assert_eq!(listed.status.code(), Some(0), "{}", said(&listed));
    let json = json_of(&listed);
    let all = json!({
        "messages": 2201, "rupees": "221100.00", "unknownAmounts": 1, "commands": 0,
    });
    assert_eq!(json["all"], all);
    let rupees = |merchant: &str, reason: &str| {
        let groups = json["groups"].as_array().unwrap().iter();
        let mut groups = groups.filter(|it| it["merchant"] == merchant && it["reason"] == reason);
        groups.next().unwrap()["rupees"].clone()
    };
    assert_eq!(rupees("default", "REFUSED"), "150750.00");
    assert_eq!(rupees("second", "NOT_SENT"), "70350.00");
    assert_eq!(rupees("default", "INVALID_INTENT"), Value::Null);
    assert_eq!(
        (&json["messagesLeftOut"], &json["queue"]["complete"]),
        (&json!(2198), &json!(true))
    );
    assert!(said(&listed).contains("the list is cut"), "{}", said(&listed));
    assert_eq!(scenario.depth(PARKED).await, 2201);

    let some = ["parked", "list", "--merchant", "second", "--ref", "n-7", "--json"];
    assert_eq!(json_of(&scenario.command(&some).await)["all"]["rupees"], "100.50");
    let shown = scenario.command(&["parked", "show", "n-7"]).await;
    assert!(String::from_utf8_lossy(&shown.stdout).contains("NOT_SENT"));
    let absent = scenario.command(&["parked", "show", "n-7", "--merchant", "default"]).await;
    assert_eq!(absent.status.code(), Some(1), "{}", said(&absent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_says_what_somebody_else_has_taken() {
    let scenario = Scenario::new().await;
    park(&scenario, (0..20).map(|number| Park::new(&format!("r-{number}"), "REFUSED"))).await;
    let channel = scenario.connection.create_channel().await.unwrap();
    channel.basic_qos(5, BasicQosOptions::default()).await.unwrap();
    let (options, plain) = (BasicConsumeOptions::default(), FieldTable::default());
    let held = channel.basic_consume(PARKED.into(), "other".into(), options, plain).await.unwrap();
    until("the other to have its fill", SOON, async || scenario.depth(PARKED).await == 15).await;
    let listed = scenario.command(&["parked", "list", "--json"]).await;
    assert_eq!(listed.status.code(), Some(3), "{}", said(&listed));
    let json = json_of(&listed);
    assert_eq!(json["all"]["messages"], 15);
    assert_eq!(json["queue"]["otherConsumers"], 1);
    assert_eq!(json["queue"]["complete"], false);
    assert!(said(&listed).contains("1 others read the parked queue"), "{}", said(&listed));
    drop(held);
}

/// One whose link exists, one that was refused, one that cannot be read, one that came back twice,
/// one that moves.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_looked_up_asked_back_carried_out_once_and_followed() {
    let scenario = Scenario::new().await;
    let results = scenario.results().await;
    let worker = scenario.ready_worker().await;
    scenario.publish(&intent("linked")).await;
    results.event_for("linked", SOON).await;
    let twice = Park::new("twice", "REFUSED").replayed(2);
    let odd = Park::new("odd", "INVALID_INTENT").with_body(b"{");
    let all = [Park::new("moves", "NOT_SENT"), Park::new("linked", "OUTCOME_UNKNOWN")];
    let all = all.into_iter().chain([Park::new("refused", "REFUSED"), twice, odd]);
    park(&scenario, all).await;

    let file = scenario.directory().join("plan.json").display().to_string();
    let dry_run = ["parked", "replay", "--dry-run", "--out", &file];
    let planned = scenario.command(&dry_run).await;
    assert_eq!(planned.status.code(), Some(0), "{}", said(&planned));
    let plan: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let decision = |name: &str| {
        let mut entries = plan["entries"].as_array().unwrap().iter();
        let entry = entries.find(|entry| entry["merchantRefId"] == *name).unwrap();
        (entry["decision"].as_str().unwrap(), entry["evidence"].as_str().unwrap())
    };
    assert!(decision("linked").1.contains("its link exists"), "{plan}");
    assert!(decision("refused").1.contains("no link was found"), "{plan}");
    assert_eq!(decision("twice").0, "refuse");
    assert_eq!(plan["toReplay"], json!({ "messages": 3, "rupees": "301.50" }));
    assert_eq!(plan["entries"].as_array().unwrap().len(), 5);
    assert_eq!(scenario.command(&dry_run).await.status.code(), Some(2), "it is never replaced");
    let other = scenario.directory().join("other.json").display().to_string();
    let named = ["parked", "replay", "--dry-run", "--ref", "refused", "--ref", "gone", "--out"];
    let partly = run(&scenario, &named, &other).await;
    assert_eq!(partly.status.code(), Some(1), "{}", said(&partly));
    assert!(said(&partly).contains("what the other options ask for: gone;"), "{}", said(&partly));
    assert_eq!(scenario.depth(PARKED).await, 5);

    ground::take(&scenario, "moves").await;
    let apply = ["parked", "replay", "--plan", &file, "--reason", "PayU is back", "--json"];
    let with = |more: &[&'static str]| [&apply[..], more].concat();
    let wrong = scenario.command(&with(&["--total", "301.49"])).await;
    assert_eq!(wrong.status.code(), Some(1));
    assert!(said(&wrong).contains("nothing was replayed"), "{}", said(&wrong));
    let applied = scenario.command(&with(&["--total", "301.50", "--follow"])).await;
    assert_eq!(applied.status.code(), Some(1), "one has moved: {}", said(&applied));
    let json = json_of(&applied);
    assert_eq!((&json["replayed"], &json["moved"]), (&json!(2), &json!(["moves"])));
    assert_eq!((&json["ends"]["links"], &json["ends"]["waiting"]), (&json!(2), &json!(0)));
    assert!(worker.log().contains("\"note\":\"PayU is back\""), "{}", worker.program.tail());
    let line =
        format!("replayed refused of default, 100.50 rupees, {}", ground::by("PayU is back"));
    assert!(said(&applied).contains(&line), "{}", said(&applied));
    let again = scenario.command(&with(&["--total", "0.00"])).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&again).contains("a plan is carried out once"), "{}", said(&again));

    for reference in ["linked", "refused"] {
        assert_eq!(scenario.provider.links_of(reference).await.len(), 1, "{reference}");
    }
    let missing = scenario.provider.try_act("1111310", "moves", "claim").await;
    assert_eq!(missing, Acted::NoLink);
    let left: BTreeSet<_> = ground::references(&scenario).await.into_iter().collect();
    assert_eq!(left, BTreeSet::from(["?".to_owned(), "twice".to_owned()]));
    scenario.finish(worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_can_be_let_through_to_see_and_a_third_replay_is_asked_for() {
    let scenario = Scenario::new().await;
    let twice = |reference: &str| Park::new(reference, "REFUSED").replayed(2);
    park(&scenario, [twice("a"), twice("b")]).await;
    let file = scenario.directory().join("plan.json").display().to_string();
    let planned = scenario
        .command(&["parked", "replay", "--dry-run", "--again", "--out", &file, "--code", "REFUSED"])
        .await;
    assert_eq!(planned.status.code(), Some(0), "{}", said(&planned));
    let apply = ["parked", "replay", "--plan", &file, "--reason", "try", "--limit", "1"];
    let one = [&apply[..], &["--total", "100.50"]].concat();
    let first = scenario.command(&one).await;
    assert_eq!(first.status.code(), Some(3), "{}", said(&first));
    assert_eq!(String::from_utf8_lossy(&first.stdout), "1 replayed, 1 left\n");
    let copies = ground::copies(&scenario, "smartsend.intents.default").await;
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    for (name, value) in [
        ("x-smartsend-replays", "3"),
        ("x-smartsend-state", "in-doubt"),
        ("x-smartsend-waited", "0"),
        ("x-smartsend-quarantined", "0"),
        ("x-smartsend-note", "try"),
        ("x-smartsend-actor", Actor::of_process(None).user()),
    ] {
        assert_eq!(copy.header(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(copy.properties.user_id().as_ref().unwrap().as_str(), "guest");
    assert_eq!(copy.properties.message_id().as_ref().unwrap().as_str(), "intent-a");
    let second = scenario.command(&one).await;
    assert_eq!(second.status.code(), Some(0), "{}", said(&second));
    assert_eq!(scenario.depth(PARKED).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_can_be_fetched_back_with_who_and_why() {
    let scenario = Scenario::new().await;
    let odd = Park::new("odd", "INVALID_INTENT").with_body(b"{");
    park(&scenario, [Park::new("a", "REFUSED"), Park::new("b", "REFUSED"), odd]).await;
    let discard = ["parked", "discard", "a", "--reason", "paid by hand", "--total"];
    let wrong = run(&scenario, &discard, "1.00").await;
    assert_eq!(wrong.status.code(), Some(1), "{}", said(&wrong));
    assert_eq!(scenario.depth(PARKED).await, 3);
    let unasked = scenario.command(&discard[..5]).await;
    assert_eq!(unasked.status.code(), Some(2), "{}", said(&unasked));
    assert!(said(&unasked).contains("gives it as --total 100.50"), "{}", said(&unasked));
    assert_eq!(scenario.depth(PARKED).await, 3);
    let with_another = ["parked", "discard", "a", "gone", "--reason", "paid by hand", "--total"];
    let done = run(&scenario, &with_another, "100.50").await;
    assert_eq!(done.status.code(), Some(1), "one is not there: {}", said(&done));
    assert!(said(&done).contains("what the other options ask for: gone;"), "{}", said(&done));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "1 discarded, 100.50 rupees\n");
    let listed = json_of(&scenario.command(&["parked", "list", "--json"]).await);
    let messages = listed["messages"].as_array().unwrap();
    let odd = messages.iter().find(|it| it["reason"] == "INVALID_INTENT").unwrap();
    let id = odd["id"].as_str().unwrap().to_owned();
    let by_id = ["parked", "discard", "--id", &id, "--reason", "paid by hand", "--total"];
    let done = run(&scenario, &by_id, "0.00").await;
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    assert!(said(&done).contains("the rupees of 1 of them are unknown"), "{}", said(&done));
    assert_eq!(run(&scenario, &discard, "100.50").await.status.code(), Some(1), "it is gone");

    assert_eq!(ground::references(&scenario).await, ["b"]);
    let discarded = ground::copies(&scenario, "smartsend.discarded").await;
    assert_eq!(discarded.len(), 2);
    assert_eq!(discarded[0].header("x-smartsend-reason").as_deref(), Some("REFUSED"));
    for message in discarded {
        assert_eq!(message.header("x-smartsend-note").as_deref(), Some("paid by hand"));
        let at = message.header("x-smartsend-acted-at").unwrap();
        assert!(at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn submit_and_cancel_say_who_and_why_too() {
    let mut scenario = Scenario::bare(&["default"], json!({})).await;
    scenario.set("merchants.default.commands_per_second", "100");
    scenario.apply(&["--results-queue", RESULTS]).await;
    let file = scenario.directory().join("pay.csv");
    std::fs::write(
        &file,
        "merchantRefId,amount,description,custName,custMobile\na,1,x,A,9999999999\n",
    )
    .unwrap();
    let file = file.display().to_string();
    let submit = ["submit", &file, "--yes", "--reason", "refunds of May"];
    let submitted = scenario.command(&submit).await;
    assert!(submitted.status.success(), "{}", said(&submitted));
    let cancel = ["cancel", "a", "--reason", "wrong one", "--timeout", "1s"];
    assert_eq!(scenario.command(&cancel).await.status.code(), Some(3));
    for (queue, note) in [
        ("smartsend.intents.default", "refunds of May"),
        ("smartsend.commands.default", "wrong one"),
    ] {
        let copies = ground::copies(&scenario, queue).await;
        assert_eq!(copies[0].header("x-smartsend-note").as_deref(), Some(note), "{queue}");
        let user = copies[0].header("x-smartsend-actor");
        assert_eq!(user.as_deref(), Some(Actor::of_process(None).user()), "{queue}");
    }
}
