//! Any sequence of steps, with a kill after any of them: no row is lost, none ends twice, and each
//! ends as its last event said.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use smartsend::domain::event::ReceivedResult;
use smartsend::local::Standing;

use super::*;

const ROWS: usize = 4;

/// What is done with the next delivery.
#[derive(Clone, Copy, Debug)]
enum Step {
    End(EventKind),
    Retry,
    Drop,
}

/// Where the process is killed on the way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kill {
    Never,
    BeforePublish,
    AfterPublish,
}

fn steps() -> impl Strategy<Value = Vec<(Step, Kill)>> {
    let step = prop_oneof![
        prop::sample::select(&EventKind::OF_INTENTS[..]).prop_map(Step::End),
        Just(Step::Retry),
        Just(Step::Drop),
    ];
    let kill = prop_oneof![
        3 => Just(Kill::Never),
        1 => Just(Kill::BeforePublish),
        1 => Just(Kill::AfterPublish),
    ];
    prop::collection::vec((step, kill), 1..30)
}

/// What is known of the rows beside the file.
#[derive(Default)]
struct Known {
    ended: BTreeMap<String, EventKind>,
    /// Rows whose last delivery ended with nothing in its place.
    in_doubt: BTreeSet<String>,
}

async fn next(bench: &mut Bench, known: &Known) -> (LocalDelivery, String) {
    bench.clock.advance(Duration::from_millis(1001));
    let delivery = bench.next().await;
    let reference = reference_of(&delivery);
    assert!(!known.ended.contains_key(&reference), "{reference} has ended, and comes again");
    let is_doubted = known.in_doubt.contains(&reference);
    assert_eq!(delivery.delivered().redelivered, is_doubted, "{reference}");
    (delivery, reference)
}

async fn publish(bench: &Bench, reference: &str, step: Step, known: &mut Known) {
    match step {
        Step::End(kind) => {
            bench.publish(&event(reference, kind)).await;
            known.ended.insert(reference.to_owned(), kind);
        }
        Step::Retry => bench.publish(&retry(reference, Duration::from_secs(1))).await,
        Step::Drop => {
            known.in_doubt.insert(reference.to_owned());
            return;
        }
    }
    known.in_doubt.remove(reference);
}

async fn run(steps: Vec<(Step, Kill)>) {
    let mut ground = Ground::with_rows(ROWS);
    let mut bench = ground.work(1);
    let mut known = Known::default();
    for (step, kill) in steps {
        if known.ended.len() == ROWS {
            break;
        }
        let (delivery, reference) = next(&mut bench, &known).await;
        let step = if kill == Kill::BeforePublish { Step::Drop } else { step };
        publish(&bench, &reference, step, &mut known).await;
        if kill != Kill::Never {
            let cut = ground.cut();
            drop(bench);
            ground = cut;
            bench = ground.work(1);
        }
        drop(delivery);
    }
    while known.ended.len() < ROWS {
        let (_delivery, reference) = next(&mut bench, &known).await;
        publish(&bench, &reference, Step::End(EventKind::Created), &mut known).await;
    }
    let rows = report(&bench.close().await);
    assert_eq!(rows.len(), ROWS);
    for row in rows {
        let kind = match row.standing {
            Standing::Ended(ReceivedResult::Created(_)) => EventKind::Created,
            Standing::Ended(ReceivedResult::Failed(_)) => EventKind::Failed,
            Standing::Ended(ReceivedResult::Rejected(_)) => EventKind::Rejected,
            Standing::Ended(ReceivedResult::Unresolved(_)) => EventKind::Unresolved,
            Standing::Unsent | Standing::InDoubt => panic!("{row:?} has not ended"),
        };
        assert_eq!(known.ended[row.reference.as_str()], kind, "{row:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_row_is_lost_or_ends_twice_wherever_it_is_killed(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(run(steps));
    }
}
