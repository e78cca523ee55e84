//! The note that a bulk file is being sent to be processed, until PayU answers.
//!
//! The danger: no answer came, and PayU is slow to show what it does, or has not yet got what was
//! sent. A status that still says `REQUESTED` is then no reason to send the file again. So the note
//! stays where nobody took it back, also of a process that was killed, and for a quarantine nothing
//! is sent from this machine. Its time of change is when it was written.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

pub(super) struct SentNote {
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "cannot write {}: {source}; if it is another user's, set TMPDIR to a folder that you may write to",
    path.display()
)]
pub struct SentNoteError {
    path: PathBuf,
    source: io::Error,
}

impl SentNote {
    pub(super) fn of(account: &str, file_id: u64) -> Self {
        Self { path: std::env::temp_dir().join(format!("smartsend-{account}-file-{file_id}.sent")) }
    }

    /// How much of a quarantine is left since it was written.
    pub(super) fn left(&self, quarantine: Duration, now: Timestamp) -> Option<Duration> {
        let written = fs::metadata(&self.path).and_then(|it| it.modified()).ok()?;
        let written = Timestamp::try_from(written).ok()?;
        // A time to come is a clock that was set back.
        let since = Duration::try_from(now.duration_since(written)).unwrap_or_default();
        quarantine.checked_sub(since).filter(|left| !left.is_zero())
    }

    pub(super) fn write(&self, now: Timestamp) -> Result<(), SentNoteError> {
        let failed = |source| SentNoteError { path: self.path.clone(), source };
        let file = File::create(&self.path).map_err(failed)?;
        let now = u64::try_from(now.as_nanosecond()).unwrap_or_default();
        let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(now));
        now.map_or(Ok(()), |now| file.set_modified(now)).map_err(failed)
    }

    /// One that stays delays the next try, and nothing else.
    pub(super) fn take_back(&self) {
        fs::remove_file(&self.path).ok();
    }
}
