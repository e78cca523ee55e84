//! Cancels beside a backlog of intents: how soon the first is done, and how well both queues together
//! use the rate.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions, QueuePurgeOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer, Queue};
use smartsend::clock::SystemClock;
use smartsend::ports::Clock;
use tokio::time::timeout;

use crate::ground::{Ground, INTENTS, Limits, RESULTS};
use crate::load;
use crate::pace::{fullest_second, share_used};
use crate::process::Process;
use crate::proof::Row;
use crate::table::text;

/// The backlog for each link that is cancelled.
const BACKLOG: u32 = 10;
/// Calls at once, more than any rate here needs.
const IN_FLIGHT: usize = 64;
/// How soon after its publish the first cancel has its event.
const FIRST_MAX: Duration = Duration::from_secs(2);
/// What has to be used of the allowed rate while both queues have work, with a burst that is large
/// enough to make up for a wake-up that comes late: a tenth of a second's. A smaller one is only
/// shown. The default of 2 leaves each queue one at a time, and what comes late there is lost.
const SHARE_MIN: f64 = 0.97;
/// The limiters space the sends, and the ledger has the arrivals: a busy machine may bunch what was
/// sent over a quarter of a second more. Two limiters that each had the whole rate would be at twice.
const BUNCHED: u32 = 4;
/// A run in which nothing comes for so long has failed.
const PATIENCE: Duration = Duration::from_mins(1);
const COMMANDS: &str = "smartsend.commands.default";
const SECOND: Duration = Duration::from_secs(1);

/// What one run came to.
struct Done {
    first: Duration,
    share: f64,
    fullest: u32,
}

/// Measures and prints the table, and adds what was missed.
pub(crate) async fn table(
    ground: &Ground,
    links: u32,
    rates: &[u32],
    seconds: u32,
    missed: &mut Vec<String>,
) {
    ground.declare_commands();
    let intents = links * BACKLOG;
    println!(
        "\n{links} cancels published at once beside a backlog of {intents} intents. Commands have \
         half of the rate, of the burst and of the calls at once; {seconds} s from the first one.\n"
    );
    let head =
        ["requests/s", "burst", "first event after", "used", "fullest second: allowed", "was"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for &rate in rates {
        let ample = (rate / 10).max(8);
        for burst in [2, 4, ample] {
            let limits = Limits { in_flight: IN_FLIGHT, rate, burst };
            let Done { first, share, fullest } = run(ground, links, limits, seconds).await;
            let allowed = rate + burst;
            rows.push(vec![
                rate.to_string(),
                burst.to_string(),
                format!("{:.2} s", first.as_secs_f64()),
                format!("{share:.4}"),
                allowed.to_string(),
                fullest.to_string(),
            ]);
            let which = format!("at {rate} per second with a burst of {burst}");
            if first > FIRST_MAX {
                missed.push(format!("{which} the first cancel took {first:?}"));
            }
            if burst == ample && share < SHARE_MIN {
                missed.push(format!("{which} only {share:.4} of the requests were used"));
            }
            if fullest > allowed + rate / BUNCHED {
                missed.push(format!("{which} {fullest} came to the sandbox in one second"));
            }
            let made = ground.summary().await;
            Row {
                layer: format!("cancels: {which}, {share:.3} of the rate used"),
                runs: 1,
                unit: "runs",
                intents: intents.into(),
                links: made.links.into(),
                doubles: (made.links - made.references).into(),
                ..Row::default()
            }
            .show();
        }
    }
    println!("{}", text(&rows));
}

async fn run(ground: &Ground, links: u32, limits: Limits, seconds: u32) -> Done {
    let (channel, mut results) = prepare(ground, links).await;
    let mut worker = ground.worker_with_commands(limits, limits.rate / 2);
    await_result(ground, &mut results, &mut worker, "link.created.").await;
    let clock = SystemClock::start();
    let begun = clock.now();
    // All are published before the first of their events is looked for: that is what a person does
    // who cancels a batch.
    let ((), ()) = tokio::join!(
        load::cancel(ground, 0..links),
        await_result(ground, &mut results, &mut worker, "link.cancelled."),
    );
    let first = clock.now().steady.saturating_sub(begun.steady);
    tokio::time::sleep(SECOND * (seconds + 1)).await;
    for queue in [COMMANDS, INTENTS] {
        assert!(look(&channel, queue).await.message_count() > 0, "{queue} has work until the end");
    }
    let begun = Duration::try_from(begun.wall.duration_since(jiff::Timestamp::UNIX_EPOCH)).unwrap();
    let arrivals = ground.arrivals().await.into_iter().map(Duration::from_micros);
    let arrivals: Vec<_> = arrivals.filter(|at| *at >= begun + first).collect();
    worker.stop();
    channel.close(200, "OK".into()).await.unwrap();
    let share = share_used(&arrivals, limits.rate, seconds);
    Done { first, share, fullest: fullest_second(&arrivals) }
}

/// Makes the links, as fast as they can be made, and fills the queue with the backlog.
async fn prepare(ground: &Ground, links: u32) -> (Channel, Consumer) {
    let channel = ground.connection().create_channel().await.unwrap();
    // What the last worker handed back is on its way through the shortest retries.
    for queue in ["smartsend.retry.1s", "smartsend.commands.retry.1s", COMMANDS] {
        channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await.unwrap();
    }
    ground.clear().await;
    load::fill_with(ground, 0..links).await;
    let worker = ground.worker_with_commands(Limits::only_in_flight(IN_FLIGHT), 1);
    while ground.results().await < links {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    worker.stop();
    channel.queue_purge(RESULTS.into(), QueuePurgeOptions::default()).await.unwrap();
    load::fill_with(ground, links..links * (1 + BACKLOG)).await;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let tag = "bench.cancels".into();
    let results = channel.basic_consume(RESULTS.into(), tag, options, FieldTable::default());
    (channel.clone(), results.await.unwrap())
}

/// Waits for a result with such a routing key.
async fn await_result(ground: &Ground, results: &mut Consumer, worker: &mut Process, key: &str) {
    let waiting = async {
        while let Some(result) = results.next().await {
            if result.unwrap().routing_key.as_str().starts_with(key) {
                return;
            }
        }
    };
    let waited = timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok() && !worker.has_ended(), "no {key}:\n{}", ground.log("worker.log"));
}

async fn look(channel: &Channel, queue: &str) -> Queue {
    let passive = QueueDeclareOptions::durable().passive();
    channel.queue_declare(queue.into(), passive, FieldTable::default()).await.unwrap()
}
