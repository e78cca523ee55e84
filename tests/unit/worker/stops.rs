//! What the log says of what a stop leaves.

use serde_json::json;

use super::*;
use crate::support::log_lines::watch;

const DRAIN_IS_OVER: &str = "shutdown.drain is over";

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_is_left_at_the_end_of_the_drain_is_named() {
    let (lines, _guard) = watch("warn");
    let (scene, process, running) = begin(&Settings::usual());
    scene.publish(MERCHANT, "first"); // closes the breaker, so that two creates go out at once
    seconds(10).await;
    scene.broker.set_shut(Door::Results, true);
    for reference in ["b", "a"] {
        scene.publish(MERCHANT, reference);
    }
    seconds(10).await;
    process.stopping.cancel();
    assert_eq!(running.await.unwrap(), 2);
    let said = lines.with(DRAIN_IS_OVER);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!((&said[0]["left"], &said[0]["references"]), (&json!(2), &json!("a b")));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stop_that_leaves_nothing_says_nothing_of_the_drain() {
    let (lines, _guard) = watch("warn");
    let (scene, process, running) = begin(&Settings::usual());
    scene.publish(MERCHANT, "a");
    seconds(10).await;
    process.stopping.cancel();
    assert_eq!(running.await.unwrap(), 0);
    assert_eq!(lines.with(DRAIN_IS_OVER), Vec::<serde_json::Value>::new());
}
