//! The promises at every point between two effects: the worker is killed exactly there.
//!
//! Proxies that understand what passes stand between the worker and the world, so the product needs
//! no hook. [`Point`](point::Point) names the points, and [`Plot`](point::Plot) what makes a worker
//! come by them. Each kill takes a batch of intents of its own; the next worker has to bring them
//! all to rest, and the ledger is counted at the end.
//!
//! `SMARTSEND_CRASH_NTH` is the last time of coming by a point at which it is killed, 1 by default.

mod ground;
mod lookout;
mod point;

use futures_util::future::join_all;

use ground::{Course, Outcome, Setting};
use point::Plot;

use crate::support::proof::{Row, size};
use crate::support::tally::Tally;

/// Which plots share an installation: all of these take about the same time.
const COURSES: [&[Plot]; 3] = [
    &[Plot::Plain],
    &[Plot::AnswersLost, Plot::CreatesLost, Plot::Stopping],
    &[Plot::Unreachable, Plot::Throttled, Plot::OverLimit],
];
/// Under the strict setting nothing is sent once more.
const STRICT_COURSES: [&[Plot]; 3] = [
    &[Plot::Plain],
    &[Plot::AnswersLost, Plot::Stopping],
    &[Plot::Unreachable, Plot::Throttled, Plot::OverLimit],
];

/// Kills at every point, with every intent published once and with some published twice.
async fn killed_at_every_point(setting: Setting, names: [&str; 2]) {
    let nth_max = size("SMARTSEND_CRASH_NTH", 1);
    let courses = match setting {
        Setting::Refusing => COURSES,
        Setting::NaiveAndStrict => STRICT_COURSES,
    };
    let courses = courses
        .into_iter()
        .flat_map(|plots| [false, true].map(|twice| Course { plots, setting, twice, nth_max }));
    let running = courses.map(async |course| (course.twice, ground::run(course).await));
    let outcomes = join_all(running).await;
    for (name, twice) in names.into_iter().zip([false, true]) {
        let own = outcomes.iter().filter(|outcome| outcome.0 == twice);
        show(name, &own.map(|(_, outcome)| outcome).collect::<Vec<_>>());
    }
}

fn show(name: &str, outcomes: &[&Outcome]) {
    let mut tally = Tally::default();
    for outcome in outcomes {
        tally.add(&outcome.tally);
    }
    let kills = outcomes.iter().map(|outcome| outcome.kills).sum();
    let provider_faults: u64 = outcomes.iter().map(|outcome| outcome.provider_faults).sum();
    Row {
        runs: kills,
        unit: "points",
        faults: kills + provider_faults,
        kills,
        unresolved_max: outcomes.iter().map(|outcome| outcome.unresolved_max).sum(),
        ..tally.row(format!("crash points: {name}"))
    }
    .show();
}

#[tokio::test]
async fn one_link_each_with_a_provider_that_refuses_duplicates() {
    killed_at_every_point(Setting::Refusing, ["refusing, v2", "refusing, twice, v1"]).await;
}

#[tokio::test]
async fn no_second_link_under_the_strict_setting_with_a_naive_provider() {
    let names = ["naive, strict, v1", "naive, strict, twice, v2"];
    killed_at_every_point(Setting::NaiveAndStrict, names).await;
}
