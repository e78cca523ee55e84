//! The shell: who waits is woken, who leaves takes nothing along, and what time ends is seen to end.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smartsend::admission::circuit_breaker::{BreakerState, ProbeResult};
use smartsend::admission::scheduler::{BreakerOpen, Permit, Scheduler};
use smartsend::admission::signal::Signal;
use smartsend::domain::call::Priority;
use smartsend::ports::Clock;
use tokio::task::JoinHandle;

use super::rate_limiter::assert_never_too_many;
use super::{DENIED, FOREIGN, throttled};
use crate::support::model::{ModelClock, Scene, Settings};

/// A scheduler with a driver, and its clock.
fn half_open(settings: &Settings) -> (Scheduler<ModelClock>, ModelClock) {
    let clock = Scene::new(0).clock;
    let scheduler = Scheduler::new(settings.limits, clock.clone());
    let driven = scheduler.clone();
    tokio::spawn(async move { driven.drive().await });
    (scheduler, clock)
}

/// One whose breaker is closed.
fn closed(settings: &Settings) -> (Scheduler<ModelClock>, ModelClock) {
    let (scheduler, clock) = half_open(settings);
    scheduler.record(None, Signal::Answered);
    (scheduler, clock)
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Waits for a permit, and writes down when it came.
fn acquire(
    scheduler: &Scheduler<ModelClock>,
    clock: &ModelClock,
    priority: Priority,
) -> JoinHandle<(Duration, Result<Permit<ModelClock>, BreakerOpen>)> {
    let (scheduler, clock) = (scheduler.clone(), clock.clone());
    tokio::spawn(async move {
        let permit = scheduler.acquire(priority).await;
        (clock.elapsed(), permit)
    })
}

/// Whether a future is still waiting after a second.
async fn waits(future: impl Future) -> bool {
    tokio::time::timeout(Duration::from_secs(1), future).await.is_err()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_first_permit_takes_as_long_as_the_empty_limiter() {
    let (scheduler, clock) = half_open(&Settings::usual());
    let _permit = scheduler.acquire(Priority::New).await.unwrap();
    assert_eq!(clock.elapsed(), Duration::from_millis(100));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_permit_that_is_dropped_returns_its_place() {
    let (scheduler, clock) = half_open(&Settings::usual());
    let first = scheduler.acquire(Priority::New).await.unwrap();
    let second = acquire(&scheduler, &clock, Priority::New);
    seconds(5).await;
    assert!(!second.is_finished(), "while half-open one call is in flight");
    assert_eq!(scheduler.in_flight(), 1);
    drop(first);
    drop(second.await.unwrap().1.unwrap());
    assert_eq!(scheduler.in_flight(), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn an_answered_create_wakes_those_who_may_go_now() {
    let (scheduler, clock) = half_open(&Settings::usual());
    let first = scheduler.acquire(Priority::New).await.unwrap();
    let second = acquire(&scheduler, &clock, Priority::Lookup);
    seconds(5).await;
    scheduler.record(Some(&first), Signal::Answered);
    second.await.unwrap().1.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_waiter_that_leaves_takes_no_permit_along() {
    let (scheduler, clock) = half_open(&Settings::usual());
    let first = scheduler.acquire(Priority::New).await.unwrap();
    let second = acquire(&scheduler, &clock, Priority::New);
    let third = acquire(&scheduler, &clock, Priority::New);
    seconds(1).await;
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    drop(first);
    third.await.unwrap().1.unwrap();
    assert_eq!(scheduler.in_flight(), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_permit_that_was_given_to_one_who_leaves_is_returned() {
    let (scheduler, clock) = half_open(&Settings::usual());
    let first = scheduler.acquire(Priority::New).await.unwrap();
    seconds(1).await;
    let mut second = Box::pin(scheduler.acquire(Priority::New));
    assert!(waits(&mut second).await);
    // It is given, and lies there unseen: its waiter is not polled any more.
    drop(first);
    assert_eq!(scheduler.in_flight(), 1);
    let third = acquire(&scheduler, &clock, Priority::New);
    seconds(1).await;
    drop(second);
    third.await.unwrap().1.unwrap();
    assert_eq!(scheduler.in_flight(), 0);
}

/// Under backpressure nobody goes, and those who give up must not stay in the queue until then.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn who_gives_up_under_backpressure_leaves_the_queue() {
    let (scheduler, clock) = closed(&Settings::usual());
    scheduler.set_backpressure(true);
    for _ in 0..100 {
        assert!(waits(scheduler.acquire(Priority::New)).await);
    }
    let shown = format!("{scheduler:?}");
    assert_eq!(shown.matches("Ticket").count(), 0, "{shown}");
    let waiting = acquire(&scheduler, &clock, Priority::New);
    scheduler.acquire(Priority::Token).await.unwrap();
    assert!(!waiting.is_finished());
    scheduler.set_backpressure(false);
    waiting.await.unwrap().1.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_breaker_that_opens_turns_everyone_away_but_probes() {
    let (scheduler, clock) = closed(&Settings::usual());
    scheduler.record(None, throttled(60));
    let priorities = [Priority::Token, Priority::Lookup, Priority::Retry, Priority::New];
    let waiting = priorities.map(|priority| acquire(&scheduler, &clock, priority));
    let probe = acquire(&scheduler, &clock, Priority::Probe);
    seconds(1).await;
    scheduler.record(None, DENIED);
    for task in waiting {
        let (at, permit) = task.await.unwrap();
        assert_eq!((at, permit.unwrap_err()), (Duration::from_secs(1), BreakerOpen));
    }
    probe.await.unwrap().1.unwrap();
    assert_eq!(scheduler.acquire(Priority::New).await.unwrap_err(), BreakerOpen);
    scheduler.probed(ProbeResult::Good);
    scheduler.acquire(Priority::New).await.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn opened_and_passable_end_when_it_is_so_and_at_once_if_it_was() {
    let (scheduler, _clock) = closed(&Settings::usual());
    let opened = scheduler.opened();
    assert!(waits(scheduler.opened()).await);
    assert!(!waits(scheduler.passable()).await);
    scheduler.record(None, DENIED);
    assert!(!waits(scheduler.opened()).await);
    assert!(waits(scheduler.passable()).await);
    let passable = scheduler.passable();
    scheduler.probed(ProbeResult::Good);
    assert!(!waits(passable).await);
    assert!(!waits(opened).await, "who waited for the opening sees it also when it is over");
    assert!(waits(scheduler.opened()).await);
    assert!(!waits(scheduler.passable()).await);
}

/// A simulation comes out the same every time only if nothing wakes in a random order.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn those_who_wait_are_woken_in_the_order_of_waiting() {
    let (scheduler, clock) = closed(&Settings::usual());
    let woken = Arc::new(Mutex::new(Vec::new()));
    let watchers = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    scheduler.set_backpressure(true);
    for number in 0..200 {
        let (opened, woken) = (scheduler.opened(), Arc::clone(&woken));
        let waiting = acquire(&scheduler, &clock, Priority::New);
        let woken_away = Arc::clone(&woken);
        tasks.push(tokio::spawn(async move {
            assert!(waiting.await.unwrap().1.is_err());
            woken_away.lock().unwrap().push(number);
        }));
        tasks.push(tokio::spawn(async move {
            opened.await;
            woken.lock().unwrap().push(1000 + number);
        }));
        let ((_, changed), woken) = (scheduler.watch(), Arc::clone(&watchers));
        tasks.push(tokio::spawn(async move {
            changed.await;
            woken.lock().unwrap().push(number);
        }));
    }
    seconds(1).await;
    scheduler.record(None, DENIED);
    for task in tasks {
        task.await.unwrap();
    }
    assert!(watchers.lock().unwrap().iter().copied().eq(0..200));
    let woken = woken.lock().unwrap();
    let of =
        |from| woken.iter().copied().filter(move |number| (from..from + 1000).contains(number));
    assert!(of(0).eq(0..200) && of(1000).eq(1000..1200), "{woken:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_probe_is_due_when_the_open_breaker_says_so() {
    let (scheduler, clock) = closed(&Settings::usual());
    assert!(waits(scheduler.probe_due()).await);
    assert!(!scheduler.is_open());
    let opened = clock.elapsed();
    scheduler.record(None, DENIED);
    assert!(scheduler.is_open());
    let mut due = Vec::new();
    for _ in 0..4 {
        scheduler.probe_due().await;
        due.push((clock.elapsed() - opened).as_secs());
        scheduler.probed(ProbeResult::Bad(None));
    }
    assert_eq!(due, [1, 3, 7, 15]);
    scheduler.record(None, FOREIGN);
    assert!(tokio::time::timeout(Duration::from_hours(9), scheduler.probe_due()).await.is_err());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn it_wakes_by_itself_when_the_pause_is_over() {
    let (scheduler, clock) = closed(&Settings::usual());
    scheduler.record(None, throttled(30));
    assert!(scheduler.state().throttled_until.is_some());
    let (came, permit) = acquire(&scheduler, &clock, Priority::New).await.unwrap();
    permit.unwrap();
    assert_eq!(came, Duration::from_millis(30_800), "the limiter is empty, at an eighth");
    assert!(scheduler.state().throttled_until.is_none());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn what_ends_by_itself_ends_also_when_nobody_waits() {
    let (scheduler, _clock) = half_open(&Settings::usual());
    scheduler.record(None, throttled(30));
    seconds(31).await;
    assert!(scheduler.state().throttled_until.is_none());
    seconds(3600).await;
    assert_eq!(scheduler.state().breaker, BreakerState::Closed);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn who_takes_over_has_no_burst_left_over_from_waiting() {
    let (scheduler, clock) = closed(&Settings::usual());
    seconds(3600).await;
    scheduler.on_activated();
    let before = clock.elapsed();
    let (first, second) =
        tokio::join!(scheduler.acquire(Priority::Token), scheduler.acquire(Priority::Token));
    first.and(second).unwrap();
    assert_eq!(clock.elapsed() - before, Duration::from_millis(200));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn many_who_come_and_go_leave_nothing_behind_and_keep_the_pace() {
    let settings = Settings::usual();
    let (scheduler, clock) = closed(&settings);
    let chance = Scene::new(7).chance;
    let mut tasks = Vec::new();
    for _ in 0..400 {
        let priorities = [Priority::Token, Priority::Lookup, Priority::Retry, Priority::New];
        let priority = priorities[usize::try_from(chance.below(4)).unwrap()];
        let patience = chance.up_to(Duration::from_secs(30));
        let hold = chance.up_to(Duration::from_secs(4));
        let (scheduler, clock) = (scheduler.clone(), clock.clone());
        tasks.push(tokio::spawn(async move {
            let permit =
                tokio::time::timeout(patience, scheduler.acquire(priority)).await.ok()?.unwrap();
            let at = clock.elapsed();
            clock.sleep(hold).await;
            drop(permit);
            Some(at)
        }));
    }
    let mut given = Vec::new();
    for task in tasks {
        given.extend(task.await.unwrap());
    }
    given.sort();
    assert!(given.len() > 150, "{}", given.len());
    assert_eq!(scheduler.in_flight(), 0);
    assert_never_too_many(&given, settings.limits.rate);
    drop(scheduler.acquire(Priority::New).await.unwrap());
    assert_eq!(scheduler.in_flight(), 0);
}
