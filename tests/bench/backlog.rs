//! A long backlog, and the memory that draining it takes.
//!
//! The worker keeps nothing, so a backlog of a million intents may cost it no more memory than one
//! of ten thousand. What it keeps by design is bounded: what is in flight, and the references that it
//! has sent lately. The broker and the sandbox do grow, in processes of their own.
//!
//! Two buffers of the client library are counted apart. It reserves a ring of 32 frames for each
//! direction of a connection, and keeps writing round it however little it holds. Where only
//! acknowledgements go, 21 bytes each, that takes two hundred thousand intents, and until then the
//! system has not yet given all of its pages.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::BasicConsumeOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use smartsend::clock::SystemClock;
use smartsend::ports::Clock;
use tokio::time::interval;

use crate::ground::{Ground, Limits, RESULTS};
use crate::load;
use crate::process::{Process, Usage};
use crate::proof::Row;
use crate::table::{median, mib, text};

/// The small backlog that a long one is compared with.
const SMALL: u32 = 10_000;
/// Runs with that; the median counts.
const SMALL_RUNS: usize = 3;
/// What the long one may use, as a share of the small one's peak.
const RATIO_MAX: f64 = 1.2;
/// The size of a ring of the client library: 32 frames of 128 KiB.
const RING_BYTES: u64 = 32 * 128 * 1024;
/// Rings with nothing but acknowledgements in them: to the broker on the connection that consumes,
/// from it on the one that publishes.
const RINGS: u64 = 2;
/// The size of an acknowledgement, as a frame.
const ACK_BYTES: u64 = 21;
const IN_FLIGHT: usize = 64;
/// How often memory is sampled.
const GLANCE: Duration = Duration::from_secs(1);
/// Glances without a result after which a run has failed.
const PATIENCE: usize = 30;
/// The most lines of the figure over time, and the width of its bars.
const LINES_MAX: usize = 40;
const BAR: f64 = 50.0;

/// One sample of a run.
#[derive(Clone, Copy, Debug)]
struct Glance {
    after: Duration,
    done: u32,
    resident: u64,
}

/// The result of one run.
struct Drain {
    glances: Vec<Glance>,
    /// The peak of memory when so many intents as a small backlog has were done.
    peak_at_small: u64,
    /// And at the end.
    peak: u64,
    tally: Tally,
}

/// The outcomes of the intents; `seen` has a flag for each.
struct Tally {
    seen: Vec<bool>,
    /// Intents that have a result.
    done: u32,
    failed: u32,
    unresolved: u32,
}

/// Drains a backlog, prints its memory over time, and adds what was missed.
pub(crate) async fn figure(ground: &Ground, intents: u32, missed: &mut Vec<String>) {
    let mut peaks = Vec::new();
    for _ in 0..SMALL_RUNS {
        peaks.push(mib(drain(ground, SMALL).await.peak));
    }
    let small = median(peaks.iter().copied());
    let long = drain(ground, intents).await;
    let (at_small, peak) = (mib(long.peak_at_small), mib(long.peak));
    println!("\n{intents} intents, {IN_FLIGHT} in flight, a sandbox that answers at once.");
    println!("The bar's end is what is allowed: {RATIO_MAX} of the peak at {SMALL} intents, and");
    println!("{:.1} MiB of the client library's rings.\n", rings(intents));
    println!("{}\n", long.over_time(small * RATIO_MAX + rings(intents)));
    let each: Vec<_> = peaks.iter().map(|peak| format!("{peak:.1}")).collect();
    println!("Peak with {SMALL} intents: {small:.1} MiB, the median of {}.", each.join(", "));
    println!(
        "Peak with {intents} intents: {peak:.1} MiB; {at_small:.1} MiB after {SMALL} of them."
    );
    let ratio = (peak - rings(intents)) / small;
    println!("Ratio without the rings: {ratio:.2}; with them: {:.2}.\n", peak / small);
    if ratio > RATIO_MAX {
        missed.push(format!(
            "with a backlog of {intents} the worker used {peak:.1} MiB, {ratio:.2} of what it uses \
             with {SMALL}, more than {RATIO_MAX}"
        ));
    }
    row(ground, intents, &long.tally, ratio).await.show();
}

/// What the rings have taken of the memory once so many intents are done, in MiB.
fn rings(intents: u32) -> f64 {
    mib(RINGS * RING_BYTES.min(ACK_BYTES * u64::from(intents)))
}

async fn row(ground: &Ground, intents: u32, tally: &Tally, ratio: f64) -> Row {
    let made = ground.summary().await;
    Row {
        layer: format!("backlog: peak of memory {ratio:.2} of that at {SMALL}"),
        runs: 1,
        unit: "runs",
        intents: intents.into(),
        links: made.links.into(),
        doubles: (made.links - made.references).into(),
        lost: (intents - tally.done).into(),
        wrong_failed: tally.failed.into(),
        unresolved: tally.unresolved.into(),
        ..Row::default()
    }
}

async fn drain(ground: &Ground, intents: u32) -> Drain {
    ground.clear().await;
    eprintln!("{intents} intents are published ...");
    load::fill(ground, intents).await;
    eprintln!("... and drained");
    let (channel, mut results) = consume(ground).await;
    let mut worker = ground.worker(Limits::only_in_flight(IN_FLIGHT));
    let drain = watch(ground, intents, &mut worker, &mut results).await;
    // What the worker does after the last result, it does before it has stopped.
    worker.stop();
    channel.close(200, "OK".into()).await.unwrap();
    assert_eq!(ground.links().await, intents, "each intent has its link");
    assert_eq!(ground.intents().await, 0, "each intent is acknowledged");
    assert_eq!(drain.tally.failed + drain.tally.unresolved, 0, "each result is a link");
    drain
}

/// Takes results as they come, so that they take up no process's memory.
async fn consume(ground: &Ground) -> (Channel, Consumer) {
    let channel = ground.connection().create_channel().await.unwrap();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let tag = "bench.results".into();
    let consumer = channel.basic_consume(RESULTS.into(), tag, options, FieldTable::default());
    let consumer = consumer.await.unwrap();
    (channel, consumer)
}

/// Counts results until each intent has one, and lookups at the worker's memory every second.
async fn watch(
    ground: &Ground,
    intents: u32,
    worker: &mut Process,
    results: &mut Consumer,
) -> Drain {
    let clock = SystemClock::start();
    let begun = clock.now().steady;
    let mut glances: Vec<Glance> = Vec::new();
    let mut tally = Tally::of(intents);
    let mut peak_at_small = None;
    let mut tick = interval(GLANCE);
    tick.tick().await; // the first one is at once
    let mut glance = |usage: Usage, done| {
        let after = clock.now().steady.saturating_sub(begun);
        glances.push(Glance { after, done, resident: usage.resident });
        let earlier = glances.iter().rev().nth(PATIENCE);
        earlier.is_none_or(|earlier| earlier.done < done)
    };
    while tally.done < intents {
        tokio::select! {
            result = results.next() => tally.count(&result.unwrap().unwrap()),
            _ = tick.tick() => assert!(
                glance(worker.usage(), tally.done) && !worker.has_ended(),
                "the worker came to a stop after {} results:\n{}", tally.done, ground.log("worker.log"),
            ),
        }
        if tally.done >= SMALL && peak_at_small.is_none() {
            peak_at_small = Some(worker.usage().peak);
        }
    }
    let usage = worker.usage();
    glance(usage, tally.done);
    let peak = usage.peak;
    Drain { glances, peak_at_small: peak_at_small.unwrap_or(peak), peak, tally }
}

impl Tally {
    fn of(intents: u32) -> Self {
        let seen = vec![false; usize::try_from(intents).unwrap()];
        Self { seen, done: 0, failed: 0, unresolved: 0 }
    }

    fn count(&mut self, result: &Delivery) {
        let id = result.properties.correlation_id().as_ref().expect("an event names its intent");
        let number = load::number(id.as_str()).expect("the intent is one of this run");
        let seen = self.seen.get_mut(number).expect("the intent is one of this run");
        if std::mem::replace(seen, true) {
            return;
        }
        self.done += 1;
        let key = result.routing_key.as_str();
        self.failed += u32::from(key.starts_with("link.failed."));
        self.unresolved += u32::from(key.starts_with("link.unresolved."));
    }
}

impl Drain {
    /// The figure: a line for each second, or as many as fit. A full bar is `allowed` MiB.
    fn over_time(&self, allowed: f64) -> String {
        let head = ["after", "done", "intents/s", "resident", ""];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let every = self.glances.len().div_ceil(LINES_MAX).max(1);
        let last = self.glances.len().saturating_sub(1);
        let mut before = Glance { after: Duration::ZERO, done: 0, resident: 0 };
        for (number, glance) in self.glances.iter().enumerate() {
            if (number + 1) % every != 0 && number != last {
                continue;
            }
            let took = glance.after.saturating_sub(before.after).as_secs_f64();
            let resident = mib(glance.resident);
            rows.push(vec![
                format!("{:.0} s", glance.after.as_secs_f64()),
                glance.done.to_string(),
                format!("{:.0}", f64::from(glance.done - before.done) / took),
                format!("{resident:.1} MiB"),
                bar(resident / allowed),
            ]);
            before = *glance;
        }
        text(&rows)
    }
}

/// A bar whose end is marked; what is over it is drawn over it.
fn bar(share: f64) -> String {
    let marks = |steps: f64| (1..=200).take_while(|mark| f64::from(*mark) <= steps).count();
    let (width, filled) = (marks(BAR), marks(share * BAR));
    format!(
        "{:<width$}|{}",
        "#".repeat(filled.min(width)),
        "#".repeat(filled.saturating_sub(width))
    )
}
