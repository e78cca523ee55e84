//! Panics, without what they say.
//!
//! A panic is a bug, and its text may quote what it failed on: slicing a string inside a character
//! prints the whole string, which may be a customer's name. So only the location is written.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::{Location, set_hook};

/// From here on a panic anywhere in this process writes its location to stderr, and not its text.
/// With `RUST_BACKTRACE=1` it also writes a backtrace.
pub fn withhold_texts() {
    set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, Location::to_string);
        let backtrace = Backtrace::capture();
        let is_wanted = backtrace.status() == BacktraceStatus::Captured;
        let shown = if is_wanted { format!("{backtrace}\n") } else { String::new() };
        let line = format!(
            "smartsend panicked at {place}, which is a defect; the text is withheld, for it may \
             hold a customer's data\n{shown}"
        );
        // In one write and past the log, which may be what panicked. A closed stderr leaves no
        // reader.
        std::io::stderr().lock().write_all(line.as_bytes()).ok();
    }));
}
