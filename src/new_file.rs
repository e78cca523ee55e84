//! A file that takes its name when it is whole, and replaces none.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// An unfinished file, with mode 0600 from its first byte. Dropping it leaves nothing behind.
pub(crate) struct NewFile {
    path: PathBuf,
    draft: NamedTempFile,
}

impl NewFile {
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), draft: draft(path)? })
    }

    pub(crate) fn finish(mut self, bytes: &[u8]) -> io::Result<()> {
        self.draft.write_all(bytes)?;
        self.draft.as_file().sync_all()?;
        self.draft.persist_noclobber(&self.path).map(drop).map_err(|refused| refused.error)
    }
}

/// An unfinished file in the folder of its name: from there it can take the name in one step.
pub(crate) fn draft(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    Builder::new().prefix(".smartsend.").suffix(".draft").tempfile_in(folder)
}
