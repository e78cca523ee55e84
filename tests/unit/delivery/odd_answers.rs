//! Answers that do not mean what they seem to say.

use std::time::Duration;

use jiff::SignedDuration;
use smartsend::domain::call::{Answer, CallResult, Data};
use smartsend::domain::customer::{Contact, Email, Private};
use smartsend::domain::event::EventKind;
use smartsend::worker::Settled;

use super::{Stand, message, seconds};
use crate::support::model::{Act, Called, Message, Scene, Settings, accepted, intent_of};

const CREATED: Settled = Settled::Published(EventKind::Created);
const PARKED: Settled = Settled::Published(EventKind::Unresolved);

fn status(status: u16) -> CallResult {
    CallResult::Answered(Answer { status, retry_after: None, envelope: None })
}

/// A message for the customer with these contacts.
fn to(reference: &str, contacts: &str) -> Message {
    let body = format!(
        r#"{{"merchantRefId":"{reference}","amount":"100.50","description":"Refund","custName":"Asha",{contacts}}}"#
    );
    Message { body: body.into(), ..message(reference) }
}

const BOTH: &str = r#""custMobile":"9999999999","custEmail":"asha+refund@example.com""#;

/// Another process, to which nothing has been shown yet.
async fn restarted(scene: Scene) -> Stand {
    let stand = Stand::half_open(scene, &Settings::usual()).await;
    stand.context.scheduler().record(None, smartsend::admission::signal::Signal::Answered);
    stand
}

/// How details prints what it knows of a link.
type Print = fn(&mut Data);

fn email(data: &mut Data, text: &str) {
    data.email = Some(Private::new(text));
}

// Whoever followed the advice of a `DUPLICATE_REFERENCE` for one's own link would pay twice.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_s_own_link_is_recovered_however_details_prints_it() {
    let as_sent = ["9999999999", "asha+refund@example.com"].map(Some);
    let by_mobile = [Some("9999999999"), None];
    let by_email = [None, Some("asha+refund@example.com")];
    let prints: [(Print, [Option<&str>; 2]); 7] = [
        (|data| email(data, "asha refund@example.com"), as_sent),
        (|data| email(data, "asha%2Brefund@example.com"), as_sent),
        (|data| email(data, "c...y@example.com"), by_mobile),
        (|data| email(data, "ca__y@e__.com"), by_mobile),
        (|data| email(data, "n/a@payu.in"), by_mobile),
        (|data| data.mobile = Some(Private::new("0000003210")), by_email),
        (|data| data.mobile = Some(Private::new("8888888888")), by_email),
    ];
    for (number, (prints, expected)) in prints.into_iter().enumerate() {
        let mut stand = Stand::usual().await;
        stand.scene.smart_send.set(|state| state.prints = Some(prints));
        assert_eq!(stand.settle_message(to("a", BOTH)).await, CREATED);
        seconds(10).await; // and details has shown it
        stand.process.cut();
        let mut stand = restarted(stand.scene).await;
        assert_eq!(stand.settle_message(to("a", BOTH)).await, CREATED, "{number}");
        let event = stand.event();
        assert_eq!(event["recovered"], true);
        let contacts = ["custMobile", "custEmail"].map(|name| event[name].as_str());
        assert_eq!(contacts, expected, "it is sent to those whom details has confirmed");
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_amount_in_paise_is_parked_and_never_called_another_s() {
    let mut stand = Stand::usual().await;
    stand.scene.smart_send.set(|state| {
        state.prints = Some(|data| {
            data.amount = Some("10050".to_owned());
            data.mobile = Some(Private::new("0000003210"));
            data.email = None;
        });
    });
    assert_eq!(stand.settle_message(to("a", BOTH)).await, CREATED);
    seconds(10).await;
    stand.process.cut();
    let mut stand = restarted(stand.scene).await;
    assert_eq!(stand.settle_message(to("a", BOTH)).await, PARKED);
    assert_eq!(stand.reason(), "REFERENCE_CONFLICT");
}

// The reference was used before, for somebody who shares the address.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_link_goes_to_nobody_whom_details_does_not_confirm() {
    let mut stand = Stand::usual().await;
    let mut first = intent_of("a");
    first.contact = Contact::Email(Email::parse("family@example.com").unwrap());
    stand.scene.smart_send.has_link(&first);
    let second = to("a", r#""custMobile":"8888888888","custEmail":"family@example.com""#);
    assert_eq!(stand.settle_message(second).await, CREATED);
    let event = stand.event();
    assert_eq!(event["custEmail"], "family@example.com");
    assert!(event["custMobile"].is_null(), "a stranger's mobile");
}

fn link_of(stand: &Stand, reference: &str) -> CallResult {
    let url = stand.scene.smart_send.links(reference)[0].url.clone();
    accepted(Data { link: Some(Private::new(url)), ..Data::default() })
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_create_that_is_answered_with_another_one_s_link_is_looked_up() {
    let mut stand = Stand::usual().await;
    assert_eq!(stand.settle("a").await, CREATED);
    seconds(10).await;
    let cached = link_of(&stand, "a");
    stand.scene.smart_send.on_create([Act::Mislead(cached.clone(), Duration::ZERO)]);
    assert_eq!(stand.settle("b").await, CREATED);
    assert_eq!(stand.event()["link"], stand.scene.smart_send.links("b")[0].url);
    assert_eq!(stand.event()["recovered"], true);
    // If the gateway answers lookups in the same way, a person has to decide.
    stand.scene.smart_send.on_create([Act::Mislead(cached, Duration::ZERO)]);
    let url = stand.scene.smart_send.links("a")[0].url.clone();
    let details = accepted(Data {
        link: Some(Private::new(url)),
        link_status: Some("ACTIVE".to_owned()),
        amount: Some("100.50".to_owned()),
        mobile: Some(Private::new("9999999999")),
        ..Data::default()
    });
    stand.scene.smart_send.on_look(std::iter::repeat_n(Act::Show(details), 50));
    assert_eq!(stand.settle("c").await, PARKED);
    assert_eq!(stand.reason(), "LINK_REPEATED");
}

// Trace 28: a verdict is known by the whole name of its event, and only a link or a failure is.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn no_other_customer_and_no_parked_copy_takes_a_verdict() {
    let mut stand = Stand::usual().await;
    stand.prove();
    assert_eq!(stand.settle_message(to("a", BOTH)).await, CREATED);
    let another = to("a", r#""custMobile":"8888888888","custEmail":"usha@example.com""#);
    assert_eq!(stand.settle_message(another).await, PARKED);
    assert_eq!(stand.reason(), "REFERENCE_CONFLICT");
    assert!(stand.scene.smart_send.count(Called::Lookup) > 0);
    // What a person publishes again is looked up, whatever its outcome was before.
    stand.scene.smart_send.on_create([Act::Show(crate::support::model::refusal(1128))]);
    assert_eq!(stand.settle("b").await, PARKED);
    stand.scene.smart_send.has_link(&intent_of("b"));
    assert_eq!(stand.settle("b").await, CREATED);
}

// A token that was revoked between gateway and backend, a quota that a proxy counts: the link is
// made, and the answer says that nothing was processed.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_was_turned_away_after_its_link_was_made_makes_no_second_one_under_strict() {
    let code = crate::support::model::refusal(1100);
    for answer in [401, 403, 429].map(status).into_iter().chain([code]) {
        let mut stand = Stand::new(&Settings::strict()).await;
        stand.scene.smart_send.set(|state| state.naive = true);
        stand.prove();
        stand.scene.smart_send.on_create([Act::Mislead(answer, Duration::from_secs(2))]);
        assert_eq!(stand.settle("a").await, Settled::HandedBack);
        seconds(60).await;
        assert_eq!(stand.settle_in_the_end().await, CREATED);
        assert_eq!(stand.event()["recovered"], true);
        assert_eq!(stand.scene.smart_send.links("a").len(), 1);
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_wall_clock_that_is_ahead_for_a_while_fails_no_deadline() {
    let mut stand = Stand::usual().await;
    stand.prove();
    let due = super::with("a", r#""deadline":"2026-11-24T09:40:00Z""#);
    stand.scene.clock.jump_wall(SignedDuration::from_hours(1));
    assert_eq!(stand.settle_message(due).await, Settled::HandedBack);
    let notes = stand.process.status.notes();
    assert!(notes.iter().any(|note| note.contains("the wall clock has jumped")), "{notes:?}");
    seconds(12).await;
    stand.scene.clock.jump_wall(SignedDuration::from_hours(-1));
    assert_eq!(stand.settle_in_the_end().await, CREATED);
    assert_eq!(stand.scene.broker.results().len(), 1);
    assert!(stand.process.status.notes().is_empty());
}

// It may have been wrong at the start, and right since.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_wall_clock_that_has_run_evenly_for_an_hour_is_believed_again() {
    let mut stand = Stand::usual().await;
    stand.scene.clock.jump_wall(SignedDuration::from_mins(10));
    assert_eq!(stand.settle("free").await, CREATED, "what has no deadline does not wait");
    let due = super::with("a", r#""deadline":"2026-11-24T12:00:00Z""#);
    let started = stand.scene.clock.elapsed();
    assert_eq!(stand.settle_message(due).await, Settled::HandedBack);
    assert_eq!(stand.settle_in_the_end().await, CREATED);
    let waited = stand.scene.clock.elapsed() - started;
    assert!(waited >= Duration::from_mins(59) && waited < Duration::from_mins(65), "{waited:?}");
    assert_eq!(stand.scene.smart_send.count(Called::Create), 2);
}

/// Deadlines allow for that much between the clocks of two processes.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_wall_clock_that_is_set_by_five_seconds_is_believed_and_one_by_more_is_not() {
    for (millis, is_believed) in [(5000, true), (5001, false), (-5000, true), (-5001, false)] {
        let mut stand = Stand::usual().await;
        stand.scene.clock.jump_wall(SignedDuration::from_millis(millis));
        let due = super::with("a", r#""deadline":"2026-11-24T09:40:00Z""#);
        assert_eq!(stand.settle_message(due).await == CREATED, is_believed, "{millis} ms");
    }
}
