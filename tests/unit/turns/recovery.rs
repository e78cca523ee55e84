//! What makes a turn come later in bad times: the slow start, the retry budget, looks that fail.

use std::time::Duration;

use smartsend::gate::{Probe, Report, State, Trouble};
use smartsend::turns::{Class, Turns};

use super::{line, open_line, seconds, stand};
use crate::support::model::{ModelClock, Settings};

const BROKEN: Report = Report::Failed(Trouble::Broken);
const LOOK_FAILED: Report = Report::LookFailed(Trouble::Broken);

/// Closes the gate because the provider is down, and opens it again.
fn go_down_and_come_back(turns: &Turns<ModelClock>) {
    for _ in 0..5 {
        turns.told(BROKEN);
    }
    assert!(turns.is_closed());
    turns.probed(Probe::Good);
    turns.told(Report::Answered);
    assert_eq!(*turns.state().borrow(), State::Open);
}

/// Takes turns of this class for so long, one after the other, and gives the moments.
async fn taken(
    turns: &Turns<ModelClock>,
    clock: &ModelClock,
    class: Class,
    within: Duration,
) -> Vec<Duration> {
    let start = clock.elapsed();
    let mut moments = Vec::new();
    loop {
        let left = within.saturating_sub(clock.elapsed().saturating_sub(start));
        let Ok(turn) = tokio::time::timeout(left, turns.take(class)).await else { return moments };
        drop(turn.unwrap());
        moments.push(clock.elapsed() - start);
    }
}

fn between(moments: &[Duration], from: u64, to: u64) -> usize {
    let (from, to) = (Duration::from_secs(from), Duration::from_secs(to));
    moments.iter().filter(|at| (from..to).contains(*at)).count()
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn after_an_outage_the_pace_grows_from_an_eighth_to_the_whole_in_half_a_minute() {
    let (turns, clock) = open_line(&Settings::usual());
    seconds(60).await; // the limiter holds its whole burst
    go_down_and_come_back(&turns);
    let moments = taken(&turns, &clock, Class::New, Duration::from_secs(40)).await;
    let early = between(&moments, 0, 4);
    assert!((4..=5).contains(&early), "{early} in the first four seconds: {moments:?}");
    let middle = between(&moments, 14, 16);
    assert!((9..=11).contains(&middle), "{middle} in two seconds about the middle");
    let late = between(&moments, 31, 40);
    assert!((89..=91).contains(&late), "{late} in nine seconds after it");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_slow_start_never_goes_above_the_pace() {
    for per_second in [1_u32, 3, 10, 50] {
        let mut settings = Settings::usual();
        settings.limits.rate.per_second = per_second.try_into().unwrap();
        let (turns, clock) = open_line(&settings);
        seconds(3600).await;
        go_down_and_come_back(&turns);
        let moments = taken(&turns, &clock, Class::New, Duration::from_mins(1)).await;
        assert!(moments.len() > per_second as usize * 40, "{}", moments.len());
        for (i, from) in moments.iter().enumerate() {
            for (count, to) in moments[i..].iter().enumerate() {
                let allowed = (*to - *from).as_millis() * u128::from(per_second) / 1000 + 2;
                assert!((count as u128) < allowed, "{per_second} per second");
            }
        }
    }
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_gate_that_closes_during_the_slow_start_starts_it_anew() {
    let (turns, clock) = open_line(&Settings::usual());
    go_down_and_come_back(&turns);
    seconds(29).await;
    go_down_and_come_back(&turns);
    let moments = taken(&turns, &clock, Class::New, Duration::from_secs(4)).await;
    assert!(moments.len() <= 5, "{moments:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_probe_and_a_token_do_not_wait_for_the_slow_start() {
    let (turns, clock) = open_line(&Settings::usual());
    seconds(60).await;
    go_down_and_come_back(&turns);
    let _first = turns.take(Class::New).await.unwrap();
    let before = clock.elapsed();
    turns.take(Class::Token).await.unwrap();
    turns.take(Class::Probe).await.unwrap();
    assert!(clock.elapsed() - before <= Duration::from_millis(200));
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn who_begins_or_was_only_throttled_needs_no_slow_start() {
    let (turns, clock) = open_line(&Settings::usual());
    turns.told(Report::Throttled(None));
    seconds(6).await;
    let moments = taken(&turns, &clock, Class::New, Duration::from_secs(4)).await;
    assert!(moments.len() >= 39, "{}", moments.len());
}

/// Ten at once, and then a tenth of the rate.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn without_successes_retries_go_down_to_a_trickle() {
    let (turns, clock) = open_line(&Settings::usual());
    let moments = taken(&turns, &clock, Class::Retry, Duration::from_mins(2)).await;
    let late = between(&moments, 20, 120);
    assert!((99..=101).contains(&late), "{late} in 100 seconds");
    assert!(between(&moments, 0, 2) >= 10, "{moments:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn at_one_request_per_second_there_is_a_retry_every_ten_seconds() {
    let mut settings = Settings::usual();
    settings.limits.rate.per_second = 1.try_into().unwrap();
    let (turns, clock) = open_line(&settings);
    let moments = taken(&turns, &clock, Class::Retry, Duration::from_mins(10)).await;
    let late = between(&moments, 100, 600);
    assert!((49..=51).contains(&late), "{late} in 500 seconds");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn ten_answered_creates_earn_one_retry() {
    let mut settings = Settings::usual();
    settings.limits.rate.per_second = 1.try_into().unwrap();
    let (turns, clock) = open_line(&settings);
    // They come at 1 to 11 seconds, at 21, and so on; the next one would come at 101.
    taken(&turns, &clock, Class::Retry, Duration::from_secs(93)).await;
    let start = clock.elapsed();
    let retry = stand(&turns, &clock, Class::Retry);
    for _ in 0..5 {
        turns.told(Report::Answered);
    }
    seconds(1).await;
    assert!(!retry.is_finished());
    for _ in 0..5 {
        turns.told(Report::Answered);
    }
    let (came, turn) = retry.await.unwrap();
    turn.unwrap();
    assert!(came - start <= Duration::from_millis(1100), "{:?}", came - start);
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn first_creates_and_looks_pass_a_retry_that_cannot_be_paid_for() {
    let (turns, clock) = open_line(&Settings::usual());
    taken(&turns, &clock, Class::Retry, Duration::from_secs(20)).await;
    let retries: Vec<_> = (0..3).map(|_| stand(&turns, &clock, Class::Retry)).collect();
    let first = turns.take(Class::New).await.unwrap();
    let look = turns.take(Class::Lookup).await.unwrap();
    let start = clock.elapsed();
    drop((first, look));
    for retry in retries {
        retry.await.unwrap().1.unwrap();
    }
    let took = clock.elapsed() - start;
    assert!(took <= Duration::from_secs(3), "they come all the same: {took:?}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn looks_that_are_answered_cost_nothing() {
    let (turns, clock) = open_line(&Settings::usual());
    turns.told(Report::Looked);
    let moments = taken(&turns, &clock, Class::Lookup, Duration::from_secs(30)).await;
    assert!(moments.len() >= 298, "{}", moments.len());
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn while_looks_fail_one_goes_at_a_time_and_creates_have_the_rest() {
    let (turns, clock) = open_line(&Settings::usual());
    for _ in 0..3 {
        turns.told(LOOK_FAILED);
    }
    let first = turns.take(Class::Lookup).await.unwrap();
    let second = stand(&turns, &clock, Class::Lookup);
    seconds(30).await;
    assert!(!second.is_finished(), "the first has not come back");
    turns.take(Class::New).await.unwrap();
    drop(first);
    second.await.unwrap().1.unwrap();

    let late = taken(&turns, &clock, Class::Lookup, Duration::from_mins(2)).await;
    let late = between(&late, 20, 120);
    assert!((99..=101).contains(&late), "each costs as a retry does: {late}");
}

#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn the_first_look_that_is_answered_frees_all_others() {
    let (turns, clock) = open_line(&Settings::usual());
    for _ in 0..3 {
        turns.told(LOOK_FAILED);
    }
    taken(&turns, &clock, Class::Lookup, Duration::from_secs(20)).await;
    let lookups: Vec<_> = (0..10).map(|_| stand(&turns, &clock, Class::Lookup)).collect();
    let start = clock.elapsed();
    seconds(1).await;
    turns.told(Report::Looked);
    for look in lookups {
        drop(look.await.unwrap().1.unwrap());
    }
    assert!(clock.elapsed() - start <= Duration::from_secs(3));
}

/// Only a create opens the gate, and a lookup can take as long as the timeout.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn while_probing_creates_go_before_looks() {
    let (turns, clock) = line(&Settings::usual());
    let first = turns.take(Class::Lookup).await.unwrap();
    let waiting = [Class::Lookup, Class::New, Class::Retry].map(|class| {
        let (turns, clock) = (turns.clone(), clock.clone());
        tokio::spawn(async move {
            drop(turns.take(class).await.unwrap());
            (clock.elapsed(), class)
        })
    });
    seconds(1).await;
    drop(first);
    let mut came = Vec::new();
    for task in waiting {
        came.push(task.await.unwrap());
    }
    came.sort_unstable();
    let order: Vec<_> = came.into_iter().map(|(_, class)| class).collect();
    assert_eq!(order, [Class::Retry, Class::New, Class::Lookup]);
}

/// A call that hangs since before the outage says nothing of the time after it.
#[tokio::test(flavor = "current_thread", start_paused = true)]
async fn a_failure_of_what_was_sent_before_the_gate_was_closed_does_not_close_it_again() {
    let (turns, _clock) = open_line(&Settings::usual());
    let old = turns.take(Class::New).await.unwrap();
    for _ in 0..5 {
        turns.told(BROKEN);
    }
    turns.probed(Probe::Good);
    turns.told_of(Some(&old), BROKEN);
    assert_eq!(*turns.state().borrow(), State::Probing);
    drop(old);
    let trial = turns.take(Class::New).await.unwrap();
    turns.told_of(Some(&trial), BROKEN);
    assert!(turns.is_closed());
    turns.probed(Probe::Good);
    turns.told_of(Some(&trial), Report::Answered);
    assert_eq!(*turns.state().borrow(), State::Open, "a good answer is good news, however late");
}
