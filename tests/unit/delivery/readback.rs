//! A link that a lookup has shown: it is what probes look up, and the next process learns of it.

use std::time::Duration;

use smartsend::admission::signal::{Signal, TripReason};
use smartsend::domain::classify::Denial;

use super::{Stand, seconds};
use crate::support::model::{Called, Door, Fault};

/// The references that were looked up so far.
fn looked_up(stand: &Stand) -> Vec<String> {
    let ledger = stand.scene.smart_send.ledger();
    let lookups = ledger.into_iter().filter(|request| request.called == Called::Lookup);
    lookups.map(|request| request.reference.unwrap()).collect()
}

/// Whether the next process would learn of the link that [`Stand::prove`] shows.
fn is_checkpointed(stand: &Stand) -> bool {
    let checkpoint = stand.scene.broker.checkpoint("default");
    checkpoint.is_some_and(|body| String::from_utf8_lossy(&body).contains(r#""shown":"shown""#))
}

/// An error says more of a reference that is there.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_probe_looks_up_a_link_that_was_shown_if_there_is_one() {
    for (is_shown, expected) in [(true, "shown"), (false, "smartsend-probe")] {
        let stand = Stand::usual().await;
        if is_shown {
            stand.prove();
        }
        let why = TripReason::Denied(Denial::Forbidden);
        stand.context.scheduler().record(None, Signal::Trip(why));
        seconds(60).await;
        assert_eq!(looked_up(&stand)[0], expected);
    }
}

/// The process may be killed at any moment.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_that_was_shown_is_in_the_checkpoint_at_once() {
    let stand = Stand::usual().await;
    seconds(1).await;
    assert!(!is_checkpointed(&stand));
    stand.prove();
    seconds(1).await;
    assert!(is_checkpointed(&stand));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_checkpoint_that_was_refused_is_published_again() {
    let stand = Stand::usual().await;
    stand.scene.broker.on_publish(Door::Checkpoint, [Fault::Refused]);
    stand.prove();
    seconds(9).await;
    assert!(!is_checkpointed(&stand));
    seconds(2).await;
    assert!(is_checkpointed(&stand), "no other link was shown, and there may never be one");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_that_is_not_shown_yet_is_looked_up_again_though_no_other_is_made() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| state.lag = Duration::from_mins(1));
    stand.settle("a").await;
    seconds(30).await;
    assert!(!stand.context.readback().evidence().is_given);
    seconds(5 * 60).await;
    assert!(stand.context.readback().evidence().is_given);
}

/// The link itself says whose it is, even where details shows no customer.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_that_is_shown_without_its_customer_is_known_by_itself() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| {
        state.prints = Some(|data| (data.mobile, data.email) = (None, None));
    });
    stand.settle("a").await;
    seconds(10).await;
    assert!(stand.context.readback().evidence().is_given);
}
