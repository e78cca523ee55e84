//! Lines to stderr: each at once while they come slowly, several in one write while they come fast.
//!
//! A write for each line is a system call for each intent, and at thousands of intents a second
//! that is a good part of what the worker costs. A line that is held back for a few milliseconds is
//! lost if the process is killed within them, so a warning or an error is never held back, and
//! neither is a line that comes alone.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// How long a line is held back at most.
const HOLD_BACK: Duration = Duration::from_millis(10);
/// This many bytes are written without waiting for more.
const BYTES_MAX: usize = 16 * 1024;

/// A writer of lines in batches. Clones write into one batch.
pub struct BatchedWriter<W>(Arc<Shared<W>>);

struct Shared<W> {
    batch: Mutex<Batch<W>>,
    busy: Condvar,
}

struct Batch<W> {
    out: W,
    lines: Vec<u8>,
    is_closed: bool,
    /// A line came in the last few milliseconds, so the next one waits for more.
    busy: bool,
}

impl<W: Write + Send + 'static> BatchedWriter<W> {
    pub fn new(out: W) -> io::Result<Self> {
        let batch =
            Batch { out, lines: Vec::with_capacity(BYTES_MAX), is_closed: false, busy: false };
        let shared = Arc::new(Shared { batch: Mutex::new(batch), busy: Condvar::new() });
        let ticking = Arc::clone(&shared);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || ticking.tick())?;
        Ok(Self(shared))
    }

    /// Writes what is held back, and nothing after it: what is dropped with the process has
    /// nothing to report.
    pub fn close(&self) {
        let mut batch = self.0.lock();
        batch.write();
        batch.is_closed = true;
    }
}

impl<W> Clone for BatchedWriter<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Write> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, Batch<W>> {
        // A panic while it is held leaves whole lines behind.
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what was held back for long enough, for as long as the process lives.
    fn tick(&self) {
        let mut batch = self.lock();
        loop {
            while !batch.busy {
                batch = self.busy.wait(batch).unwrap_or_else(PoisonError::into_inner);
            }
            let waited = self.busy.wait_timeout(batch, HOLD_BACK);
            batch = waited.unwrap_or_else(PoisonError::into_inner).0;
            batch.busy = !batch.lines.is_empty();
            batch.write();
        }
    }
}

impl<W: Write> Batch<W> {
    fn write(&mut self) {
        // A log that cannot be written is no reason to stop paying.
        self.out.write_all(&self.lines).ok();
        self.lines.clear();
    }
}

pub struct LineWriter<'a, W> {
    shared: &'a Shared<W>,
    urgent: bool,
}

impl<W: Write> Write for LineWriter<'_, W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut batch = self.shared.lock();
        if batch.is_closed {
            return Ok(line.len());
        }
        batch.lines.extend_from_slice(line);
        if self.urgent || !batch.busy || batch.lines.len() >= BYTES_MAX {
            batch.write();
        }
        if !batch.busy {
            batch.busy = true;
            self.shared.busy.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a, W: Write + 'a> MakeWriter<'a> for BatchedWriter<W> {
    type Writer = LineWriter<'a, W>;

    fn make_writer(&'a self) -> Self::Writer {
        LineWriter { shared: &self.0, urgent: true }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        LineWriter { shared: &self.0, urgent: *meta.level() <= Level::WARN }
    }
}
