//! The rows of the table of decisions, each through a delivery.

use std::time::Duration;

use smartsend::admission::signal::{Signal, TripReason};
use smartsend::domain::call::{Answer, CallResult, Data, NoAnswer, NotSent};
use smartsend::domain::customer::{Contact, Mobile, Private};
use smartsend::domain::decide::InDoubtPolicy;
use smartsend::domain::event::EventKind;
use smartsend::domain::record::{Doubt, Record, Seen, State};
use smartsend::ports::TokenError;
use smartsend::worker::Settled;

use super::{Stand, first_record, is_new, message, own_message, with};
use crate::support::model::{Act, Called, Message, Settings, accepted, intent_of, refusal};

const SILENCE: Act = Act::Show(CallResult::NoAnswer(NoAnswer::Connection));
const NOT_SENT: Act = Act::Show(CallResult::NotSent(NotSent::Connect));

fn status(status: u16) -> Act {
    Act::Show(CallResult::Answered(Answer { status, retry_after: None, envelope: None }))
}

fn link_elsewhere() -> Act {
    let link = Some(Private::new("https://payumoney.com.evil.example/s?id=1"));
    Act::Show(accepted(Data { link, link_status: Some("ACTIVE".to_owned()), ..Data::default() }))
}

fn unsure(stand: &Stand, seen: Seen) -> Record {
    let state = State::InDoubt(Doubt { seen, last_sent: None, code: None });
    Record { state, attempts: 1, ..first_record(stand) }
}

fn redelivered(reference: &str) -> Message {
    Message { redelivered: true, count: 1, ..message(reference) }
}

const CREATED: Settled = Settled::Published(EventKind::Created);
const FAILED: Settled = Settled::Published(EventKind::Failed);
const PARKED: Settled = Settled::Published(EventKind::Unresolved);

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_new_intent_gets_its_link() {
    let mut stand = Stand::usual().await;
    assert_eq!(stand.settle("a").await, CREATED);
    assert_eq!(stand.story(), ["consuming", "link.created", "acknowledged"]);
    let event = stand.event();
    assert_eq!(event["link"], stand.scene.smart_send.links("a")[0].url.as_str());
    assert_eq!(event["recovered"], false);
    assert_eq!(event["attempts"], 1);
    let calls = stand.scene.smart_send.calls();
    assert_eq!(calls[..2], [Called::Token, Called::Create]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_rejected_intent_fails_with_the_code() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([Act::Show(refusal(1105))]);
    assert_eq!(stand.settle("a").await, FAILED);
    assert_eq!(stand.story(), ["consuming", "link.failed", "acknowledged"]);
    assert_eq!(stand.reason(), "INVALID_MOBILE");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_was_not_sent_is_tried_twice_more_and_then_goes_through_a_retry_queue_as_new() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([NOT_SENT, NOT_SENT, NOT_SENT]);
    assert_eq!(stand.settle("a").await, Settled::RetriedLater);
    assert_eq!(stand.story(), ["consuming", "retry 1s", "acknowledged"]);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 3);
    let (_, copy, record) = stand.returned();
    assert!(is_new(&record));
    assert_eq!((record.attempts, record.returns), (0, 1));
    assert_eq!(copy.body, super::body("a").as_bytes());
    // It comes back, is not taken for one that was sent, and gets its link.
    assert_eq!(stand.settle_next().await, CREATED);
    assert_eq!(stand.event()["recovered"], false);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_unknown_outcome_is_looked_up_and_its_link_is_found() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([Act::LoseAnswer(Duration::ZERO)]);
    assert_eq!(stand.settle("a").await, CREATED);
    assert_eq!(stand.event()["recovered"], true);
    assert_eq!(stand.scene.smart_send.calls(), [Called::Token, Called::Create, Called::Lookup]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_unknown_outcome_without_a_link_is_sent_again_after_lookups_and_quarantine() {
    let mut stand = Stand::usual().await;
    stand.prove();
    stand.scene.smart_send.on_create([Act::LoseRequest]);
    assert_eq!(stand.settle("a").await, CREATED);
    let ledger = stand.scene.smart_send.ledger();
    let calls: Vec<Called> = ledger.iter().map(|request| request.called).collect();
    let (create, look) = (Called::Create, Called::Lookup);
    assert_eq!(calls, [Called::Token, create, look, look, look, create]);
    assert!(ledger[5].at - ledger[1].at >= Duration::from_mins(5), "a whole quarantine");
    assert_eq!(stand.event()["attempts"], 2);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn while_lookups_may_be_blind_not_found_concludes_nothing_before_max_age() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([Act::LoseRequest]);
    assert_eq!(stand.settle("a").await, Settled::RetriedLater);
    assert_eq!(stand.story(), ["consuming", "retry 600s", "acknowledged"]);
    let mut settled = stand.settle_next().await;
    while settled == Settled::RetriedLater {
        settled = stand.settle_next().await;
    }
    assert_eq!(settled, PARKED);
    assert_eq!(stand.reason(), "OUTCOME_UNKNOWN");
    let waited = stand.scene.clock.elapsed();
    let day = stand.context.policy().max_age;
    assert!(waited >= day && waited < day + Duration::from_mins(20), "{waited:?}");
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn park_never_sends_again() {
    let mut settings = Settings::usual();
    settings.policy.in_doubt = InDoubtPolicy::Park;
    let mut stand = Stand::new(&settings).await;
    stand.prove();
    stand.scene.smart_send.on_create([SILENCE]);
    assert_eq!(stand.settle("a").await, PARKED);
    assert_eq!(stand.reason(), "OUTCOME_UNKNOWN");
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_refusal_is_looked_up_and_parked_and_never_sent_again() {
    let mut stand = Stand::usual().await;
    stand.prove();
    stand.scene.smart_send.on_create([Act::Show(refusal(1128))]);
    assert_eq!(stand.settle("a").await, PARKED);
    assert_eq!(stand.reason(), "REFUSED");
    assert_eq!(stand.event()["reason"]["providerCode"], 1128);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
    assert_eq!(stand.scene.smart_send.count(Called::Lookup), 3);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_duplicate_of_our_own_link_is_recovered() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.has_link(&intent_of("a"));
    assert_eq!(stand.settle("a").await, CREATED);
    assert_eq!(stand.event()["recovered"], true);
    assert_eq!(stand.scene.smart_send.links("a").len(), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_clean_duplicate_of_another_link_fails_and_a_doubtful_one_is_parked() {
    let mut other = intent_of("a");
    other.amount = smartsend::domain::amount::Amount::parse("7.00").unwrap();
    other.contact = Contact::Mobile(Mobile::parse("8888888888").unwrap());
    let mut stand = Stand::usual().await;
    stand.prove();
    stand.scene.smart_send.has_link(&other);
    assert_eq!(stand.settle("a").await, Settled::Published(EventKind::Rejected));
    assert_eq!(stand.reason(), "DUPLICATE_REFERENCE");
    assert_eq!(super::text(&stand.parked().headers, "reason"), "DUPLICATE_REFERENCE");
    let mut stand = Stand::usual().await;
    stand.prove();
    stand.scene.smart_send.has_link(&other);
    assert_eq!(stand.settle_message(redelivered("a")).await, PARKED);
    assert_eq!(stand.reason(), "REFERENCE_CONFLICT");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_that_details_does_not_show_is_parked_at_the_end() {
    let mut stand = Stand::usual().await;
    let vague = Data { link_status: Some("ACTIVE".to_owned()), ..Data::default() };
    stand.scene.smart_send.on_look(std::iter::repeat_n(Act::Show(accepted(vague)), 20));
    assert_eq!(stand.settle_message(redelivered("a")).await, PARKED);
    assert_eq!(stand.reason(), "LINK_UNKNOWN");
    assert_eq!(stand.scene.smart_send.count(Called::Create), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_dead_link_is_parked() {
    let mut stand = Stand::usual().await;
    let dead = Data { link_status: Some("EXPIRED".to_owned()), ..Data::default() };
    stand.scene.smart_send.on_look([Act::Show(accepted(dead))]);
    assert_eq!(stand.settle_message(redelivered("a")).await, PARKED);
    assert_eq!(stand.reason(), "LINK_CLOSED");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_elsewhere_is_parked_and_opens_the_breaker_for_good() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.on_create([link_elsewhere()]);
    assert_eq!(stand.settle("a").await, PARKED);
    assert_eq!(stand.reason(), "LINK_HOST");
    super::seconds(3600).await;
    assert_eq!(stand.settle("b").await, Settled::HandedBack);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 1);
}

/// It is about one old reference, and says nothing of what creates are answered.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_elsewhere_that_a_lookup_shows_is_parked_and_holds_nobody_up() {
    let mut stand = Stand::usual().await;
    for link in ["https://payumoney.com.evil.example/s?id=1", "no link at all"] {
        let odd = Data {
            link: Some(Private::new(link)),
            link_status: Some("ACTIVE".to_owned()),
            ..Data::default()
        };
        stand.scene.smart_send.on_look([Act::Show(accepted(odd))]);
        assert_eq!(stand.settle_message(redelivered("old")).await, PARKED);
        assert_eq!(stand.reason(), "LINK_HOST");
        assert!(!stand.context.scheduler().is_open());
    }
    assert_eq!(stand.settle("b").await, CREATED);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn failed_lookups_do_not_count() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.has_link(&intent_of("a"));
    let lookups = [status(403), status(500), SILENCE, NOT_SENT, status(503)];
    stand.scene.smart_send.on_look(lookups);
    assert_eq!(stand.settle_message(redelivered("a")).await, CREATED);
    assert_eq!(stand.scene.smart_send.count(Called::Lookup), 6);
    assert_eq!(stand.scene.smart_send.count(Called::Create), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_redelivered_intent_is_looked_up_before_it_is_sent() {
    let mut stand = Stand::usual().await;
    stand.prove();
    assert_eq!(stand.settle_message(redelivered("a")).await, CREATED);
    assert_eq!(stand.scene.smart_send.calls()[..2], [Called::Token, Called::Lookup]);
    assert_eq!(stand.scene.smart_send.count(Called::Lookup), 3);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_record_that_nobody_vouches_for_and_a_torn_one_are_in_doubt() {
    let mut stand = Stand::usual().await;
    let forged = own_message("a", &first_record(&stand));
    let mut torn = own_message("b", &first_record(&stand));
    torn.headers.remove("waited");
    for message in [Message { own: false, ..forged }, torn] {
        stand.start_message(message).await;
    }
    super::seconds(10).await;
    assert_eq!(stand.scene.smart_send.count(Called::Create), 0);
    assert_eq!(stand.scene.smart_send.count(Called::Lookup), 2);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn strict_looks_up_before_a_first_create_and_a_failed_lookup_creates_nothing() {
    let mut settings = Settings::usual();
    settings.policy.in_doubt = InDoubtPolicy::Strict;
    let mut stand = Stand::new(&settings).await;
    stand.scene.smart_send.on_look([status(500)]);
    assert_eq!(stand.settle("a").await, CREATED);
    let calls = stand.scene.smart_send.calls();
    assert_eq!(calls[..4], [Called::Token, Called::Lookup, Called::Lookup, Called::Create]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_passed_deadline_is_looked_up_in_vain_before_it_fails() {
    let mut stand = Stand::usual().await;
    stand.prove();
    let late = with("a", r#""deadline":"2026-11-24T09:00:00Z""#);
    assert_eq!(stand.settle_message(late.clone()).await, FAILED);
    assert_eq!(stand.reason(), "DEADLINE_PASSED");
    assert_eq!(stand.scene.smart_send.count(Called::Create), 0);
    let ledger = stand.scene.smart_send.ledger();
    let looked = ledger.last().unwrap().at - ledger[1].at;
    assert!(looked >= Duration::from_secs(305), "quarantine and skew: {looked:?}");
    stand.scene.smart_send.has_link(&intent_of("a"));
    assert_eq!(stand.settle_message(late.clone()).await, FAILED, "a copy says the same");
    super::seconds(1_000).await;
    assert_eq!(stand.settle_message(late).await, CREATED, "found is found");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_deadline_that_passes_while_the_turn_is_waited_for_is_seen() {
    let mut stand = Stand::usual().await;
    let pause = smartsend::domain::call::RetryAfter::In(Duration::from_secs(20));
    stand.context.scheduler().record(None, Signal::Throttled(Some(pause)));
    let soon = with("a", r#""deadline":"2026-11-24T09:30:10Z""#);
    stand.start_message(soon).await;
    super::seconds(40).await;
    assert_eq!(stand.scene.smart_send.count(Called::Create), 0);
    assert_eq!(stand.scene.smart_send.count(Called::Lookup), 1);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_intent_in_doubt_that_is_too_old_is_parked_after_an_answered_lookup_only() {
    let mut stand = Stand::usual().await;
    let mut record = unsure(&stand, Seen::Unknown);
    record.waited = stand.context.policy().max_age;
    stand.scene.smart_send.on_look([NOT_SENT, NOT_SENT]);
    assert_eq!(stand.settle_message(own_message("a", &record)).await, PARKED);
    assert_eq!(stand.reason(), "OUTCOME_UNKNOWN");
    assert_eq!(stand.scene.smart_send.count(Called::Lookup), 3);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn closed_time_does_not_count_towards_max_age() {
    let mut stand = Stand::usual().await;
    let (max_age, hour) = (stand.context.policy().max_age, Duration::from_hours(1));
    let mut record = unsure(&stand, Seen::Unknown);
    record.waited = max_age - hour;
    let why = TripReason::Denied(smartsend::domain::classify::Denial::Forbidden);
    // No probe gets a token, for more than an hour.
    stand.scene.smart_send.on_token([TokenError::Refused; 200]);
    stand.context.scheduler().record(None, Signal::Trip(why));
    super::seconds(3600).await;
    while stand.context.scheduler().is_open() {
        super::seconds(10).await;
    }
    stand.scene.smart_send.has_link(&intent_of("a"));
    stand.scene.smart_send.on_look([status(500)]);
    assert_eq!(stand.settle_message(own_message("a", &record)).await, CREATED);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_amount_over_the_limit_is_parked_and_nothing_is_sent() {
    let mut stand = Stand::usual().await;
    let body = super::body("a").replace("100.50", "200000.01");
    let large = Message { body: body.into(), ..message("a") };
    assert_eq!(stand.settle_message(large).await, PARKED);
    assert_eq!(stand.reason(), "OVER_LIMIT");
    assert!(stand.scene.smart_send.calls().is_empty());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn another_account_s_record_is_parked() {
    let mut stand = Stand::usual().await;
    let mut record = unsure(&stand, Seen::Unknown);
    record.account.payout_merchant_id = "9".to_owned();
    assert_eq!(stand.settle_message(own_message("a", &record)).await, PARKED);
    assert_eq!(stand.reason(), "ACCOUNT_CHANGED");
    assert!(stand.scene.smart_send.calls().is_empty());
}

/// A person may publish the parked copy anew. It must not be taken for one of this account then,
/// nor may a copy of it that only waits for another one with its reference.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_record_that_nobody_vouches_for_keeps_the_account_that_it_names() {
    let mut stand = Stand::usual().await;
    let mut record = unsure(&stand, Seen::Unknown);
    record.account.payout_merchant_id = "9".to_owned();
    let foreign = || Message { own: false, ..own_message("a", &record) };
    assert_eq!(stand.settle_message(foreign()).await, PARKED);
    assert_eq!(Record::from_headers(&stand.parked().headers).unwrap(), record);

    stand.scene.smart_send.on_create([Act::LoseRequest]);
    let other = stand.start("a").await;
    assert_eq!(stand.settle_message(foreign()).await, PARKED);
    assert!(!other.is_finished());
    assert_eq!(stand.reason(), "ACCOUNT_CHANGED");
}
