//! F7, F9, F15, F20, F21 and F23 to F26 through a whole worker, to one link and the right event. Both
//! APIs have their turn.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use jiff::SignedDuration;
use smartsend::domain::account::Api;
use smartsend::domain::decide::InDoubtPolicy;

use super::Line;
use super::works::{QUARANTINE, Works, quick};
use crate::support::payu::{Act, Asked, DUPLICATE, Kind, NOT_FOUND, Payu};
use crate::support::raw_server::{Step, answer};
use crate::support::waiting::{SOON, until};

/// Two intents for each of these ends of a first create: one whose link was made, and one whose
/// was not. Every later call is served.
async fn one_link_each(name: &str, api: Api, ends: Vec<Vec<Step>>) {
    let count = ends.len();
    let script = move |asked: &Asked| {
        let end = asked.reference.rsplit_once('-').map(|(_, number)| number.parse::<usize>());
        match (asked.kind, asked.nth, end) {
            (Kind::Create, 0, Some(Ok(number))) => {
                let steps = ends[number].clone();
                let made = asked.reference.starts_with("made");
                if made { Act::MakeThen(steps) } else { Act::Only(steps) }
            }
            _ => Act::Serve,
        }
    };
    let mut line = Line::new(name);
    let (works, running) = Works::begin(Payu::scripted(script), quick(api)).await;
    for number in 0..count {
        works.publish(&format!("made-{number}"));
        works.publish(&format!("unmade-{number}"));
    }
    for number in 0..count {
        let (made, unmade) = (format!("made-{number}"), format!("unmade-{number}"));
        assert!(works.has_its_link(&made).await, "it was found, not made");
        assert_eq!(works.sends(&made), 1);
        assert!(!works.has_its_link(&unmade).await, "it was made, not found");
        assert_eq!(works.sends(&unmade), 2);
    }
    works.end(running, &mut line, 2 * count).await;
    line.show();
}

#[tokio::test]
async fn f07_whole_a_lost_answer_costs_no_second_link() {
    let ends = vec![vec![Step::Close], vec![Step::Reset]];
    one_link_each("F7 whole worker, v2", Api::V2, ends).await;
}

#[tokio::test]
async fn f09_whole_a_stall_costs_no_second_link() {
    one_link_each("F9 whole worker, v1", Api::V1, vec![vec![Step::Stall]]).await;
}

#[tokio::test]
async fn f15_whole_an_error_costs_no_second_link() {
    let reply = |status| vec![Step::Write(answer(&format!("{status} X"), "", "<html>"))];
    one_link_each("F15 whole worker, v2", Api::V2, [500, 502, 503, 504].map(reply).into()).await;
}

#[tokio::test]
async fn f20_whole_a_conflict_after_an_unknown_is_compared() {
    // Details shows no link before the resend of that intent was answered with a conflict.
    let shown = Mutex::new(HashSet::new());
    let script = move |asked: &Asked| match (asked.kind, asked.nth, asked.reference.as_str()) {
        (Kind::Token | Kind::Change | Kind::Account, ..) | (_, _, "first") => Act::Serve,
        (Kind::Create, 0, "same") => Act::MakeThen(vec![Step::Close]),
        (Kind::Create, 0, _) => Act::Only(vec![Step::Close]),
        (Kind::Create, ..) => {
            shown.lock().unwrap().insert(asked.reference.clone());
            Act::Only(vec![Step::Write(answer("409 Conflict", "", DUPLICATE))])
        }
        (Kind::Lookup, ..) if shown.lock().unwrap().contains(&asked.reference) => Act::Serve,
        (Kind::Lookup, ..) => Act::Only(vec![Step::Write(answer("200 OK", "", NOT_FOUND))]),
    };
    let mut line = Line::new("F20 whole worker, v1");
    let (works, running) = Works::begin(Payu::scripted(script), quick(Api::V1)).await;
    works.payu.has_link("other", "999.00");
    works.publish("same");
    works.publish("other");
    assert!(works.has_its_link("same").await, "it was found, not made");
    let event = works.event("other").await;
    assert_eq!(event["type"], "smartsend.link.unresolved", "{event}");
    assert_eq!(event["data"]["reason"]["code"], "REFERENCE_CONFLICT");
    for reference in ["same", "other"] {
        assert_eq!((works.sends(reference), works.payu.links(reference).len()), (2, 1));
    }
    works.end(running, &mut line, 4).await;
    line.show();
}

#[tokio::test]
async fn f21_whole_odd_lookups_decide_nothing() {
    let odd = [
        answer("404 Not Found", "", "<html>"),
        answer("404 Not Found", "", NOT_FOUND),
        answer("403 Forbidden", "", NOT_FOUND),
        answer("500 X", "", ""),
        answer("200 OK", "", "{"),
        answer("200 OK", "", r#"{"status":1,"msg":"try later"}"#),
    ];
    let count = odd.len();
    let script = move |asked: &Asked| {
        let number =
            asked.reference.strip_prefix("odd-").map(|text| text.parse::<usize>().unwrap());
        match (asked.kind, asked.nth, number) {
            (Kind::Create, 0, Some(_)) => Act::MakeThen(vec![Step::Close]),
            (Kind::Lookup, 0 | 1, Some(number)) => {
                Act::Only(vec![Step::Write(odd[number].clone())])
            }
            _ => Act::Serve,
        }
    };
    let mut line = Line::new("F21 whole worker, v2");
    let (works, running) = Works::begin(Payu::scripted(script), quick(Api::V2)).await;
    let references: Vec<_> = (0..count).map(|number| format!("odd-{number}")).collect();
    works.publish_all(&references);
    for reference in &references {
        assert!(works.has_its_link(reference).await, "it was found, not made");
        assert_eq!(works.sends(reference), 1);
    }
    works.end(running, &mut line, 3 * count).await;
    line.show();
}

#[tokio::test]
async fn f23_whole_a_process_that_dies_in_a_call_leaves_it_to_the_next() {
    let script = |asked: &Asked| match (asked.kind, asked.nth, asked.reference.as_str()) {
        (Kind::Create, 0, "made") => Act::MakeThen(vec![Step::Stall]),
        (Kind::Create, 0, "unmade") => Act::Only(vec![Step::Stall]),
        _ => Act::Serve,
    };
    let mut line = Line::new("F23 whole worker, v1");
    let (works, running) = Works::begin(Payu::scripted(script), quick(Api::V1)).await;
    works.publish("made");
    works.publish("unmade");
    let sent = async || works.sends("made") + works.sends("unmade") == 2;
    until("both creates", SOON, sent).await;
    running.die();
    let running = works.start();
    assert!(works.has_its_link("made").await, "it was found, not made");
    assert!(!works.has_its_link("unmade").await, "it was made, not found");
    assert_eq!((works.sends("made"), works.sends("unmade")), (1, 2));
    works.end(running, &mut line, 2).await;
    line.show();
}

/// A create whose answer is lost and whose effect comes so much later.
fn late(effect: Duration) -> Payu {
    Payu::scripted(move |asked| match (asked.kind, asked.nth, asked.reference.as_str()) {
        (Kind::Create, 0, "late") => Act::Late(effect, vec![Step::Close]),
        _ => Act::Serve,
    })
}

#[tokio::test]
async fn f24_whole_an_effect_that_comes_late_is_found_or_refused() {
    let mut line = Line::new("F24 whole worker, v2 and v1");
    // Within the quarantine: the lookups find it, also where nothing refuses a second link.
    let (works, running) = Works::begin(late(QUARANTINE / 2).naive(), quick(Api::V2)).await;
    works.publish("late");
    assert!(works.has_its_link("late").await, "it was found, not made");
    assert_eq!(works.sends("late"), 1);
    works.end(running, &mut line, 1).await;

    // After it: the resend has made the link, and the late one is refused.
    let (works, running) = Works::begin(late(2 * QUARANTINE), quick(Api::V1)).await;
    works.publish("late");
    assert!(!works.has_its_link("late").await, "it was made, not found");
    assert_eq!(works.sends("late"), 2);
    until("the late effect", SOON, async || works.payu.late_effects() == 1).await;
    assert_eq!(works.payu.links("late").len(), 1);
    works.end(running, &mut line, 1).await;
    line.show();
}

#[tokio::test]
async fn f24_whole_the_strict_setting_bears_a_late_effect_at_a_naive_provider() {
    let mut line = Line::new("F24 strict, naive, v2");
    let mut settings = quick(Api::V2);
    settings.policy.in_doubt = InDoubtPolicy::Park;
    let (works, running) = Works::begin(late(2 * QUARANTINE).naive(), settings).await;
    works.publish("late");
    let event = works.event("late").await;
    assert_eq!(event["type"], "smartsend.link.unresolved", "{event}");
    assert_eq!(event["data"]["reason"]["code"], "OUTCOME_UNKNOWN");
    let made = async || works.payu.links("late").len() == 1;
    until("the late effect", SOON, made).await;
    assert_eq!((works.sends("late"), works.scene.broker.parked().len()), (1, 1));
    works.end(running, &mut line, 1).await;
    line.show();
}

#[tokio::test]
async fn f25_whole_a_token_that_dies_within_a_burst_is_renewed_once() {
    const BURST: usize = 40;
    let payu = Payu::scripted(|asked| match (asked.kind, asked.nth, asked.reference.as_str()) {
        (Kind::Create, 0, "burst-10") => Act::Revoke,
        _ => Act::Serve,
    });
    let mut line = Line::new("F25 whole worker, v1");
    let (works, running) = Works::begin(payu, quick(Api::V1)).await;
    let references: Vec<_> = (0..BURST).map(|number| format!("burst-{number}")).collect();
    works.publish_all(&references);
    for reference in &references {
        assert!(!works.has_its_link(reference).await, "it was made, not found");
    }
    assert_eq!(works.payu.count(Kind::Token), 2, "one token, and one new one");
    works.end(running, &mut line, 1).await;
    line.show();
}

#[tokio::test]
async fn f26_whole_a_clock_that_jumps_sends_nothing_early_and_nothing_twice() {
    let mut line = Line::new("F26 whole worker, v1 and v2");
    let jumps = [SignedDuration::from_hours(1), SignedDuration::from_hours(-1)];
    for (jump, api) in jumps.into_iter().zip([Api::V1, Api::V2]) {
        let script = |asked: &Asked| match (asked.kind, asked.nth, asked.reference.as_str()) {
            (Kind::Create, 0, "made") => Act::MakeThen(vec![Step::Stall]),
            (Kind::Create, 0, "unmade") => Act::Only(vec![Step::Close]),
            _ => Act::Serve,
        };
        let mut settings = quick(api);
        settings.limits.rate.per_second = 20_u32.try_into().unwrap(); // so that most have to wait
        let (works, running) = Works::begin(Payu::scripted(script), settings).await;
        works.publish("made");
        works.publish("unmade");
        let waiting: Vec<_> = (0..20).map(|number| format!("waiting-{number}")).collect();
        works.publish_all(&waiting);
        let sent = async || works.sends("made") + works.sends("unmade") == 2;
        until("both creates", SOON, sent).await;
        works.scene.clock.jump_wall(jump);
        assert!(works.has_its_link("made").await, "it was found, not made");
        assert!(!works.has_its_link("unmade").await, "it was made, not found");
        assert_eq!((works.sends("made"), works.sends("unmade")), (1, 2));
        for reference in &waiting {
            works.has_its_link(reference).await;
            assert_eq!(works.sends(reference), 1);
        }
        works.end(running, &mut line, 3).await;
    }
    line.show();
}
