//! How late lookups show links, measured by requests to spare.

use serde_json::{Value as Json, json};

use super::*;
use crate::support::log_lines::watch;

fn figures(process: &Process) -> Json {
    process.status.snapshot()["merchants"][MERCHANT]["lookup_lag"].clone()
}

async fn made(scene: &Scene, links: std::ops::Range<u32>) {
    for number in links {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(20).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_link_in_a_hundred_is_looked_up_until_it_is_shown() {
    let (scene, process, running) = begin(&Settings::usual());
    scene.smart_send.set(|state| state.lag = Duration::from_secs(3));
    made(&scene, 0..99).await;
    let lookups = scene.smart_send.count(Called::Lookup);
    assert_eq!(figures(&process), Json::Null);
    made(&scene, 99..100).await;
    assert_eq!(scene.smart_send.count(Called::Lookup) - lookups, 4, "after 0.5, 1, 2 and 4 s");
    let expected = json!({
        "links": 1, "median_seconds": 4.0, "p99_seconds": 4.0, "longest_seconds": 4.0,
        "not_shown": 0,
    });
    assert_eq!(figures(&process), expected);

    // The next process goes on with the figures.
    process.stopping.cancel();
    running.await.unwrap();
    let next = scene.process(Life::long());
    let running = tokio::spawn(next.worker(MERCHANT, &Settings::usual()).run());
    made(&scene, 100..110).await;
    assert_eq!(figures(&next), expected);
    next.stopping.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_that_is_never_shown_is_counted_as_such() {
    let (scene, process, _running) = begin(&Settings::usual());
    scene.smart_send.set(|state| state.blind = true);
    made(&scene, 0..100).await;
    seconds(310).await;
    let figures = figures(&process);
    assert_eq!((&figures["links"], &figures["not_shown"]), (&json!(1), &json!(1)));
    assert_eq!(figures["longest_seconds"], Json::Null);
    process.stopping.cancel();
}

/// A backlog has no request to spare, and a lookup that had to wait would find the link late.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_backlog_is_not_held_up_and_says_nothing_of_the_lag() {
    let (scene, process, _running) = begin(&Settings::usual());
    for number in 0..600 {
        scene.publish(MERCHANT, &format!("a{number}"));
    }
    seconds(62).await;
    assert_eq!(created(&scene), 600);
    assert!(scene.smart_send.count(Called::Lookup) < 10);
    seconds(60).await;
    let links = figures(&process)["links"].as_u64().unwrap_or(0);
    assert!(links <= 1, "only the last one is made when there are requests to spare: {links}");
    process.stopping.cancel();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_figures_are_logged_once_a_day() {
    let (lines, _guard) = watch("info");
    let (scene, process, _running) = begin(&Settings::usual());
    let summed_up = || lines.with("how late lookups show links").len();
    made(&scene, 0..100).await;
    made(&scene, 100..200).await;
    assert_eq!(summed_up(), 0, "there is nothing to sum up on the first day");
    for day in 1_u32..=2 {
        seconds(86_400).await;
        made(&scene, day * 200..day * 200 + 100).await;
        made(&scene, day * 200 + 100..day * 200 + 200).await;
        assert_eq!(summed_up(), day as usize, "{}", lines.text());
    }
    let last = lines.with("how late lookups show links").pop().unwrap();
    assert_eq!((&last["merchant"], &last["links"]), (&json!(MERCHANT), &json!(5)));
    process.stopping.cancel();
}
