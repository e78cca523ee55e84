//! Why the file cannot be used.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// SQLite could not do what was asked. What was committed before is safe.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the disk is full")]
    Full,
    #[error("{0}")]
    Sqlite(#[source] rusqlite::Error),
    /// A value is not one that this program writes.
    #[error("its {0} cannot be read")]
    Damaged(&'static str),
    #[error("the task that writes it has panicked")]
    Panicked,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(_) | None => Self::Sqlite(error),
        }
    }
}

/// Why nothing was started.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open {}: {source}; nothing was sent", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(
        "{} is in use by another process; wait for that one to end, or stop it; this one has sent \
         nothing",
        path.display()
    )]
    Locked { path: PathBuf },
    #[error(
        "{} was not written by smartsend batch; move it away, and run this again; nothing was sent",
        path.display()
    )]
    NotOurs { path: PathBuf },
    #[error(
        "{} was written by another version of smartsend (format {found}; this one reads \
         {expected}); go on with that version; nothing was sent",
        path.display()
    )]
    Version { path: PathBuf, found: i32, expected: i32 },
    #[error(
        "{} belongs to the {what} {theirs}, and this run is for {ours}; its rows are not known to \
         another one, so copy the input file under a new name and run that; nothing was sent",
        path.display()
    )]
    Foreign { path: PathBuf, what: &'static str, theirs: String, ours: String },
    #[error("cannot use {}: {source}; nothing was sent", path.display())]
    Store { path: PathBuf, source: StoreError },
}
