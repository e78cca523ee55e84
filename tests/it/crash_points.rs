//! The promises at every point between two effects: the worker is killed exactly there.
//!
//! Proxies that understand what passes stand between the worker and the world, so the product needs
//! no hook. [`Point`](point::Point) names the points, and [`Plot`](point::Plot) what makes a worker
//! come by them. Each kill takes a batch of intents of its own; the next worker has to bring them
//! all to rest, and the ledger is counted at the end.
//!
//! `smartsend batch` has its effects in files too. The kernel ends it at a write there: at each page of
//! the store, whole or in its middle, and in the report.
//!
//! `SMARTSEND_CRASH_NTH` is the last time of coming by a point at which it is killed, 1 by default.

mod batch;
mod commands;
mod ground;
mod lookout;
mod point;
mod site;

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
    let deaths = outcomes.iter().map(|outcome| outcome.deaths).sum();
    let provider_faults: u64 = outcomes.iter().map(|outcome| outcome.provider_faults).sum();
    Row {
        runs: deaths,
        unit: "points",
        faults: deaths + provider_faults,
        kills: outcomes.iter().map(|outcome| outcome.kills).sum(),
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

/// Which plots of commands share an installation.
const OF_COMMANDS: [&[commands::Plot]; 4] = [
    &[commands::Plot::Cancels],
    &[commands::Plot::Extends],
    &[commands::Plot::NotYet, commands::Plot::AnswersLost],
    &[commands::Plot::RequestsLost],
];

/// The plots take turns between the APIs, and in the long form each of them has both.
#[tokio::test]
async fn every_command_has_the_end_that_the_ledger_shows() {
    let nth_max = size("SMARTSEND_CRASH_NTH", 1);
    let plots = OF_COMMANDS.into_iter().zip(["v2", "v1"].into_iter().cycle());
    let courses = plots.flat_map(|(plots, api)| {
        let other = if api == "v1" { "v2" } else { "v1" };
        let apis = [api, other].into_iter().take(if nth_max > 1 { 2 } else { 1 });
        apis.map(move |api| commands::Course { plots, api, nth_max })
    });
    let done = join_all(courses.map(commands::run)).await;
    for api in ["v1", "v2"] {
        let own: Vec<_> = done.iter().filter(|done| done.api == api).collect();
        let commands: u64 = own.iter().map(|done| done.commands).sum();
        let outcomes: Vec<_> = own.into_iter().map(|done| &done.outcome).collect();
        show(&format!("{commands} commands, {api}"), &outcomes);
    }
}

/// Kills batches on the wire, and at what they write.
async fn batches_killed_at_every_point(setting: Setting, name: &str) {
    let nth_max = size("SMARTSEND_CRASH_NTH", 1);
    let plots = [batch::Plot::Plain, batch::Plot::AnswersLost, batch::Plot::FirstInVain];
    let on_the_wire = plots.map(async |plot| batch::on_the_wire(setting, plot, nth_max).await);
    let (wire, pages, report) = tokio::join!(
        join_all(on_the_wire),
        batch::at_its_pages(setting, nth_max),
        batch::at_its_report(setting)
    );
    show(&format!("batch, {name}"), &wire.iter().collect::<Vec<_>>());
    let written: Vec<_> = pages.iter().chain([&report]).collect();
    show(&format!("batch, {name}, at its writes"), &written);
}

#[tokio::test]
async fn a_batch_gets_one_link_each_with_a_provider_that_refuses_duplicates() {
    batches_killed_at_every_point(Setting::Refusing, "refusing").await;
}

#[tokio::test]
async fn a_batch_gets_no_second_link_under_the_strict_setting_with_a_naive_provider() {
    batches_killed_at_every_point(Setting::NaiveAndStrict, "naive, strict").await;
}
