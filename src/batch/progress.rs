//! Progress on stderr: a bar on a terminal, a line every few seconds elsewhere.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::domain::amount::Total;

/// How often a line is written where a bar cannot be drawn.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often a bar is drawn, so that it shows a stall.
const DRAW_EVERY: Duration = Duration::from_millis(200);
/// It is as wide as the terminal, since a line that is wider would take two.
const TEMPLATE: &str = "{msg} [{wide_bar}] {pos}/{len}  {rate}, {left}";
/// A slower pace than this is a stall: an account's is at least one a second.
const STALL_PER_SECOND: f64 = 0.5;

/// The progress of one part of the work. If stderr is not a terminal, the bar only counts.
pub(crate) struct Progress {
    what: &'static str,
    bar: ProgressBar,
    next_line: Duration,
    /// How much of it is done in money, if that is counted.
    rupees: Option<Total>,
}

impl Progress {
    pub(crate) fn start(what: &'static str, all: usize, done: usize) -> Self {
        let style = ProgressStyle::with_template(TEMPLATE);
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            // There is nowhere to report that a bar could not be drawn.
            write!(out, "{:.0}/s", state.per_sec()).ok();
        });
        let style = style.with_key("left", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let left = state.len().unwrap_or_default().saturating_sub(state.pos());
            write!(out, "{}", time_left(state.per_sec(), left)).ok();
        });
        let bar = ProgressBar::new(count(all)).with_style(style).with_message(what);
        bar.set_position(count(done));
        bar.reset_eta();
        if !bar.is_hidden() {
            bar.enable_steady_tick(DRAW_EVERY);
        }
        Self { what, bar, next_line: LINE_EVERY, rupees: None }
    }

    /// Shows how much is done in money too.
    pub(super) fn set_with_rupees(&mut self, done: usize, rupees: Total) {
        self.rupees = Some(rupees);
        self.set(done);
        self.bar.set_message(format!("{}, {rupees} rupees", self.what));
    }

    pub(crate) fn set(&mut self, done: usize) {
        self.bar.set_position(count(done));
        let elapsed = self.bar.elapsed();
        if self.bar.is_hidden() && elapsed >= self.next_line {
            self.next_line = elapsed.saturating_add(LINE_EVERY);
            let (what, bar) = (self.what, &self.bar);
            let all = bar.length().unwrap_or_default();
            let rate = bar.per_sec();
            let left = time_left(rate, all.saturating_sub(bar.position()));
            let rupees = self.rupees.map(|rupees| format!(" ({rupees} rupees)"));
            let rupees = rupees.unwrap_or_default();
            say(&format!("{what}: {done} of {all}{rupees}, {rate:.0} per second, {left}"));
        }
    }

    /// Prints a line without disturbing the bar.
    pub(super) fn note(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }

    /// The same where there may be nothing to print.
    pub(super) fn note_any(&self, text: Option<&str>) {
        if let Some(text) = text {
            self.note(text);
        }
    }

    pub(crate) fn end(self) {
        self.bar.abandon();
    }
}

/// How long so many more take, if that can be said: a stall ends for reasons of its own.
pub fn time_left(per_second: f64, more: u64) -> String {
    if per_second < STALL_PER_SECOND && more > 0 {
        return "time left unknown".to_owned();
    }
    let at_one = Duration::from_secs(more.min(u32::MAX.into()));
    let seconds = at_one.div_f64(per_second.max(STALL_PER_SECOND)).as_secs();
    format!("{} left", span(seconds))
}

/// A time in seconds, for a person.
pub(crate) fn span(seconds: u64) -> String {
    let (minutes, hours) = (seconds.div_ceil(60), seconds / 3600);
    match (seconds, hours) {
        (0..=119, _) => format!("{seconds} s"),
        (_, 0) => format!("{minutes} min"),
        _ => format!("{hours} h {} min", (seconds % 3600) / 60),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn say(text: &str) {
    // With stderr closed there is nowhere to report it.
    writeln!(std::io::stderr().lock(), "{text}").ok();
}
