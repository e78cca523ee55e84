//! How far it has come: a bar on a terminal, a line every few seconds elsewhere. On stderr.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::ports::Moment;

/// How often a line is written where no bar can be.
const LINE_EVERY: Duration = Duration::from_secs(5);
const TEMPLATE: &str = "{msg} [{bar:30}] {pos}/{len}  {rate}, {eta} left";

/// The progress of one part of the work.
pub(super) struct Progress {
    what: &'static str,
    all: usize,
    begun_with: usize,
    begun: Moment,
    told: Moment,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins a part, of which so much is done already.
    pub(super) fn begin(what: &'static str, all: usize, done: usize, now: Moment) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(what, all, done));
        Self { what, all, begun_with: done, begun: now, told: now, bar }
    }

    /// So much is done now.
    pub(super) fn at(&mut self, done: usize, now: Moment) {
        if let Some(bar) = &self.bar {
            bar.set_position(count(done));
            return;
        }
        if now.since(self.told) >= LINE_EVERY {
            self.told = now;
            say(&self.line(done, now));
        }
    }

    /// Says something without disturbing the bar.
    pub(super) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(text)),
            None => say(text),
        }
    }

    /// Ends the part.
    pub(super) fn end(self) {
        if let Some(bar) = &self.bar {
            bar.abandon();
        }
    }

    fn line(&self, done: usize, now: Moment) -> String {
        let (what, all) = (self.what, self.all);
        let new = done.saturating_sub(self.begun_with);
        let spent_ms = usize::try_from(now.since(self.begun).as_millis()).unwrap_or(usize::MAX);
        let rate = new.saturating_mul(1000).checked_div(spent_ms).unwrap_or(0);
        let left = all.saturating_sub(done);
        match left.saturating_mul(spent_ms).checked_div(new.saturating_mul(1000)) {
            Some(left_s) => {
                format!("{what}: {done} of {all}, {rate} per second, {left_s} s left")
            }
            None => format!("{what}: {done} of {all}"),
        }
    }
}

fn bar(what: &'static str, all: usize, done: usize) -> ProgressBar {
    let style = ProgressStyle::with_template(TEMPLATE);
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
        // Nobody can be told that a bar could not be drawn.
        write!(out, "{:.0}/s", state.per_sec()).ok();
    });
    let bar = ProgressBar::new(count(all)).with_style(style).with_message(what);
    bar.set_position(count(done));
    bar.reset_eta();
    bar
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn say(text: &str) {
    // A closed stderr leaves nobody to tell.
    writeln!(std::io::stderr().lock(), "{text}").ok();
}
