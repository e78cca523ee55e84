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

const PLOTS: [Plot; 7] = [
    Plot::Plain,
    Plot::AnswersLost,
    Plot::CreatesLost,
    Plot::Unreachable,
    Plot::Throttled,
    Plot::OverLimit,
    Plot::Stopping,
];

async fn killed_at_every_point(setting: Setting, twice: bool, name: &str) {
    let nth_max = size("SMARTSEND_CRASH_NTH", 1);
    // Under the strict setting nothing is sent once more.
    let comes = |plot: &Plot| setting == Setting::Refusing || *plot != Plot::CreatesLost;
    let courses = PLOTS.into_iter().filter(comes);
    let courses = courses.map(|plot| ground::run(Course { plot, setting, twice, nth_max }));
    let mut total = Outcome::default();
    for outcome in join_all(courses).await {
        total.tally.add(&outcome.tally);
        total.kills += outcome.kills;
        total.provider_faults += outcome.provider_faults;
    }
    let tally = &total.tally;
    Row {
        layer: format!("crash points: {name}"),
        runs: total.kills,
        unit: "points",
        intents: tally.intents,
        faults: total.kills + total.provider_faults,
        kills: total.kills,
        links: tally.links,
        doubles: tally.doubled,
        lost: tally.lost,
        wrong_failed: tally.failed,
        unresolved: tally.unresolved,
        seeds: String::new(),
    }
    .show();
}

#[tokio::test]
async fn one_link_each_with_a_provider_that_refuses_duplicates() {
    killed_at_every_point(Setting::Refusing, false, "refusing").await;
}

#[tokio::test]
async fn one_link_each_though_every_third_intent_is_published_twice() {
    killed_at_every_point(Setting::Refusing, true, "refusing, twice").await;
}

#[tokio::test]
async fn no_second_link_under_the_strict_setting_with_a_naive_provider() {
    killed_at_every_point(Setting::NaiveAndStrict, false, "naive, strict").await;
}

#[tokio::test]
async fn no_second_link_under_the_strict_setting_though_published_twice() {
    killed_at_every_point(Setting::NaiveAndStrict, true, "naive, strict, twice").await;
}
