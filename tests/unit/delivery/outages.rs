//! Outages of hours, on simulated time: they fail nothing, park nothing, make nothing older, and
//! cost the provider a probe now and then. Then everything gets its link, and not with a burst.

use std::collections::BTreeSet;
use std::time::Duration;

use smartsend::admission::circuit_breaker::BreakerState;
use smartsend::domain::call::{Answer, CallResult, NoAnswer, NotSent};
use smartsend::domain::event::EventKind;
use smartsend::domain::record::Record;

use crate::support::model::{Act, Called, Chance, Life, Process, Scene, Settings};

const MERCHANT: &str = "default";
const OUTAGE: Duration = Duration::from_hours(2);
/// The longest wait for a probe.
const INTERVAL: Duration = Duration::from_secs(30);

/// In which way the provider is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Down {
    Errors,
    Silent,
    Refused,
    AnswersLost,
    Mixed,
    CreatesFail,
    CreatesSilent,
    TokensFail,
}

impl Down {
    fn act(self, called: Called, chance: &Chance) -> Act {
        match (self, called) {
            // Tokens come from another host.
            (Self::Errors | Self::AnswersLost, Called::Token) => Act::Serve,
            (Self::Errors, _) | (Self::CreatesFail, Called::Create) => error(503),
            (Self::Silent, _) | (Self::CreatesSilent, Called::Create) => Act::LoseRequest,
            (Self::AnswersLost, _) => Act::LoseAnswer(Duration::from_secs(1)),
            (Self::Refused, _) | (Self::TokensFail, Called::Token) => refused(),
            (Self::CreatesFail | Self::CreatesSilent | Self::TokensFail, _) => Act::Serve,
            (Self::Mixed, _) => match chance.below(6) {
                0 => error(500),
                1 => error(502),
                2 => Act::LoseRequest,
                3 => Act::LoseAnswer(chance.up_to(Duration::from_secs(30))),
                4 => Act::Show(CallResult::NoAnswer(NoAnswer::CutBody)),
                _ => refused(),
            },
        }
    }

    /// Whether details shows a probe that the provider is back.
    fn shows_its_end(self) -> bool {
        !matches!(self, Self::CreatesFail | Self::CreatesSilent)
    }
}

fn error(status: u16) -> Act {
    Act::Show(CallResult::Answered(Answer { status, retry_after: None, envelope: None }))
}

fn refused() -> Act {
    Act::Show(CallResult::NotSent(NotSent::Connect))
}

/// What is published, and when.
#[derive(Clone, Copy, Debug)]
enum Traffic {
    /// A backlog of 200 at once, and 200 more over the outage.
    Much,
    /// One a minute.
    Little,
}

struct Outage {
    scene: Scene,
    process: Process,
    published: usize,
    /// When it began, and when it ended.
    began: Duration,
    ended: Duration,
}

impl Outage {
    /// A worker that has made links before, or has not, and has been through an outage of hours.
    async fn of(down: Down, traffic: Traffic, warm: bool) -> Self {
        let mut settings = Settings::usual();
        settings.policy.max_age = Duration::from_mins(20); // much less than the outage
        let scene = Scene::new(11);
        let process = scene.process(Life::long());
        let worker = process.worker(MERCHANT, &settings);
        let mut this =
            Self { scene, process, published: 0, began: Duration::ZERO, ended: Duration::ZERO };
        if !warm {
            this.begin(down);
        }
        tokio::spawn(worker.run());
        if warm {
            this.publish(20);
            super::seconds(60).await;
            assert_eq!(this.scene.broker.results().len(), 20);
            this.begin(down);
        }
        this.traffic(traffic).await;
        this.ended = this.scene.clock.elapsed();
        this.scene.smart_send.calm();
        this.publish(5);
        this
    }

    fn begin(&mut self, down: Down) {
        self.began = self.scene.clock.elapsed();
        let chance = self.scene.chance.clone();
        self.scene.smart_send.weather(chance, move |called, chance| down.act(called, chance));
    }

    fn publish(&mut self, count: usize) {
        for _ in 0..count {
            self.scene.publish(MERCHANT, &format!("a{}", self.published));
            self.published += 1;
        }
    }

    async fn traffic(&mut self, traffic: Traffic) {
        let (at_once, every) = match traffic {
            Traffic::Much => (200, OUTAGE / 200),
            Traffic::Little => (0, Duration::from_mins(1)),
        };
        self.publish(at_once);
        while self.scene.clock.elapsed() - self.began < OUTAGE {
            self.publish(1);
            tokio::time::sleep(every).await;
        }
    }

    fn calls(&self, called: Called, from: Duration, to: Duration) -> usize {
        let ledger = self.scene.smart_send.ledger();
        ledger.iter().filter(|r| r.called == called && (from..to).contains(&r.at)).count()
    }

    /// The provider is asked as often as there are probes, and a few times more at the start.
    ///
    /// Where details works, looks are answered and end intents as ever, at the merchant's pace.
    fn costs_probes_only(&self, down: Down, case: &str) {
        let probes = usize::try_from(OUTAGE.as_secs() / INTERVAL.as_secs()).unwrap();
        let count = |called| self.calls(called, self.began, self.ended);
        let [tokens, creates, lookups] = [Called::Token, Called::Create, Called::Lookup].map(count);
        assert!(tokens <= probes + 20, "{case}: {tokens} tokens");
        if down.shows_its_end() {
            let tries = probes / 10 + 30;
            assert!(creates <= tries || down == Down::TokensFail, "{case}: {creates} creates");
            assert!(lookups <= probes + 100, "{case}: {lookups} lookups");
        } else {
            assert!(creates <= probes + 30, "{case}: {creates} creates");
        }
    }

    /// Until every intent has its event, up to so long.
    async fn settled(&self, within: Duration) {
        let start = self.scene.clock.elapsed();
        loop {
            super::seconds(10).await;
            let count = self.scene.broker.results().len();
            if count >= self.published && self.announced().len() == self.published {
                return;
            }
            let waited = self.scene.clock.elapsed() - start;
            assert!(
                waited < within,
                "{} of {} are announced",
                self.announced().len(),
                self.published
            );
        }
    }

    fn announced(&self) -> BTreeSet<String> {
        self.scene
            .broker
            .results()
            .into_iter()
            .map(|event| {
                assert_eq!(event.kind, EventKind::Created, "{:?}", event.body);
                let json: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
                json["subject"].as_str().unwrap().to_owned()
            })
            .collect()
    }

    /// Everything has its one link, and nothing was failed or parked.
    async fn ends_well(&self) {
        self.settled(Duration::from_hours(2)).await;
        assert!(self.scene.broker.parked().is_empty());
        for number in 0..self.published {
            assert_eq!(self.scene.smart_send.links(&format!("a{number}")).len(), 1, "a{number}");
        }
        self.process.stopping.cancel();
    }

    /// After the first create, those of the next seconds are few.
    fn begins_slowly(&self) {
        let first = self.first_create_after_it();
        let early = self.calls(Called::Create, first, first + Duration::from_secs(8));
        assert!(early <= 16, "{early} creates within 8 s, where the rate would allow 80");
    }

    fn first_create_after_it(&self) -> Duration {
        let ledger = self.scene.smart_send.ledger();
        let first = ledger.iter().find(|r| r.called == Called::Create && r.at >= self.ended);
        first.unwrap().at
    }
}

async fn play(downs: &[Down], traffic: Traffic, warm: bool) {
    for down in downs {
        let case = format!("{down:?}, {traffic:?}, warm: {warm}");
        let outage = Outage::of(*down, traffic, warm).await;
        outage.costs_probes_only(*down, &case);
        outage.ends_well().await;
        if !matches!(down, Down::TokensFail) {
            // A probe may have been sent right before the end, and hang until its timeout.
            let first = outage.first_create_after_it() - outage.ended;
            assert!(first <= INTERVAL + Duration::from_secs(21), "{case}: after {first:?}");
        }
        if let Traffic::Much = traffic {
            outage.begins_slowly();
        }
    }
}

const WHOLE: [Down; 5] =
    [Down::Errors, Down::Silent, Down::Refused, Down::AnswersLost, Down::Mixed];
const PARTS: [Down; 3] = [Down::CreatesFail, Down::CreatesSilent, Down::TokensFail];

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn hours_without_the_provider_with_much_to_do() {
    play(&WHOLE, Traffic::Much, true).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn hours_without_the_provider_with_an_intent_a_minute() {
    play(&WHOLE, Traffic::Little, true).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn hours_without_the_provider_for_a_process_that_never_saw_it_up() {
    play(&WHOLE, Traffic::Much, false).await;
    play(&WHOLE, Traffic::Little, false).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn hours_without_a_part_of_the_provider_with_much_to_do() {
    play(&PARTS, Traffic::Much, true).await;
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn hours_without_a_part_of_the_provider_with_an_intent_a_minute() {
    play(&PARTS, Traffic::Little, true).await;
}

/// Nothing was ever made that details could show, so nothing in doubt may be sent again; and that is
/// no reason to park it while nothing can be made.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn hours_without_a_part_of_the_provider_for_a_process_that_never_saw_it_up() {
    play(&PARTS, Traffic::Much, false).await;
    play(&PARTS, Traffic::Little, false).await;
}

/// Once it is closed nothing is tried, and so nothing is counted and nothing becomes in doubt.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_was_not_tried_goes_back_as_it_came() {
    let outage = Outage::of(Down::Silent, Traffic::Much, true).await;
    let soon = outage.began + Duration::from_mins(1);
    let tried = outage.calls(Called::Create, outage.began, soon);
    assert!(tried <= 20, "{tried} creates were in flight before anyone could know");
    let tried = outage.calls(Called::Create, outage.began, outage.ended);
    let mut unsure = BTreeSet::new();
    for (_, copy) in outage.scene.broker.retried() {
        let record = Record::from_headers(&copy.headers).unwrap();
        assert!(record.attempts <= 1);
        assert_eq!(record.returns, 0);
        if record.is_in_doubt() {
            assert_eq!(record.attempts, 1, "it was sent, and that is not forgotten");
            unsure.insert(copy.body);
        }
    }
    assert!(unsure.len() <= tried, "{}", unsure.len());
    outage.ends_well().await;
}

/// Refused connections are certain: nothing was sent, so nothing is looked up afterwards.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn after_refused_connections_nothing_is_in_doubt() {
    let outage = Outage::of(Down::Refused, Traffic::Much, true).await;
    for (_, copy) in outage.scene.broker.retried() {
        let record = Record::from_headers(&copy.headers).unwrap();
        assert!(!record.is_in_doubt());
        assert_eq!(record.attempts, 0);
        assert!(record.returns <= 1, "an open breaker hands back, and that is not a trip");
    }
    outage.ends_well().await;
    for event in outage.scene.broker.results() {
        let json: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
        assert_eq!(json["data"]["attempts"], 1);
        assert_eq!(json["data"]["recovered"], false);
    }
}

/// Only details is broken: looks fail, for hours and in either way, and creates go on.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn lookups_that_fail_for_hours_hold_no_create_up() {
    for silent in [false, true] {
        let scene = Scene::new(5);
        let process = scene.process(Life::long());
        let worker = process.worker(MERCHANT, &Settings::usual());
        let scheduler = worker.context().scheduler().clone();
        tokio::spawn(worker.run());
        scene.smart_send.weather(scene.chance.clone(), move |called, _| match called {
            Called::Lookup if silent => Act::LoseRequest,
            Called::Lookup => error(503),
            Called::Create | Called::Token | Called::Manage => Act::Serve,
        });
        // Sixty of them are in doubt, and looked up again and again.
        let lost = (0..360).map(|number| match number % 6 {
            5 => Act::LoseAnswer(Duration::ZERO),
            _ => Act::Serve,
        });
        scene.smart_send.set(|state| state.timeout = Duration::from_secs(2));
        scene.smart_send.on_create(lost);
        for number in 0..3_000 {
            scene.publish(MERCHANT, &format!("a{number}"));
        }
        super::seconds(2000).await;
        assert_eq!(scheduler.state().breaker, BreakerState::Closed);
        let announced = scene.broker.results().len();
        assert!(announced >= 2_930, "silent: {silent}: {announced} after twice the time it takes");
        scene.smart_send.calm();
        super::seconds(3600).await;
        assert_eq!(scene.broker.left(MERCHANT), 0);
        let announced = scene.broker.results().len();
        assert_eq!(announced, 3_000, "the lookups came to an end");
        process.stopping.cancel();
    }
}

/// Details answers an error for whatever it does not know. The gate must not go round for ever:
/// close, a good probe, open, a lookup first, close.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_lookup_for_an_unknown_reference_that_fails_for_ever_opens_no_breaker() {
    for status in [403, 500] {
        let scene = Scene::new(5);
        let process = scene.process(Life::long());
        let worker = process.worker(MERCHANT, &Settings::usual());
        let scheduler = worker.context().scheduler().clone();
        tokio::spawn(worker.run());
        scene.smart_send.weather(scene.chance.clone(), move |called, _| match called {
            Called::Lookup => error(status),
            Called::Create | Called::Token | Called::Manage => Act::Serve,
        });
        scene.smart_send.on_create([Act::LoseRequest, Act::Serve]);
        for number in 0..50 {
            scene.publish(MERCHANT, &format!("a{number}"));
        }
        super::seconds(60).await;
        let mut closed = 0;
        for _ in 0..3600 {
            closed += usize::from(scheduler.state().breaker.is_open());
            super::seconds(1).await;
        }
        assert_eq!(closed, 0, "{status}");
        assert_eq!(scene.broker.results().len(), 49);

        // After a real outage it opens again, even though no probe is answered well.
        scene.smart_send.on_create((0..10).map(|_| error(500)));
        for number in 50..60 {
            scene.publish(MERCHANT, &format!("a{number}"));
        }
        super::seconds(7200).await;
        for number in 60..80 {
            scene.publish(MERCHANT, &format!("a{number}"));
        }
        super::seconds(7200).await;
        let announced = scene.broker.results().len();
        assert!(announced >= 69, "{status}: {announced}");
        assert_eq!(scheduler.state().breaker, BreakerState::Closed);
        process.stopping.cancel();
    }
}
