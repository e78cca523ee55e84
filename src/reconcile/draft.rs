//! A file that takes its name when it is whole, and replaces none.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// An unfinished file, with mode 0600 from its first byte. Dropping it leaves nothing behind.
pub struct Draft {
    path: PathBuf,
    file: NamedTempFile,
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
    /// Begins it beside its name: a folder that cannot be written is found before anything is asked.
    pub fn begin(path: &Path) -> Result<Self, DraftError> {
        let path = path.to_owned();
        if path.symlink_metadata().is_ok() {
            return Err(DraftError::Exists { path });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        match Builder::new().prefix(".reconcile.").suffix(".draft").tempfile_in(folder) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(DraftError::NotBegun { path, source }),
        }
    }

    pub fn finish(self, bytes: &[u8]) -> Result<PathBuf, DraftError> {
        let Self { path, mut file } = self;
        let written = file.write_all(bytes).and_then(|()| file.as_file().sync_all());
        let taken = written.and_then(|()| {
            file.persist_noclobber(&path).map(drop).map_err(|refused| refused.error)
        });
        match taken {
            Ok(()) => Ok(path),
            Err(source) => Err(DraftError::NotWritten { path, source }),
        }
    }
}
