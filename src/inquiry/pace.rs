//! One request a second for an account on this machine, by a lock file.
//!
//! The file is locked as long as the turn lasts, and its time of change is that of the last request
//! or answer. The system unlocks it when its process ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::clock::SystemClock;
use crate::ports::Clock;

/// The least time from one answer to the next request.
pub(crate) const APART: Duration = Duration::from_secs(1);

pub(crate) struct Pace {
    path: PathBuf,
    file: File,
    clock: SystemClock,
    apart: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum PaceError {
    #[error(
        "cannot lock {}: {source}; it keeps this machine's questions to PayU a second apart, so \
         nothing was sent; if it is another user's, set TMPDIR to a folder that you may write to",
        path.display()
    )]
    NotLocked { path: PathBuf, source: io::Error },
    #[error("another command on this machine is asking PayU about the same account")]
    Busy,
}

impl Pace {
    /// Waits for the lock of this account.
    pub(crate) async fn take(
        account: &str,
        apart: Duration,
        clock: SystemClock,
    ) -> Result<Self, PaceError> {
        let (path, (file, made_at)) = open_for(account)?;
        let failed = |source| PaceError::NotLocked { path: path.clone(), source };
        let locked = tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await;
        let file = locked.map_err(io::Error::other).flatten().map_err(failed)?;
        Self::locked(path, (file, made_at), apart, clock)
    }

    /// The same, unless somebody else has it.
    pub(crate) fn try_take(
        account: &str,
        apart: Duration,
        clock: SystemClock,
    ) -> Result<Self, PaceError> {
        let (path, opened) = open_for(account)?;
        opened.0.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => PaceError::Busy,
            TryLockError::Error(source) => PaceError::NotLocked { path: path.clone(), source },
        })?;
        Self::locked(path, opened, apart, clock)
    }

    fn locked(
        path: PathBuf,
        (file, made_at): Opened,
        apart: Duration,
        clock: SystemClock,
    ) -> Result<Self, PaceError> {
        // Nobody has used it since this process made it, so nobody has asked.
        if made_at.is_some() && made_at == modified(&file) {
            let set = file.set_modified(SystemTime::UNIX_EPOCH);
            set.map_err(|source| PaceError::NotLocked { path: path.clone(), source })?;
        }
        Ok(Self { path, file, clock, apart })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until a request may go out, and counts it as sent.
    pub(crate) async fn turn(&self) {
        let last = modified(&self.file);
        let last = last.and_then(|time| Timestamp::try_from(time).ok());
        let since = last.map(|last| self.clock.now().wall.duration_since(last));
        // A time to come is a clock that was set back.
        let since = since.and_then(|since| Duration::try_from(since).ok()).unwrap_or_default();
        self.clock.sleep(self.apart.saturating_sub(since)).await;
        self.mark();
    }

    /// Counts from now: a request may reach PayU much later than it was begun.
    pub(crate) fn mark(&self) {
        let now = u64::try_from(self.clock.now().wall.as_nanosecond()).unwrap_or_default();
        let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(now));
        // Whoever may write to the file may set its time. If that failed all the same, the next one
        // would be early by a part of a second.
        now.and_then(|now| self.file.set_modified(now).ok());
    }
}

/// An open file, and when it was made if it was not there.
type Opened = (File, Option<SystemTime>);

fn open_for(account: &str) -> Result<(PathBuf, Opened), PaceError> {
    let path = std::env::temp_dir().join(format!("smartsend-{account}.lock"));
    match open(&path) {
        Ok(opened) => Ok((path, opened)),
        Err(source) => Err(PaceError::NotLocked { path, source }),
    }
}

fn open(path: &Path) -> io::Result<Opened> {
    match File::options().create_new(true).append(true).open(path) {
        Ok(file) => {
            let made_at = modified(&file);
            Ok((file, made_at))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let file = File::options().create(true).append(true).open(path)?;
            Ok((file, None))
        }
        Err(error) => Err(error),
    }
}

fn modified(file: &File) -> Option<SystemTime> {
    file.metadata().and_then(|it| it.modified()).ok()
}
