//! One intent that the provider answers as if it were the whole merchant.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use smartsend::domain::call::CallResult;

use super::*;
use crate::support::model::refusal;

/// Which others have got their link, and how long after their publish.
struct Others {
    published: BTreeMap<String, Duration>,
    took: BTreeMap<String, Duration>,
    /// How many events were looked at.
    seen: usize,
}

impl Others {
    /// Publishes one each second, and looks for their events meanwhile and for another minute.
    async fn publish(scene: &Scene, count: usize) -> Self {
        let mut others = Self { published: BTreeMap::new(), took: BTreeMap::new(), seen: 0 };
        for second in 0..count + 60 {
            if second < count {
                let reference = format!("other{second:03}");
                scene.publish(MERCHANT, &reference);
                others.published.insert(reference, scene.clock.elapsed());
            }
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(250)).await;
                others.look(scene);
            }
        }
        others
    }

    fn look(&mut self, scene: &Scene) {
        let now = scene.clock.elapsed();
        let results = scene.broker.results();
        for event in results.iter().skip(self.seen) {
            let json: Json = serde_json::from_slice(&event.body).unwrap();
            let reference = json["data"]["merchantRefId"].as_str().unwrap().to_owned();
            let Some(published) = self.published.get(&reference) else { continue };
            let took = now - *published;
            self.took.entry(reference).or_insert(took);
        }
        self.seen = results.len();
    }

    /// How many of the last forty were done within a minute.
    fn within_a_minute(&self) -> usize {
        let last = self.published.keys().rev().take(40).filter_map(|it| self.took.get(it));
        last.filter(|took| **took <= Duration::from_mins(1)).count()
    }
}

fn status(status: u16) -> CallResult {
    CallResult::Answered(Answer { status, retry_after: None, envelope: None })
}

/// What a firewall, a quota or a confused backend answers to one intent, each time.
fn dislikes() -> [CallResult; 5] {
    [status(401), status(403), status(429), refusal(1100), status(404)]
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_that_alone_is_turned_away_holds_nobody_up() {
    for dislike in dislikes() {
        let (scene, process, _running) = begin(&Settings::usual());
        scene.smart_send.set(|state| state.disliked = Some(("odd", dislike.clone())));
        scene.publish(MERCHANT, "before");
        seconds(20).await;
        scene.publish(MERCHANT, "odd");
        let others = Others::publish(&scene, 40).await;
        let in_time = others.within_a_minute();
        assert!(in_time >= 38, "{dislike:?}: {in_time} of 40 within a minute");
        process.stopping.cancel();
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn ten_that_are_turned_away_hold_nobody_up_for_long() {
    for dislike in dislikes() {
        // Each 429 pauses everybody for five seconds and starts slowly then, so that takes longer.
        if matches!(&dislike, CallResult::Answered(answer) if answer.status == 429) {
            continue;
        }
        let (scene, process, _running) = begin(&Settings::usual());
        scene.smart_send.set(|state| state.disliked = Some(("odd", dislike.clone())));
        scene.publish(MERCHANT, "before");
        seconds(20).await;
        for number in 0..10 {
            scene.publish(MERCHANT, &format!("{number}-odd"));
        }
        let others = Others::publish(&scene, 260).await;
        let in_time = others.within_a_minute();
        assert!(in_time >= 38, "{dislike:?}: {in_time} of 40 within a minute");
        process.stopping.cancel();
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn one_that_alone_is_turned_away_ends_with_an_event_at_max_age() {
    for dislike in dislikes() {
        let mut settings = Settings::usual();
        settings.policy.max_age = Duration::from_hours(2);
        let (scene, process, _running) = begin(&settings);
        scene.smart_send.set(|state| state.disliked = Some(("odd", dislike.clone())));
        scene.publish(MERCHANT, "odd");
        for number in 0..200 {
            scene.publish(MERCHANT, &format!("other{number}"));
            seconds(60).await;
        }
        let parked = scene.broker.parked();
        let reasons: Vec<_> = parked.iter().map(|copy| copy.headers.get("reason")).collect();
        assert_eq!(reasons.len(), 1, "{dislike:?}: {reasons:?}");
        assert_eq!(created(&scene), 200);
        process.stopping.cancel();
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn two_thousand_copies_of_one_intent_hold_nobody_up() {
    let (scene, process, _running) = begin(&Settings::usual());
    scene.publish(MERCHANT, "before");
    seconds(20).await;
    for _ in 0..2_000 {
        scene.publish(MERCHANT, "copied");
    }
    let others = Others::publish(&scene, 20).await;
    let longest = others.took.values().max().copied().unwrap_or_default();
    assert_eq!(others.took.len(), 20);
    assert!(longest <= Duration::from_secs(10), "another intent waited {longest:?}");
    assert_eq!(scene.smart_send.links("copied").len(), 1);
    let ids = scene.broker.results().into_iter().filter_map(|event| event.properties.message_id);
    let ids: std::collections::BTreeSet<_> = ids.collect();
    assert_eq!(ids.len(), 22, "the copies come to one event");
    process.stopping.cancel();
}
