//! What is logged, kept for a test to look at.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use smartsend::config::{Log, LogFormat};
use smartsend::telemetry::log;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// Log lines, kept.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    /// All of them.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The references of the lines with these words, in order.
    pub(crate) fn references(&self, words: &str) -> Vec<String> {
        self.with(words)
            .into_iter()
            .map(|line| line["intent.reference"].as_str().unwrap_or("none").to_owned())
            .collect()
    }

    /// The lines with these words.
    pub(crate) fn with(&self, words: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().filter(|line| line.contains(words));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// Keeps what this thread logs as JSON, until the guard is dropped.
pub(crate) fn watch(level: &str) -> (Lines, DefaultGuard) {
    let lines = Lines::default();
    let log = Log { format: LogFormat::Json, level: level.to_owned() };
    let guard = tracing::subscriber::set_default(log::lines(&log, lines.clone()).unwrap());
    (lines, guard)
}
