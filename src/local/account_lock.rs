//! One batch for an account on this machine: two would exceed its rate together.

use std::fs::{File, TryLockError};
use std::io;
use std::path::PathBuf;

/// Held as long as this lives. The system unlocks it when the process ends, however it ends.
#[derive(Debug)]
pub struct AccountLock {
    _file: File,
}

/// Why the account cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountLockError {
    #[error(
        "another batch is paying from the account {account} on this machine ({}), and both would \
         exceed its rate; run this one after it; nothing was sent",
        path.display()
    )]
    Taken { account: String, path: PathBuf },
    #[error(
        "cannot lock {}: {source}; it keeps a second batch from the account, so nothing was sent; \
         if it is another user's, set TMPDIR to a folder that you may write to",
        path.display()
    )]
    File { path: PathBuf, source: io::Error },
}

impl AccountLock {
    /// Locks an account, by its `payout_merchant_id`.
    pub fn take(account: &str) -> Result<Self, AccountLockError> {
        let path = std::env::temp_dir().join(format!("smartsend-{account}.batch.lock"));
        let file = File::options().create(true).append(true).open(&path);
        let file = match file {
            Ok(file) => file,
            Err(source) => return Err(AccountLockError::File { path, source }),
        };
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => {
                Err(AccountLockError::Taken { account: account.to_owned(), path })
            }
            Err(TryLockError::Error(source)) => Err(AccountLockError::File { path, source }),
        }
    }
}
