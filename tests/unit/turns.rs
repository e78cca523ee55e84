//! The line of turns: who goes, when, and that nobody who leaves it takes a place along.
#![expect(clippy::unchecked_time_subtraction, reason = "a test may panic")]

mod recovery;

use std::future::Future;
use std::time::Duration;

use smartsend::domain::call::RetryAfter;
use smartsend::domain::classify::Denial;
use smartsend::gate::{Closure, Probe, Report, State};
use smartsend::ports::Clock;
use smartsend::turns::{Class, Shut, Turn, Turns};
use tokio::task::JoinHandle;

use crate::support::model::{ModelClock, Scene, Settings};

const DENIED: Report = Report::Shut(Closure::Denied(Denial::Forbidden));

/// A line with a driver, and its clock.
fn line(settings: &Settings) -> (Turns<ModelClock>, ModelClock) {
    let clock = Scene::new(0).clock;
    let turns = Turns::new(settings.limits, clock.clone());
    let driven = turns.clone();
    tokio::spawn(async move { driven.drive().await });
    (turns, clock)
}

/// A line whose gate is open.
fn open_line(settings: &Settings) -> (Turns<ModelClock>, ModelClock) {
    let (turns, clock) = line(settings);
    turns.told(Report::Answered);
    (turns, clock)
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Stands in the line, and writes down when its turn came.
fn stand(
    turns: &Turns<ModelClock>,
    clock: &ModelClock,
    class: Class,
) -> JoinHandle<(Duration, Result<Turn<ModelClock>, Shut>)> {
    let (turns, clock) = (turns.clone(), clock.clone());
    tokio::spawn(async move {
        let turn = turns.take(class).await;
        (clock.elapsed(), turn)
    })
}

async fn is_waiting<T>(task: &JoinHandle<T>) -> bool {
    tokio::task::yield_now().await;
    !task.is_finished()
}

/// Whether a future is still waiting after a second.
async fn waits(future: impl Future) -> bool {
    tokio::time::timeout(Duration::from_secs(1), future).await.is_err()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_first_turn_takes_as_long_as_the_empty_limiter() {
    let (turns, clock) = line(&Settings::usual());
    let _turn = turns.take(Class::New).await.unwrap();
    assert_eq!(clock.elapsed(), Duration::from_millis(100));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_order_is_probe_token_look_retry_new_and_first_come_first_served_within_each() {
    let (turns, clock) = open_line(&Settings::usual());
    let classes = [
        Class::New,
        Class::Retry,
        Class::Lookup,
        Class::Token,
        Class::Probe,
        Class::New,
        Class::Lookup,
        Class::Probe,
    ];
    let mut waiting = Vec::new();
    for class in classes {
        waiting.push(stand(&turns, &clock, class));
        tokio::task::yield_now().await;
    }
    let mut came = Vec::new();
    for (number, task) in waiting.into_iter().enumerate() {
        came.push((task.await.unwrap().0, number));
    }
    came.sort();
    let order: Vec<usize> = came.into_iter().map(|(_, number)| number).collect();
    assert_eq!(order, [4, 7, 3, 2, 6, 1, 0, 5]);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn as_many_calls_are_in_flight_as_the_concurrency_allows() {
    let mut settings = Settings::usual();
    settings.limits.concurrency = 3;
    let (turns, clock) = open_line(&settings);
    let mut waiting: Vec<_> = (0..4).map(|_| stand(&turns, &clock, Class::New)).collect();
    seconds(5).await;
    let last = waiting.pop().unwrap();
    assert!(!last.is_finished());
    assert_eq!(turns.in_flight(), 3);
    let token = stand(&turns, &clock, Class::Token).await.unwrap().1.unwrap();
    assert_eq!(turns.in_flight(), 3, "a token is no call in flight");
    drop(token);
    drop(waiting.pop().unwrap().await.unwrap());
    let (_, turn) = last.await.unwrap();
    assert_eq!(turns.in_flight(), 3);
    drop(turn);
    for task in waiting {
        drop(task.await.unwrap());
    }
    assert_eq!(turns.in_flight(), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn while_probing_one_call_is_in_flight() {
    let (turns, clock) = line(&Settings::usual());
    let first = turns.take(Class::New).await.unwrap();
    let second = stand(&turns, &clock, Class::Lookup);
    seconds(5).await;
    assert!(is_waiting(&second).await);
    turns.told(Report::Answered);
    assert_eq!(turns.in_flight(), 2);
    second.await.unwrap().1.unwrap();
    drop(first);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_waiter_that_leaves_takes_no_turn_along() {
    let (turns, clock) = line(&Settings::usual());
    let first = turns.take(Class::New).await.unwrap();
    let second = stand(&turns, &clock, Class::New);
    let third = stand(&turns, &clock, Class::New);
    seconds(1).await;
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    drop(first);
    third.await.unwrap().1.unwrap();
    assert_eq!(turns.in_flight(), 0);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_turn_that_was_given_to_one_who_leaves_is_given_back() {
    let (turns, clock) = line(&Settings::usual());
    let first = turns.take(Class::New).await.unwrap();
    seconds(1).await;
    let mut second = Box::pin(turns.take(Class::New));
    assert!(waits(&mut second).await);
    // The turn is given, and lies there unseen: its waiter is not polled any more.
    drop(first);
    assert_eq!(turns.in_flight(), 1);
    drop(second);
    assert_eq!(turns.in_flight(), 0);
    stand(&turns, &clock, Class::New).await.unwrap().1.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_stalled_line_gives_tokens_only_and_goes_on_when_it_may() {
    let (turns, clock) = open_line(&Settings::usual());
    turns.stall(true);
    let calls = [Class::Lookup, Class::Retry, Class::New].map(|class| stand(&turns, &clock, class));
    seconds(100).await;
    for call in &calls {
        assert!(is_waiting(call).await);
    }
    turns.take(Class::Token).await.unwrap();
    turns.take(Class::Probe).await.unwrap();
    turns.stall(false);
    for call in calls {
        call.await.unwrap().1.unwrap();
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_gate_that_closes_turns_everyone_away_but_probes() {
    let (turns, clock) = open_line(&Settings::usual());
    turns.told(Report::Throttled(Some(RetryAfter::In(Duration::from_mins(5)))));
    let classes = [Class::Token, Class::Lookup, Class::Retry, Class::New];
    let waiting = classes.map(|class| stand(&turns, &clock, class));
    let probe = stand(&turns, &clock, Class::Probe);
    seconds(1).await;
    turns.told(DENIED);
    for task in waiting {
        assert_eq!(task.await.unwrap().1.unwrap_err(), Shut);
    }
    probe.await.unwrap().1.unwrap();
    assert_eq!(turns.take(Class::New).await.unwrap_err(), Shut);
    turns.take(Class::Probe).await.unwrap();
    turns.probed(Probe::Good);
    turns.take(Class::New).await.unwrap();
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn closed_ends_when_the_gate_is_closed_and_at_once_if_it_was() {
    let (turns, _clock) = open_line(&Settings::usual());
    assert!(waits(turns.closed()).await);
    turns.told(DENIED);
    assert!(!waits(turns.closed()).await);
    turns.probed(Probe::Good);
    assert!(waits(turns.closed()).await);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_line_wakes_by_itself_when_the_pause_is_over() {
    let (turns, clock) = open_line(&Settings::usual());
    let mut state = turns.state();
    turns.told(Report::Throttled(Some(RetryAfter::In(Duration::from_secs(30)))));
    assert!(matches!(*state.borrow_and_update(), State::Paused { .. }));
    let waiting = stand(&turns, &clock, Class::New);
    let (came, turn) = waiting.await.unwrap();
    turn.unwrap();
    assert_eq!(came, Duration::from_millis(30_100), "the limiter is empty after a pause");
    assert_eq!(*state.borrow_and_update(), State::Open);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_pause_that_nobody_waits_for_ends_all_the_same() {
    let (turns, _clock) = open_line(&Settings::usual());
    turns.told(Report::Throttled(Some(RetryAfter::In(Duration::from_secs(30)))));
    seconds(31).await;
    assert_eq!(*turns.state().borrow(), State::Open);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn who_takes_over_has_no_burst_left_over_from_waiting() {
    let (turns, clock) = open_line(&Settings::usual());
    seconds(3600).await;
    turns.took_over();
    let before = clock.elapsed();
    let (first, second) = tokio::join!(turns.take(Class::Token), turns.take(Class::Token));
    first.and(second).unwrap();
    assert_eq!(clock.elapsed() - before, Duration::from_millis(200));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn many_who_come_and_go_leave_nothing_behind_and_keep_the_pace() {
    let settings = Settings::usual();
    let (turns, clock) = open_line(&settings);
    let chance = Scene::new(7).chance;
    let mut tasks = Vec::new();
    for _ in 0..400 {
        let classes = [Class::Token, Class::Lookup, Class::Retry, Class::New];
        let class = classes[usize::try_from(chance.below(4)).unwrap()];
        let patience = chance.up_to(Duration::from_secs(30));
        let hold = chance.up_to(Duration::from_secs(4));
        let (turns, clock) = (turns.clone(), clock.clone());
        tasks.push(tokio::spawn(async move {
            let turn = tokio::time::timeout(patience, turns.take(class)).await.ok()?.unwrap();
            let at = clock.elapsed();
            clock.sleep(hold).await;
            drop(turn);
            Some(at)
        }));
    }
    let mut given = Vec::new();
    for task in tasks {
        given.extend(task.await.unwrap());
    }
    given.sort();
    assert!(given.len() > 150, "{}", given.len());
    assert_eq!(turns.in_flight(), 0);
    for (i, from) in given.iter().enumerate() {
        for (count, to) in given[i..].iter().enumerate() {
            let allowed = (*to - *from).as_millis() * 10 / 1000 + 2;
            assert!((count as u128) < allowed);
        }
    }
    drop(turns.take(Class::New).await.unwrap());
    assert_eq!(turns.in_flight(), 0);
}

/// In a long stall nobody's turn comes, and those who give up must not stay in line until it does.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn who_gives_up_in_a_stall_leaves_the_line() {
    let (turns, _) = open_line(&Settings::usual());
    turns.stall(true);
    let mut in_line = Vec::new();
    for _ in 0..100 {
        assert!(waits(turns.take(Class::New)).await);
        in_line.push(format!("{turns:?}").matches("Sender").count());
    }
    assert_eq!(in_line.last(), in_line.get(1), "{in_line:?}");
}
