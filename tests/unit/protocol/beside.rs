//! The traces that lie beside one intent's way: a crash loop, and an event's id. What the broker does
//! with what is published to it is shown at a broker, in the test target `it`.

use std::collections::BTreeSet;

use smartsend::domain::account::Api;
use smartsend::domain::decide::{
    Decision, DeliveryInfo, Disposition, Input, IntentCase, RETURNS_MAX,
};
use smartsend::domain::event::{Event, Origin};
use smartsend::domain::intent::wire::parse;
use smartsend::domain::trace::Trace;
use smartsend::ports::Headers;
use stateright::{Checker, Model, Property};

use super::asked::{around, at, intent, policy};
use super::spaces::PLAIN;

const PARKED_UNTRIED: &str = "the broker parks nothing that was never tried";
/// The intents queue's `x-delivery-limit`: what has come back more often is dead-lettered.
const DELIVERY_LIMIT: u64 = 20;

/// A delivery that is cut short each time before it gets to a call.
struct CrashLoop {
    renews: bool,
}

/// How often the copy at the broker came back, or `None` once the broker has parked it.
impl Model for CrashLoop {
    type State = Option<u64>;
    type Action = &'static str;

    fn init_states(&self) -> Vec<Option<u64>> {
        vec![Some(0)]
    }

    fn actions(&self, state: &Option<u64>, actions: &mut Vec<&'static str>) {
        if state.is_some() {
            actions.push("deliver and crash");
        }
    }

    fn next_state(&self, state: &Option<u64>, _: &'static str) -> Option<Option<u64>> {
        let count = (*state)?;
        let (intent, policy, headers) = (intent(&PLAIN), policy(&PLAIN), Headers::new());
        let arrival = DeliveryInfo {
            headers: &headers,
            own: false,
            redelivered: count > 0,
            delivery_count: if self.renews { count } else { count.min(RETURNS_MAX - 1) },
            recent: false,
            verdict: None,
            now: at(0),
        };
        let mut case = IntentCase::open(&intent, &policy, arrival);
        Some(match case.decide(Input::Start, &around(at(0))) {
            // Published anew before anything else.
            Decision::Dispose(Disposition::RetryLater(_)) => Some(0),
            _ if count >= DELIVERY_LIMIT => None,
            _ => Some(count + 1),
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(PARKED_UNTRIED, |_, state: &Option<u64>| state.is_some())]
    }
}

#[test]
fn trace_15_a_crash_loop_ends_with_the_broker_parking_what_was_never_tried() {
    let checker = CrashLoop { renews: true }.checker().spawn_bfs().join();
    checker.assert_properties();
    super::show("a crash loop", checker.unique_state_count(), 0);
    let checker = CrashLoop { renews: false }.checker().spawn_bfs().join();
    let actions = checker.assert_any_discovery(PARKED_UNTRIED).into_actions();
    super::say_broken("without the cure of 15", PARKED_UNTRIED, &actions);
}

/// Downstream that takes each id once sees both failures only if the ids are made of the bodies.
#[test]
fn trace_18_two_unreadable_intents_share_an_id_and_downstream_drops_one() {
    let seen_by_downstream = |id_is_made_of: fn(&'static [u8]) -> &'static [u8]| {
        let bodies: [&[u8]; 2] = [b"{", b"["];
        let ids = bodies.map(|body| {
            let invalid = parse(body, Api::V1).unwrap_err();
            let origin = Origin {
                payout_merchant_id: "1111312",
                merchant: "default",
                message_id: None,
                trace: Trace::default(),
                now: at(0),
            };
            Event::of_invalid(&invalid, id_is_made_of(body), origin).id
        });
        BTreeSet::from(ids).len()
    };
    assert_eq!(seen_by_downstream(|body| body), 2);
    assert_eq!(seen_by_downstream(|_| b""), 1, "made of anything that both have: one is dropped");
}
