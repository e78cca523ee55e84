//! The guard on money: how much may be paid within an hour, and within a day.
//!
//! Both windows slide. What was spent is kept by steps, a few hundred of them in a window, and a step
//! counts until all of it has left the window. So a limit may hold for a step too long, and never
//! lets more through.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::amount::{Amount, Total};

/// Into how many steps a window is divided.
const STEPS: i64 = 360;

/// How much may be spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpendLimits {
    /// `max_per_hour`.
    pub per_hour: Option<Amount>,
    /// `max_per_day`.
    pub per_day: Option<Amount>,
}

/// A time within which money is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Window {
    /// 3,600 seconds.
    Hour,
    /// 86,400 seconds.
    Day,
}

impl Window {
    /// Both, the shorter one first.
    pub const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// Its name in metrics and checkpoints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The key of its limit.
    pub fn key(self) -> &'static str {
        match self {
            Self::Hour => "max_per_hour",
            Self::Day => "max_per_day",
        }
    }

    fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    fn step(self) -> i64 {
        self.seconds() / STEPS
    }

    /// When the step that holds this moment began, in seconds since 1970.
    fn step_of(self, at: Timestamp) -> i64 {
        at.as_second().div_euclid(self.step()).saturating_mul(self.step())
    }

    /// When all that was spent until now has left the window.
    pub fn end(self, now: Timestamp) -> Timestamp {
        let end = self.end_of(self.step_of(now));
        Timestamp::from_second(end).unwrap_or(Timestamp::MAX)
    }

    /// When all of a step has left the window.
    fn end_of(self, step: i64) -> i64 {
        step.saturating_add(self.step()).saturating_add(self.seconds())
    }
}

/// A limit that leaves no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitReached {
    /// Within which window.
    pub window: Window,
    /// What was spent within it.
    pub used: Total,
    /// The limit.
    pub limit: Amount,
    /// The amount that does not fit.
    pub amount: Amount,
    /// When it does, if nothing else is spent.
    pub until: Timestamp,
}

/// What was spent within each window, so far as it is known here.
pub type Steps = BTreeMap<i64, Total>;

/// What was spent, within each window that has a limit.
#[derive(Clone, Debug, Default)]
pub struct Spending(Vec<Spent>);

#[derive(Clone, Debug)]
struct Spent {
    window: Window,
    limit: Amount,
    /// By the second in which each step began.
    steps: Steps,
    used: Total,
}

impl Spending {
    /// Nothing is spent yet.
    pub fn new(limits: SpendLimits) -> Self {
        let SpendLimits { per_hour, per_day } = limits;
        let spent = |(window, limit): (Window, Option<Amount>)| {
            Some(Spent { window, limit: limit?, steps: Steps::new(), used: Total::default() })
        };
        Self(
            [(Window::Hour, per_hour), (Window::Day, per_day)]
                .into_iter()
                .filter_map(spent)
                .collect(),
        )
    }

    /// Whether there is a limit at all.
    pub fn is_limited(&self) -> bool {
        !self.0.is_empty()
    }

    /// The windows with a limit.
    pub fn windows(&self) -> impl Iterator<Item = Window> {
        self.0.iter().map(|spent| spent.window)
    }

    /// Whether there is room for an amount, and else the limit that is in the way for longest.
    pub fn room(&mut self, amount: Amount, now: Timestamp) -> Result<(), LimitReached> {
        self.forget(now);
        let reached = self.0.iter().filter_map(|spent| spent.reached(amount));
        reached.max_by_key(|reached| reached.until).map_or(Ok(()), Err)
    }

    /// Counts an amount as spent now, if there is room for it.
    pub fn spend(&mut self, amount: Amount, now: Timestamp) -> Result<(), LimitReached> {
        self.room(amount, now)?;
        for spent in &mut self.0 {
            let step = spent.window.step_of(now);
            let total = spent.steps.get(&step).copied().unwrap_or_default();
            spent.set(step, total.plus(amount));
        }
        Ok(())
    }

    /// Takes back an amount that was counted at this moment.
    pub fn take_back(&mut self, amount: Amount, at: Timestamp) {
        for spent in &mut self.0 {
            let step = spent.window.step_of(at);
            if let Some(total) = spent.steps.get(&step).copied() {
                spent.set(step, total.minus(amount));
            }
        }
    }

    /// What was spent within each window until now, and its limit.
    pub fn used(&mut self, now: Timestamp) -> impl Iterator<Item = (Window, Total, Amount)> {
        self.forget(now);
        self.0.iter().map(|spent| (spent.window, spent.used, spent.limit))
    }

    /// What was spent, step by step, for a checkpoint.
    pub fn steps(&mut self, now: Timestamp) -> impl Iterator<Item = (Window, &Steps)> {
        self.forget(now);
        self.0.iter().map(|spent| (spent.window, &spent.steps))
    }

    /// Takes in what a checkpoint says of a window. Its steps and those of this process may be the
    /// same ones, so of each step the larger sum counts. A step to come counts as the present one: it
    /// was written by another clock.
    pub fn merge(&mut self, window: Window, steps: &Steps, now: Timestamp) {
        for spent in self.0.iter_mut().filter(|spent| spent.window == window) {
            let mut theirs = Steps::new();
            for (step, total) in steps {
                let at = Timestamp::from_second(*step).unwrap_or(now).min(now);
                let sum = theirs.entry(window.step_of(at)).or_default();
                *sum = sum.plus(*total);
            }
            for (step, total) in theirs {
                let ours = spent.steps.get(&step).copied().unwrap_or_default();
                spent.set(step, ours.max(total));
            }
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Timestamp) {
        for spent in &mut self.0 {
            while let Some(first) = spent.steps.first_entry() {
                if spent.window.end_of(*first.key()) > now.as_second() {
                    break;
                }
                spent.used = spent.used.minus(first.remove());
            }
        }
    }
}

impl Spent {
    fn set(&mut self, step: i64, total: Total) {
        let before = if total == Total::default() {
            self.steps.remove(&step)
        } else {
            self.steps.insert(step, total)
        };
        self.used = self.used.minus(before.unwrap_or_default()).plus(total);
    }

    fn reached(&self, amount: Amount) -> Option<LimitReached> {
        let Self { window, limit, used, .. } = *self;
        let fits = |used: Total| used.plus(amount) <= Total::from(limit);
        if fits(used) {
            return None;
        }
        let mut left = used;
        let until = self.steps.iter().find_map(|(step, total)| {
            left = left.minus(*total);
            fits(left).then(|| window.end_of(*step))
        });
        // An amount above the limit never fits. The configuration keeps `max_amount` below it.
        let until = until.and_then(|until| Timestamp::from_second(until).ok());
        Some(LimitReached { window, used, limit, amount, until: until.unwrap_or(Timestamp::MAX) })
    }
}
