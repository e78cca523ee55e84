//! The file: its mode, its lock, its tables, and whose it is.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, ToSql};

use super::error::{OpenError, StoreError};
use crate::domain::account::Account;

/// `PRAGMA application_id`, four letters of our name.
const APPLICATION_ID: i32 = 0x536d_5365;
/// `PRAGMA user_version`.
const VERSION: i32 = 1;

/// A lock for as long as the process lives, which the system takes off however it ends; a sync for
/// each commit, since a power cut must not bring back a row that was claimed. With the exclusive
/// lock SQLite keeps the index of the WAL in memory, and no other process can read beside it. Rows are
/// worked on in the order in which they stand there, so a small cache serves a file of any length.
const SETTINGS: &str = "
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -8000;
    BEGIN IMMEDIATE;
    COMMIT;";

/// `intents` has every row that any run has taken in, `places` those of the file as it is now.
///
/// `queued` was never claimed. `waiting` goes on at `due`, in milliseconds of the process's steady
/// clock. `done` and `parked` have their event. `returned` counts the deliveries that ended without
/// anything in their place.
const TABLES: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE intents (
        id INTEGER PRIMARY KEY,
        reference TEXT NOT NULL UNIQUE,
        amount TEXT NOT NULL,
        name TEXT NOT NULL,
        message_id TEXT NOT NULL,
        body BLOB NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued'
            CHECK (state IN ('queued', 'claimed', 'waiting', 'done', 'parked')),
        headers TEXT NOT NULL DEFAULT '{}',
        returned INTEGER NOT NULL DEFAULT 0,
        delay INTEGER,
        due INTEGER,
        event BLOB
    ) STRICT;
    CREATE INDEX waiting ON intents (due) WHERE state = 'waiting';
    CREATE INDEX claimed ON intents (id) WHERE state = 'claimed';
    CREATE TABLE places (
        number INTEGER PRIMARY KEY,
        intent INTEGER NOT NULL UNIQUE REFERENCES intents (id)
    ) STRICT;";

/// What an earlier process had claimed may have been sent.
const RECOVER: &str = "
    UPDATE intents SET state = 'waiting', delay = 0, due = 0, returned = returned + 1
        WHERE state = 'claimed'";

/// Whose rows a file has. Another account knows nothing of their references.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub account: Account,
    pub merchant: String,
}

impl Owner {
    fn fields(&self) -> [(&'static str, &str); 3] {
        [
            ("account", &self.account.payout_merchant_id),
            ("merchant", &self.merchant),
            ("api", self.account.api.as_str()),
        ]
    }
}

/// The open file, locked for this process.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the file, or makes it, and takes note of what an earlier process has left undone.
    pub fn open(path: &Path, owner: &Owner) -> Result<Self, OpenError> {
        create(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.execute_batch(SETTINGS)?;
            Ok(connection)
        });
        let connection = opened.map_err(|error| refused(path, error))?;
        let mut store = Self { connection, path: path.to_owned() };
        store.belongs_to(owner)?;
        store.connection.execute(RECOVER, []).map_err(|error| refused(path, error))?;
        Ok(store)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    fn belongs_to(&mut self, owner: &Owner) -> Result<(), OpenError> {
        let path = self.path.clone();
        let failed = |error| refused(&path, error);
        let pragma = |name| self.connection.pragma_query_value(None, name, |row| row.get(0));
        let (id, version): (i32, i32) =
            (pragma("application_id").map_err(failed)?, pragma("user_version").map_err(failed)?);
        if id == 0 && version == 0 && self.is_empty().map_err(failed)? {
            return self.initialize(owner).map_err(failed);
        }
        if id != APPLICATION_ID {
            return Err(OpenError::NotOurs { path });
        }
        if version != VERSION {
            return Err(OpenError::Version { path, found: version, expected: VERSION });
        }
        for (what, ours) in owner.fields() {
            let theirs: String = self.meta(what).map_err(failed)?.unwrap_or_default();
            if theirs != ours {
                return Err(OpenError::Foreign { path, what, theirs, ours: ours.to_owned() });
            }
        }
        Ok(())
    }

    /// Whether it has no tables: a process may have been killed between making it and filling it.
    fn is_empty(&self) -> rusqlite::Result<bool> {
        self.connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
    }

    fn initialize(&mut self, owner: &Owner) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        for (name, value) in owner.fields() {
            transaction.execute("INSERT INTO meta VALUES (?1, ?2)", (name, value))?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()
    }

    pub(super) fn meta<T: FromSql>(&self, name: &str) -> rusqlite::Result<Option<T>> {
        let mut found = self.connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
        found.query_row([name], |row| row.get(0)).optional()
    }

    pub(super) fn set_meta(&self, name: &str, value: impl ToSql) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)";
        self.connection.prepare_cached(sql)?.execute((name, value))?;
        Ok(())
    }
}

/// Makes the file if it is not there, readable by its owner alone from its first byte. SQLite gives
/// the WAL the same mode.
fn create(path: &Path) -> io::Result<()> {
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn refused(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
        Some(ErrorCode::NotADatabase) => OpenError::NotOurs { path },
        Some(_) | None => OpenError::Store { path, source: error.into() },
    }
}
