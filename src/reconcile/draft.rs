//! What is written of the findings: begun before PayU is asked, and finished after.

use std::io;
use std::path::{Path, PathBuf};

use crate::new_file::NewFile;

pub struct Draft {
    path: PathBuf,
    file: NewFile,
}

#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("{} exists; choose another name; nothing was asked", path.display())]
    Exists { path: PathBuf },
    #[error("cannot write {}: {source}; nothing was asked", path.display())]
    NotBegun { path: PathBuf, source: io::Error },
    #[error("cannot write {}: {source}; what was found is only above", path.display())]
    NotWritten { path: PathBuf, source: io::Error },
}

impl Draft {
    /// A folder that cannot be written is found before anything is asked.
    pub fn begin(path: &Path) -> Result<Self, DraftError> {
        let path = path.to_owned();
        if path.symlink_metadata().is_ok() {
            return Err(DraftError::Exists { path });
        }
        match NewFile::begin(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(DraftError::NotBegun { path, source }),
        }
    }

    pub fn finish(self, bytes: &[u8]) -> Result<PathBuf, DraftError> {
        let Self { path, file } = self;
        match file.finish(bytes) {
            Ok(()) => Ok(path),
            Err(source) => Err(DraftError::NotWritten { path, source }),
        }
    }
}
