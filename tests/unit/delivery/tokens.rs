//! Tokens: a 401 is met with one new token, and one that nobody may keep serves its one call.

use std::time::Duration;

use smartsend::admission::circuit_breaker::BreakerState;
use smartsend::admission::signal::{Signal, TripReason};
use smartsend::domain::call::{Answer, CallResult, NotSent, RetryAfter};
use smartsend::domain::classify::Denial;
use smartsend::domain::event::EventKind;
use smartsend::ports::TokenError;
use smartsend::worker::Settled;

use super::{Stand, is_new, seconds};
use crate::support::model::{Act, Called, Settings, intent_of};
use crate::support::waiting::{SOON, until};

const CREATED: Settled = Settled::Published(EventKind::Created);

fn unauthorized() -> Act {
    let answer = Answer { status: 401, retry_after: None, envelope: None };
    Act::Show(CallResult::Answered(answer))
}

fn tripped_by(stand: &Stand) -> Option<TripReason> {
    match stand.context.scheduler().state().breaker {
        BreakerState::Open { why, .. } => Some(why),
        BreakerState::Closed | BreakerState::HalfOpen { .. } => None,
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_401_takes_one_new_token_and_one_more_try() {
    let mut stand = Stand::usual().await;
    assert_eq!(stand.settle("a").await, CREATED);
    stand.scene.smart_send.revoke_tokens();
    let before = stand.scene.smart_send.calls().len();
    assert_eq!(stand.settle("b").await, CREATED);
    let calls = stand.scene.smart_send.calls();
    let expected = [Called::Create, Called::Token, Called::Create];
    assert_eq!(calls[before..before + 3], expected);
    assert_eq!(stand.event()["recovered"], false);
    assert_eq!(stand.event()["attempts"], 2);
    assert_eq!(tripped_by(&stand), None);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_second_401_opens_the_breaker_and_the_intent_goes_back_uncounted() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([unauthorized(), unauthorized()]);
    assert_eq!(stand.settle("a").await, Settled::HandedBack);
    assert_eq!(tripped_by(&stand), Some(TripReason::Denied(Denial::Unauthorized)));
    let (_, _, record) = stand.returned();
    assert!(is_new(&record));
    assert_eq!((record.attempts, record.returns), (2, 0));
    // It is remembered, and sent again all the same.
    seconds(60).await;
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.event()["recovered"], false);
    assert_eq!(stand.event()["attempts"], 3);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_401_whose_second_try_never_comes_is_sent_again_without_a_lookup() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([unauthorized()]);
    let task = stand.start("a").await;
    while stand.scene.smart_send.count(Called::Create) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let pause = RetryAfter::In(Duration::from_mins(2));
    stand.context.scheduler().record(None, Signal::Throttled(Some(pause)));
    assert_eq!(task.await.unwrap(), Settled::HandedBack);
    assert_eq!(stand.settle_in_the_end().await, CREATED);
    assert_eq!(stand.event()["attempts"], 2);
    assert_eq!(stand.event()["recovered"], false);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn refused_credentials_open_the_breaker_and_nothing_is_counted() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_token([TokenError::Refused]);
    assert_eq!(stand.settle("a").await, Settled::HandedBack);
    assert_eq!(tripped_by(&stand), Some(TripReason::Denied(Denial::Credentials)));
    assert!(is_new(&stand.returned().2));
    assert_eq!(stand.scene.smart_send.calls(), [Called::Token]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_token_endpoint_that_asks_for_a_pause_gets_it() {
    let mut stand = Stand::usual().await;
    let wait = RetryAfter::In(Duration::from_secs(30));
    stand.scene.smart_send.on_token([TokenError::Throttled(Some(wait))]);
    assert_eq!(stand.settle("a").await, CREATED);
    let ledger = stand.scene.smart_send.ledger();
    assert!(ledger[1].at - ledger[0].at >= Duration::from_secs(30));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn without_a_token_nothing_was_sent() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_token([TokenError::Unavailable(NotSent::NoToken); 3]);
    assert_eq!(stand.settle("a").await, Settled::RetriedLater);
    assert!(is_new(&stand.returned().2));
    assert_eq!(stand.scene.smart_send.count(Called::Create), 0);
}

/// An endpoint that does not say how long a token lives gives one for the call that waits for it.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_token_that_cannot_be_kept_serves_the_call_that_asked_for_it() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| state.token_life = Duration::ZERO);
    assert_eq!(stand.settle("a").await, CREATED);
    assert_eq!(stand.scene.smart_send.calls()[..2], [Called::Token, Called::Create]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_open_breaker_ends_the_wait_for_a_token() {
    let mut stand = Stand::usual().await;
    let pause = RetryAfter::In(Duration::from_secs(50));
    stand.context.scheduler().record(None, Signal::Throttled(Some(pause)));
    let task = stand.start("a").await;
    seconds(1).await;
    let why = TripReason::Denied(Denial::Forbidden);
    stand.context.scheduler().record(None, Signal::Trip(why));
    assert_eq!(task.await.unwrap(), Settled::HandedBack);
    assert_eq!(stand.scene.smart_send.count(Called::Token), 0);
}

/// A lookup that is made only to see a link does not close the gate.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_early_lookup_with_an_outdated_token_opens_no_breaker() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_look([unauthorized()]);
    assert_eq!(stand.settle("a").await, CREATED);
    seconds(10).await;
    let look = stand.scene.smart_send.ledger().pop().unwrap();
    assert_eq!((look.called, look.reference.as_deref()), (Called::Lookup, Some("a")));
    assert_eq!(tripped_by(&stand), None);
    assert_eq!(stand.settle("b").await, CREATED);
}

/// Details shows a link some time after it was made, so an early look must not be too early.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_early_lookup_sees_a_link_that_details_shows_only_after_a_while() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| state.lag = Duration::from_secs(3));
    stand.settle("a").await;
    seconds(10).await;
    assert!(stand.context.readback().evidence().is_given);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_blind_details_proves_nothing_and_is_asked_ever_more_rarely() {
    let settings = Settings::usual();
    let mut stand = Stand::new(&settings).await;
    stand.scene.smart_send.set(|state| state.blind = true);
    for number in 0..99 {
        stand.settle(&format!("a{number}")).await;
        seconds(10).await;
    }
    assert!(!stand.context.readback().evidence().is_given);
    let lookups = stand.scene.smart_send.count(Called::Lookup);
    assert!((1..=10).contains(&lookups), "{lookups}");
}

/// It may have been made in any other way, and says nothing of what this API makes.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_of_another_intent_proves_nothing() {
    let mut stand = Stand::usual().await;
    let mut other = intent_of("a");
    other.amount = smartsend::domain::amount::Amount::parse("7.00").unwrap();
    stand.scene.smart_send.has_link(&other);
    let settlement = stand.settle("a").await;
    assert_eq!(settlement, Settled::Published(EventKind::Unresolved));
    assert_eq!(stand.reason(), "REFERENCE_CONFLICT");
    assert!(!stand.context.readback().evidence().is_given);
    stand.scene.smart_send.has_link(&intent_of("b"));
    assert_eq!(stand.settle("b").await, CREATED);
    seconds(10).await;
    assert!(stand.context.readback().evidence().is_given);
}

/// Simulation, seed 61389: each delivery became too late while its token was on the way, dropped the
/// request, and the next one began another, for ever.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_token_whose_delivery_is_too_late_serves_the_next_one() {
    let mut settings = Settings::usual();
    settings.policy.lease = Duration::from_secs(3);
    let mut stand = Stand::new(&settings).await;
    stand.scene.smart_send.set(|state| state.token_life = Duration::from_secs(1));
    assert_eq!(stand.settle("a").await, CREATED);
    seconds(2).await;
    stand.scene.smart_send.set(|state| {
        state.token_life = Duration::from_hours(2);
        state.latency = Duration::from_secs(5);
    });
    let tokens = stand.scene.smart_send.count(Called::Token);
    assert_eq!(stand.settle("b").await, Settled::HandedBack);
    assert_eq!(stand.scene.smart_send.count(Called::Token), tokens + 1);
    stand.scene.smart_send.set(|state| state.latency = Duration::from_secs(1));
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.scene.smart_send.count(Called::Token), tokens + 1);
}

/// It needs none any more.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stop_waits_for_no_token() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| state.latency = Duration::from_secs(10));
    let task = stand.start("a").await;
    let is_asked = async || stand.scene.smart_send.count(Called::Token) > 0;
    until("the token's request", SOON, is_asked).await;
    stand.process.stopping.cancel();
    let stopped = stand.scene.clock.elapsed();
    assert_eq!(task.await.unwrap(), Settled::HandedBack);
    assert!(stand.scene.clock.elapsed() - stopped < Duration::from_secs(1));
}

/// No request is on its way whose answer could be lost.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_delivery_that_is_late_before_its_token_is_asked_for_goes_back_at_once() {
    let settings = Settings::usual();
    let mut stand = Stand::new(&settings).await;
    let pause = RetryAfter::In(Duration::from_mins(5));
    stand.context.scheduler().record(None, Signal::Throttled(Some(pause)));
    let started = stand.scene.clock.elapsed();
    assert_eq!(stand.settle("a").await, Settled::HandedBack);
    let held = stand.scene.clock.elapsed().saturating_sub(started);
    assert!(held < settings.policy.lease + Duration::from_secs(2), "{held:?}");
    assert_eq!(stand.scene.smart_send.count(Called::Token), 0);
}
