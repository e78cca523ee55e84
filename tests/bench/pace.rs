//! How much of the allowed rate is used, and how full the fullest second is.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smartsend::admission::rate_limiter::Rate;
use smartsend::admission::scheduler::Scheduler;
use smartsend::clock::SystemClock;
use smartsend::domain::call::Priority;
use smartsend::ports::Clock;

use crate::ground::{Ground, Limits};
use crate::load;
use crate::table::text;

/// Calls at once, more than any rate here needs.
const IN_FLIGHT: usize = 64;
/// What has to be used of the allowed rate.
const SHARE_MIN: f64 = 0.98;
/// What the wire may bunch.
const WIRE: f64 = 1.01;
/// Seconds that a run gets besides those that are measured.
const MORE_SECONDS: u32 = 2;

const SECOND: Duration = Duration::from_secs(1);

/// Measures and prints the table, and adds what was missed.
pub(crate) async fn table(ground: &Ground, rates: &[u32], seconds: u32, missed: &mut Vec<String>) {
    println!("\nPace over {seconds} s; a burst is worth 20 ms of the rate, and at least 2.\n");
    let head = [
        "requests/s",
        "burst",
        "used",
        "fullest second: allowed",
        "at the limiter",
        "at the sandbox",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for &rate in rates {
        let burst = (rate / 50).max(2);
        // While the worker is not running, so that neither disturbs the other.
        let given = moments_given(rate, burst, seconds).await;
        let at_limiter = fullest_second(&given);
        let arrived = moments_arrived(ground, rate, burst, seconds).await;
        let at_sandbox = fullest_second(&arrived);
        let share = share_used(&arrived, rate, seconds);
        let allowed = rate + burst;
        rows.push(vec![
            rate.to_string(),
            burst.to_string(),
            format!("{share:.4}"),
            allowed.to_string(),
            at_limiter.to_string(),
            at_sandbox.to_string(),
        ]);
        if share < SHARE_MIN {
            missed.push(format!("at {rate} requests per second only {share:.4} of them were used"));
        }
        if at_limiter > allowed {
            missed.push(format!("at {rate} per second the limiter gave {at_limiter} in a second"));
        }
        if f64::from(at_sandbox) > f64::from(allowed) * WIRE {
            missed.push(format!("at {rate} per second {at_sandbox} came to the sandbox in one"));
        }
    }
    println!("{}", text(&rows));
}

/// When permits were given, to as many at once as there may be calls.
async fn moments_given(rate: u32, burst: u32, seconds: u32) -> Vec<Duration> {
    let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    let limits = smartsend::admission::Limits {
        rate: Rate { per_second: at_least_one(rate), burst: at_least_one(burst) },
        concurrency: u32::MAX,
        max_retry_after: SECOND,
    };
    let clock = SystemClock::start();
    let scheduler = Scheduler::new(limits, clock);
    let given = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (scheduler, given) = (scheduler.clone(), Arc::clone(&given));
        tasks.spawn(async move {
            // A token passes the half-open breaker, which waits for a create to be answered well.
            while let Ok(permit) = scheduler.acquire(Priority::Token).await {
                given.lock().unwrap().push(clock.now().steady);
                drop(permit);
            }
        });
    }
    let over = tokio::time::timeout(SECOND * seconds, scheduler.drive()).await;
    assert!(over.is_err(), "it is driven until the time is over");
    tasks.shutdown().await;
    std::mem::take(&mut *given.lock().unwrap())
}

/// When requests came to the sandbox, with more intents waiting than can be sent.
async fn moments_arrived(ground: &Ground, rate: u32, burst: u32, seconds: u32) -> Vec<Duration> {
    ground.clear().await;
    let intents = rate * (seconds + 2 * MORE_SECONDS) + 2 * burst;
    load::fill(ground, intents).await;
    let worker = ground.worker(Limits { in_flight: IN_FLIGHT, rate, burst });
    while ground.results().await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(SECOND * (seconds + MORE_SECONDS)).await;
    assert!(ground.results().await < intents, "there are intents until the end");
    let arrivals = ground.arrivals().await;
    worker.stop();
    arrivals.into_iter().map(Duration::from_micros).collect()
}

/// What was sent of what might have been, from the first request on.
pub(crate) fn share_used(moments: &[Duration], rate: u32, seconds: u32) -> f64 {
    let first = moments.first().copied().unwrap_or_default();
    let end = first + SECOND * seconds;
    let sent = moments.iter().filter(|moment| **moment < end).count();
    f64::from(u32::try_from(sent).unwrap()) / f64::from(rate * seconds)
}

/// The most within any second, wherever it begins.
pub(crate) fn fullest_second(moments: &[Duration]) -> u32 {
    let mut sorted = moments.to_vec();
    sorted.sort();
    let mut fullest = 0;
    for (first, begin) in sorted.iter().enumerate() {
        let within = sorted.iter().skip(first).take_while(|moment| **moment < *begin + SECOND);
        fullest = fullest.max(within.count());
    }
    u32::try_from(fullest).unwrap()
}
