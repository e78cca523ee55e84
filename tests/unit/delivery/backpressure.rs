//! While anything refuses messages no call begins.

use smartsend::worker::Settled;

use super::{Stand, message, seconds};
use crate::support::log_lines::watch;
use crate::support::model::{Called, Door, Message};

async fn assert_no_create_begins(stand: &mut Stand) {
    let sent = stand.scene.smart_send.count(Called::Create);
    let next = stand.start("next").await;
    seconds(20).await;
    assert_eq!(stand.scene.smart_send.count(Called::Create), sent);
    assert!(!next.is_finished());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_one_of_them_refuses_is_waited_for_when_another_accepts_again() {
    for (door, message) in [
        (Door::Results, message("a")),
        (Door::Retries, Message { redelivered: true, count: 50, ..message("a") }),
        (Door::Parked, Message { body: "no intent".into(), ..message("a") }),
    ] {
        let mut stand = Stand::usual().await;
        stand.scene.broker.set_shut(door, true);
        let refused = stand.start_message(message).await;
        seconds(5).await;
        stand.context.set_blocked(true);
        stand.context.set_blocked(false);
        assert_no_create_begins(&mut stand).await;
        assert!(!refused.is_finished(), "{door:?}");
        stand.scene.broker.set_shut(door, false);
        assert_ne!(refused.await.unwrap(), Settled::Abandoned);
        seconds(20).await;
        assert_eq!(stand.scene.smart_send.links("next").len(), 1, "{door:?}");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn while_the_connection_is_blocked_no_create_begins() {
    let mut stand = Stand::usual().await;
    stand.context.set_blocked(true);
    assert_no_create_begins(&mut stand).await;
    stand.context.set_blocked(false);
    seconds(20).await;
    assert_eq!(stand.scene.smart_send.links("next").len(), 1);
}

/// Of a message that is lost on the way nobody finds out any more whether it would be accepted.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_refusal_is_resolved_in_the_log_once_its_message_is_accepted() {
    for is_accepted in [true, false] {
        let (lines, _guard) = watch("info");
        let mut stand = Stand::usual().await;
        stand.scene.broker.set_shut(Door::Results, true);
        let refused = stand.start("a").await;
        seconds(5).await;
        let resolved =
            || lines.with("resolved: merchant default: its events cannot be published").len();
        assert_eq!(resolved(), 0);
        if is_accepted {
            stand.scene.broker.set_shut(Door::Results, false);
        } else {
            stand.process.cut();
        }
        assert_eq!(refused.await.unwrap() != Settled::Abandoned, is_accepted);
        assert_eq!(resolved(), usize::from(is_accepted));
        assert!(!stand.is_refused("nothing new is started"));
    }
}
