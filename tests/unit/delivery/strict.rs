//! The strict setting: not even a provider that makes a link for every create makes two.

use std::time::Duration;

use smartsend::domain::amount::Amount;
use smartsend::domain::call::{CallResult, NotSent};
use smartsend::domain::event::EventKind;
use smartsend::worker::Settled;

use super::{Stand, is_new, message};
use crate::support::model::{Act, Called, Message, Settings};

const CREATED: Settled = Settled::Published(EventKind::Created);

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn whoever_takes_over_creates_nothing_before_quarantine_and_hold_are_over() {
    let mut stand = Stand::new(&Settings::strict()).await;
    stand.context.on_activated();
    let mut settlement = stand.settle("a").await;
    while settlement == Settled::HandedBack {
        assert!(is_new(&stand.returned().2));
        assert!(stand.scene.smart_send.calls().is_empty(), "the look comes after it too");
        settlement = stand.settle_next().await;
    }
    assert_eq!(settlement, CREATED);
    let ledger = stand.scene.smart_send.ledger();
    let look = ledger.iter().find(|request| request.called == Called::Lookup).unwrap();
    assert!(look.at >= Duration::from_mins(6), "{look:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_takeover_delay_keeps_no_intent_in_doubt_from_being_looked_up() {
    let mut stand = Stand::new(&Settings::strict()).await;
    stand.context.on_activated();
    let unsure = Message { redelivered: true, count: 1, ..message("a") };
    let _task = stand.start_message(unsure).await;
    super::seconds(30).await;
    assert_eq!(stand.scene.smart_send.count(Called::Lookup), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn two_copies_make_one_link_while_details_lags() {
    let mut stand = Stand::new(&Settings::strict()).await;
    let slow = |state: &mut crate::support::model::State| {
        state.naive = true;
        state.lag = Duration::from_secs(200);
    };
    stand.scene.smart_send.set(slow);
    let (first, second) = (stand.start("a").await, stand.start("a").await);
    assert_eq!(second.await.unwrap(), Settled::RetriedLater);
    assert_eq!(first.await.unwrap(), CREATED);
    assert_eq!(stand.settle_in_the_end().await, CREATED);
    assert_eq!(stand.scene.smart_send.links("a").len(), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn without_room_in_the_memory_nothing_new_is_started() {
    let mut settings = Settings::strict();
    settings.capacity = 2;
    let mut stand = Stand::new(&settings).await;
    stand.settle("a").await;
    stand.settle("b").await;
    assert_eq!(stand.settle("c").await, Settled::HandedBack);
    assert!(is_new(&stand.returned().2));
    let of_c = |r: &str| r == "c";
    let ledger = stand.scene.smart_send.ledger();
    assert!(!ledger.iter().any(|request| request.reference.as_deref().is_some_and(of_c)));
    assert_eq!(stand.scene.smart_send.count(Called::Create), 2);
    super::seconds(400).await;
    assert_eq!(stand.settle_in_the_end().await, CREATED, "the oldest was kept for long enough");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_was_not_sent_makes_room_again() {
    let mut settings = Settings::strict();
    settings.capacity = 1;
    let mut stand = Stand::new(&settings).await;
    let not_sent = || Act::Show(CallResult::NotSent(NotSent::Dns));
    stand.scene.smart_send.on_create([not_sent(), not_sent(), not_sent()]);
    assert_eq!(stand.settle("a").await, Settled::RetriedLater);
    assert_eq!(stand.settle("b").await, CREATED);
}

/// It would only take the permit of another request.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_a_limit_on_money_leaves_no_room_for_is_not_looked_up_either() {
    let mut settings = Settings::strict();
    settings.spend_limits.per_hour = Some(Amount::parse("150").unwrap());
    let mut stand = Stand::new(&settings).await;
    assert_eq!(stand.settle("a").await, CREATED);
    let lookups = stand.scene.smart_send.count(Called::Lookup);
    assert_eq!(stand.settle("b").await, Settled::HandedBack);
    assert_eq!(stand.scene.smart_send.count(Called::Lookup), lookups);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}
