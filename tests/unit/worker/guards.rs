//! The guards: on who may publish, and on how much is paid.

use serde_json::Value as Json;
use smartsend::domain::amount::Amount;
use smartsend::domain::publisher_guard::{PublisherGuard, SigningKey};
use smartsend::domain::record::headers::Value;
use smartsend::domain::spending::SpendLimits;
use smartsend::ports::{Headers, Properties};

use super::*;
use crate::support::model::{Message, body};

/// Of intents of 100.50 rupees each.
fn hourly(limit: &str) -> Settings {
    let per_hour = Some(Amount::parse(limit).unwrap());
    Settings { spend_limits: SpendLimits { per_hour, per_day: None }, ..Settings::usual() }
}

fn reasons(process: &Process) -> String {
    process.status.reasons().join("\n")
}

fn metric(process: &Process, series: &str) -> String {
    let text = process.metrics.render();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{series} is not in {text}")).to_owned()
}

const USED: &str = r#"smartsend_guard_rupees{merchant="default",window="hour",kind="used"}"#;

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn at_the_limit_nothing_new_starts_and_nothing_fails() {
    let (scene, process, running) = begin(&hourly("1000"));
    for number in 0..30 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(60).await;
    assert_eq!(scene.smart_send.count(Called::Create), 9, "904.50 rupees");
    assert_eq!(created(&scene), 9);
    let why = reasons(&process);
    assert!(
        why.contains(
            "max_per_hour is reached: 904.50 of 1000.00 rupees are spent, and 100.50 more"
        ),
        "{why}"
    );
    assert!(why.contains("nothing new is started until"), "{why}");
    assert_eq!(metric(&process, USED), "904.5");
    let limit = r#"smartsend_guard_rupees{merchant="default",window="hour",kind="limit"}"#;
    assert_eq!(metric(&process, limit), "1000.0");
    let status = process.status.snapshot();
    assert_eq!(status["merchants"][MERCHANT]["spend_limit"]["key"], "max_per_hour");

    // It waits on the queue, and does not get older.
    seconds(3500).await;
    assert_eq!(scene.smart_send.count(Called::Create), 9);
    seconds(120).await;
    assert_eq!(created(&scene), 18, "{}", reasons(&process));
    seconds(2 * 3700).await;
    assert_eq!(created(&scene), 30);
    assert_eq!(scene.broker.parked().len(), 0);
    assert_eq!(reasons(&process), "");
    seconds(3700).await;
    assert_eq!(metric(&process, USED), "0.0", "it follows the time, though nothing is created");
    process.stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
}

/// A reference counts once, however often it is sent, and what was not sent or made nothing new does
/// not count.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn only_what_may_have_been_paid_counts_and_once() {
    let (scene, process, running) = begin(&hourly("1000"));
    scene.publish(MERCHANT, "first");
    seconds(5).await;
    assert_eq!(metric(&process, USED), "100.5");

    scene.smart_send.on_create([
        Act::Show(CallResult::NotSent(NotSent::Connect)),
        Act::Show(CallResult::NotSent(NotSent::Connect)),
    ]);
    scene.publish(MERCHANT, "unsent");
    seconds(30).await;
    assert_eq!(created(&scene), 2);
    assert_eq!(metric(&process, USED), "201.0");

    scene.smart_send.on_create([Act::LoseRequest]);
    scene.publish(MERCHANT, "lost");
    seconds(600).await;
    assert_eq!(created(&scene), 3, "it was sent twice");
    assert_eq!(metric(&process, USED), "301.5");

    // Long after: the provider refuses the second create of a reference.
    seconds(600).await;
    scene.publish(MERCHANT, "first");
    seconds(30).await;
    assert_eq!(metric(&process, USED), "301.5");
    process.stopping.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_restart_neither_forgets_nor_doubles_what_was_spent() {
    let settings = hourly("1000");
    let (scene, process, running) = begin(&settings);
    let note = process.status.notes();
    assert!(note.is_empty(), "nothing is known before it is active: {note:?}");
    for number in 0..6 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(5).await;
    let note = process.status.notes().join("\n");
    assert!(note.contains("max_per_hour counts from now on, so as much again"), "{note}");
    process.stopping.cancel();
    running.await.unwrap();

    let next = scene.process(Life::long());
    let running = tokio::spawn(next.worker(MERCHANT, &settings).run());
    for number in 6..30 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(60).await;
    assert_eq!(created(&scene), 9);
    assert_eq!(metric(&next, USED), "904.5");
    assert!(reasons(&next).contains("max_per_hour is reached"), "{}", reasons(&next));
    assert_eq!(next.status.notes(), [""; 0]);
    next.stopping.cancel();
    running.await.unwrap();
}

/// It may have been sent, and counts as an attempt; but nobody has counted its money.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_a_killed_process_had_in_flight_counts_when_it_is_sent() {
    let (scene, process, _running) = begin(&hourly("1000"));
    scene.publish(MERCHANT, "shown");
    seconds(20).await;
    for number in 0..20 {
        let message = Message::from_upstream(body(&format!("a{number}")), Properties::default());
        scene.broker.push(MERCHANT, Message { redelivered: true, count: 1, ..message });
    }
    seconds(1800).await;
    assert_eq!(created(&scene), 9, "{}", reasons(&process));
    assert!(reasons(&process).contains("max_per_hour is reached"));
    process.stopping.cancel();
}

/// The other one becomes the active consumer as soon as a limit is reached here.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_standby_does_not_spend_the_limit_once_more() {
    let settings = hourly("1000");
    let scene = Scene::new(3);
    let processes = [scene.process(Life::long()), scene.process(Life::long())];
    for process in &processes {
        tokio::spawn(process.worker(MERCHANT, &settings).run());
    }
    for number in 0..30 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(3000).await;
    assert_eq!(scene.smart_send.count(Called::Create), 9);
    for process in &processes {
        assert!(reasons(process).contains("max_per_hour is reached"), "{}", reasons(process));
    }
    seconds(900).await;
    assert_eq!(created(&scene), 18);
    seconds(2 * 3700).await;
    assert_eq!(created(&scene), 30);
    for process in &processes {
        process.stopping.cancel();
    }
}

/// What an hour of a wrong clock would empty holds all the same.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_clock_that_jumps_frees_nothing() {
    let (scene, process, _running) = begin(&hourly("1000"));
    for number in 0..30 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(30).await;
    scene.clock.jump_wall(SignedDuration::from_hours(2));
    seconds(1000).await;
    assert_eq!(created(&scene), 9);
    process.stopping.cancel();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stranger_s_message_is_rejected_and_parked_and_never_sent() {
    let key = SigningKey::new(b"a key of sixteen or more");
    let publisher_guard =
        PublisherGuard { publishers: vec!["upstream".to_owned()], signing_keys: vec![key.clone()] };
    let settings = Settings { publisher_guard, ..Settings::usual() };
    let (scene, process, running) = begin(&settings);
    let message = |reference: &str, user_id: Option<&str>, signed: bool| {
        let body = body(reference);
        let id = format!("{reference}-1");
        let properties = Properties { message_id: Some(id.clone()), ..Properties::default() };
        let mut message = Message::from_upstream(body.clone(), properties);
        message.user_id = user_id.map(ToOwned::to_owned);
        if signed {
            let signature = Value::Text(key.sign(MERCHANT, &id, body.as_bytes()));
            message.headers = Headers::from([("signature".to_owned(), signature)]);
        }
        message
    };
    scene.smart_send.on_create([
        Act::Show(CallResult::NotSent(NotSent::Connect)),
        Act::Show(CallResult::NotSent(NotSent::Connect)),
        Act::Show(CallResult::NotSent(NotSent::Connect)),
    ]);
    scene.broker.push(MERCHANT, message("good", Some("upstream"), true));
    scene.broker.push(MERCHANT, message("nobody", None, true));
    scene.broker.push(MERCHANT, message("stranger", Some("somebody"), true));
    scene.broker.push(MERCHANT, message("unsigned", Some("upstream"), false));
    seconds(60).await;
    // The good one went through a retry queue, as a copy by the worker's own login.
    assert_eq!(created(&scene), 1);
    let codes = scene.broker.results().into_iter().map(|event| {
        let json: Json = serde_json::from_slice(&event.body).unwrap();
        let code = json["data"]["reason"]["code"].as_str().unwrap_or("-").to_owned();
        (json["subject"].as_str().unwrap().to_owned(), code)
    });
    let mut codes: Vec<_> = codes.collect();
    codes.sort();
    let expected = [
        ("good", "-"),
        ("nobody", "NOT_ALLOWED"),
        ("stranger", "NOT_ALLOWED"),
        ("unsigned", "NOT_SIGNED"),
    ];
    assert_eq!(codes, expected.map(|(who, code)| (who.to_owned(), code.to_owned())));
    let parked = scene.broker.parked();
    assert_eq!(parked.len(), 3);
    assert!(parked.iter().all(|copy| !copy.headers.contains_key("record")));
    // Its signature stays with it, for whoever publishes it again.
    assert!(parked[0].headers.contains_key("signature"));
    process.stopping.cancel();
    running.await.unwrap();
}
