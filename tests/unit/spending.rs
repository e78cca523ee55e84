//! The limits on money: what counts, for how long, and what a next process knows of it.

use std::collections::VecDeque;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use smartsend::domain::amount::{Amount, Total};
use smartsend::domain::spending::{SpendLimits, Spending, Steps, Window};

fn rupees(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn hourly(limit: &str) -> Spending {
    Spending::new(SpendLimits { per_hour: Some(rupees(limit)), per_day: None })
}

fn used(spending: &mut Spending, now: Timestamp) -> Vec<String> {
    spending.used(now).map(|(_, used, _)| used.to_string()).collect()
}

fn steps(spending: &mut Spending, now: Timestamp) -> Vec<(Window, Steps)> {
    spending.steps(now).map(|(window, steps)| (window, steps.clone())).collect()
}

#[test]
fn without_limits_everything_fits() {
    let mut spending = Spending::new(SpendLimits::default());
    assert!(!spending.is_limited());
    assert_eq!(spending.spend(rupees("999999999999999999.99"), at(0)), Ok(()));
}

#[test]
fn an_amount_counts_for_an_hour_and_a_step() {
    let mut spending = hourly("100");
    assert_eq!(spending.spend(rupees("60.50"), at(3)), Ok(()));
    assert_eq!(spending.spend(rupees("39.50"), at(15)), Ok(()));
    let reached = spending.spend(rupees("0.01"), at(20)).unwrap_err();
    assert_eq!((reached.window, reached.used.to_string()), (Window::Hour, "100.00".to_owned()));
    assert_eq!((reached.limit, reached.amount), (rupees("100"), rupees("0.01")));
    assert_eq!(reached.until, at(3610), "when the first step of ten seconds has left");
    assert!(spending.room(rupees("0.01"), at(3609)).is_err());
    assert_eq!(spending.room(rupees("60.50"), at(3610)), Ok(()));
    assert_eq!(spending.room(rupees("60.51"), at(3610)).unwrap_err().until, at(3620));
    assert_eq!(used(&mut spending, at(3620)), ["0.00"]);
}

#[test]
fn both_windows_have_to_have_room() {
    let limits = SpendLimits { per_hour: Some(rupees("10")), per_day: Some(rupees("15")) };
    let mut spending = Spending::new(limits);
    assert!(spending.is_limited());
    assert_eq!(Window::ALL.map(Window::name), ["hour", "day"]);
    assert_eq!(Window::ALL.map(Window::key), ["max_per_hour", "max_per_day"]);
    assert_eq!(spending.windows().collect::<Vec<_>>(), Window::ALL);
    assert_eq!(Window::Hour.end(at(3)), at(3610));
    assert_eq!(spending.spend(rupees("10"), at(0)), Ok(()));
    assert_eq!(spending.spend(rupees("1"), at(0)).unwrap_err().window, Window::Hour);
    // Six do not fit for an hour by one limit, and for a day by the other: the longer is reported.
    let reached = spending.spend(rupees("6"), at(60)).unwrap_err();
    assert_eq!((reached.window, reached.until), (Window::Day, at(86_400 + 240)));
    assert_eq!(spending.spend(rupees("5"), at(3610)), Ok(()));
    assert_eq!(used(&mut spending, at(3610)), ["5.00", "15.00"]);
}

#[test]
fn what_was_not_spent_is_taken_back_where_it_was_counted() {
    let mut spending = hourly("100");
    spending.spend(rupees("60"), at(0)).unwrap();
    spending.spend(rupees("40"), at(100)).unwrap();
    spending.take_back(rupees("40"), at(100));
    assert_eq!(used(&mut spending, at(200)), ["60.00"]);
    // Nothing is left of a step that is empty, and none has less than nothing.
    assert_eq!(steps(&mut spending, at(200))[0].1.len(), 1);
    spending.take_back(rupees("99"), at(0));
    spending.take_back(rupees("99"), at(50));
    assert_eq!(used(&mut spending, at(200)), ["0.00"]);
}

#[test]
fn a_next_process_goes_on_with_the_sums() {
    let mut earlier = hourly("100");
    earlier.spend(rupees("30"), at(0)).unwrap();
    earlier.spend(rupees("20"), at(700)).unwrap();
    let left = steps(&mut earlier, at(700));
    let mut next = hourly("100");
    for (window, steps) in &left {
        next.merge(*window, steps, at(705));
        next.merge(*window, steps, at(705)); // it may be read again, and counts once
        next.merge(Window::Day, steps, at(705)); // there is no such limit here
    }
    assert_eq!(used(&mut next, at(705)), ["50.00"]);
    assert_eq!(used(&mut next, at(3610)), ["20.00"]);
}

/// Two processes take turns: each knows its own last seconds and what the other has left.
#[test]
fn of_each_step_the_larger_sum_counts() {
    let mut ours = hourly("100");
    ours.spend(rupees("10"), at(0)).unwrap();
    let mut theirs = ours.clone();
    ours.spend(rupees("1"), at(5)).unwrap(); // after its last checkpoint
    theirs.spend(rupees("7"), at(300)).unwrap();
    for (window, steps) in steps(&mut theirs, at(300)) {
        ours.merge(window, &steps, at(310));
    }
    assert_eq!(used(&mut ours, at(310)), ["18.00"]);
}

#[test]
fn what_another_clock_has_put_into_the_time_to_come_counts_from_now_on() {
    let mut ahead = hourly("100");
    ahead.spend(rupees("10"), at(57_000)).unwrap();
    ahead.spend(rupees("20"), at(60_000)).unwrap();
    let mut ours = hourly("100");
    for (window, steps) in steps(&mut ahead, at(0)) {
        ours.merge(window, &steps, at(0));
    }
    assert_eq!(used(&mut ours, at(0)), ["30.00"]);
    assert_eq!(used(&mut ours, at(3609)), ["30.00"]);
    assert_eq!(used(&mut ours, at(3610)), ["0.00"]);
}

/// Against a list of every amount: no hour holds more than its limit, and nothing is refused that fits
/// by the steps.
#[test]
fn no_hour_holds_more_than_its_limit() {
    for seed in 0..50 {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut spending = hourly("1000");
        let mut all: VecDeque<(i64, u64)> = VecDeque::new();
        let mut now = 0;
        for _ in 0..2000 {
            now += chance.random_range(0..40);
            let amount = chance.random_range(1..100);
            let within = |all: &VecDeque<(i64, u64)>, seconds: i64| -> u64 {
                all.iter().filter(|(at, _)| now - at < seconds).map(|(_, amount)| amount).sum()
            };
            match spending.spend(rupees(&amount.to_string()), at(now)) {
                Ok(()) => all.push_back((now, amount)),
                Err(reached) => {
                    assert!(within(&all, 3610) + amount > 1000, "seed {seed}, second {now}");
                    assert!(reached.until > at(now), "seed {seed}, second {now}");
                }
            }
            assert!(within(&all, 3600) <= 1000, "seed {seed}, second {now}");
        }
        assert!(all.len() > 150, "seed {seed}");
    }
}

#[test]
fn a_total_is_exact() {
    let sum = Total::from(rupees("0.10")).plus(rupees("0.20"));
    assert_eq!(sum, Total::from(rupees("0.30")));
    assert_eq!(sum.minus(rupees("0.30")), Total::default());
    assert_eq!(sum.minus(rupees("9")), Total::default());
    assert!((Total::from(rupees("12.34")).rounded() - 12.34).abs() < 1e-9);
}
