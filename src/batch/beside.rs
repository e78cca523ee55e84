//! The files that are written beside the one that was read.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// With the ending `results.csv`, `pay.csv` gives `pay.results.csv`. Only `csv` and the new file's
/// own ending give way to it: `pay.csv` and `pay.xlsx` must not share their files.
pub(super) fn beside(input: &Path, ending: &str) -> PathBuf {
    let own = Path::new(ending).extension().unwrap_or_default();
    let gives_way = |it: &OsStr| it.eq_ignore_ascii_case("csv") || it.eq_ignore_ascii_case(own);
    let stem = if input.extension().is_some_and(gives_way) {
        input.file_stem()
    } else {
        input.file_name()
    };
    let mut name = stem.unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    input.with_file_name(name)
}

/// Gives an unfinished file the first name that is free, or that it may have: `may_replace` is asked
/// with the file that is there, and the unfinished one.
pub(super) fn take_name(
    mut draft: NamedTempFile,
    path: &Path,
    may_replace: impl Fn(&Path, &Path) -> bool,
) -> io::Result<(PathBuf, File)> {
    for number in 1..=u32::MAX {
        let name = numbered(path, number);
        let replaces = may_replace(&name, draft.path());
        let taken = if replaces { draft.persist(&name) } else { draft.persist_noclobber(&name) };
        match taken {
            Ok(file) => return Ok((name, file)),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => {
                draft = refused.file;
            }
            Err(refused) => return Err(refused.error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// `pay.results.csv`, then `pay.results.2.csv` and so on.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let Some(ending) = path.extension().filter(|_| number > 1) else { return path.to_owned() };
    path.with_extension(format!("{number}.{}", ending.to_string_lossy()))
}
