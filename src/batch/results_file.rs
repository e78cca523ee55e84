//! `FILE.results.csv`: one line for each row of the file, in its order.
//!
//! It holds claim links, and whoever holds a link can claim the money. So it is made with mode
//! 0600 from its first byte, under a name that did not exist, and takes its own name only when it
//! is whole. It is made before anything is sent: a folder that cannot be written stops the command
//! while that costs nothing.
//!
//! What was sent cannot be sent back, so what is known of it is never thrown away. A report takes
//! the place of an earlier one only if that says nothing more: a second run that is stopped at once
//! knows nothing of the links that the first one wrote down. Otherwise it takes the next free name.
//! If the folder is gone or full by now, the report goes where temporary files go.

pub(super) mod earlier;
pub(super) mod lines;
mod report;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::status::BatchStatus;
pub(crate) use lines::harmless;
pub use report::{Outcome, ReportLine, is_report, read as read_report};

/// An unfinished results file. Dropping it leaves nothing behind.
#[derive(Debug)]
pub(super) struct ResultsFile {
    path: PathBuf,
    draft: NamedTempFile,
}

/// The results file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsFileError {
    #[error("cannot write {}: {source}; nothing was sent", path.display())]
    NotBegun { path: PathBuf, source: io::Error },
    #[error(
        "cannot write {}: {source}; the results are in {}, from where temporary files are deleted, \
         so move them to a safe place",
        path.display(), rescued.display()
    )]
    Elsewhere { path: PathBuf, source: io::Error, rescued: PathBuf },
    #[error(
        "cannot write {}: {source}; nor anywhere else: {second}; the events of what was sent are \
         in the queues of downstream",
        path.display()
    )]
    Lost { path: PathBuf, source: io::Error, second: io::Error },
}

#[derive(Debug)]
pub(super) struct Written {
    pub(super) path: PathBuf,
    /// The earlier report that says more, and was kept.
    pub(super) kept: Option<PathBuf>,
}

impl ResultsFile {
    /// Creates the draft beside the input file.
    pub(super) fn beside(input: &Path) -> Result<Self, ResultsFileError> {
        let path = beside(input, "results.csv");
        let folder = path.parent().unwrap_or(&path);
        match Builder::new().prefix(".results.").suffix(".draft").tempfile_in(folder) {
            Ok(draft) => Ok(Self { path, draft }),
            Err(source) => Err(ResultsFileError::NotBegun { path, source }),
        }
    }

    /// Writes everything and gives the file its name.
    pub(super) fn finish(self, status: &BatchStatus) -> Result<Written, ResultsFileError> {
        let Self { path, draft } = self;
        let report = lines::write(status.rows(), &links_in_earlier(&path));
        let written = filled(draft, &report).and_then(|draft| take_name(draft, &path, &report));
        let source = match written {
            Ok(taken) if taken == path => return Ok(Written { path, kept: None }),
            Ok(taken) => return Ok(Written { path: taken, kept: Some(path) }),
            Err(source) => source,
        };
        match rescue(&report) {
            Ok(rescued) => Err(ResultsFileError::Elsewhere { path, source, rescued }),
            Err(second) => Err(ResultsFileError::Lost { path, source, second }),
        }
    }
}

/// With the ending `results.csv`, `pay.csv` gives `pay.results.csv`; a name without `.csv` gets it
/// after its own.
pub(super) fn beside(input: &Path, ending: &str) -> PathBuf {
    let is_csv = input.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let stem = if is_csv { input.file_stem() } else { input.file_name() };
    let mut name = stem.unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    input.with_file_name(name)
}

fn filled(mut draft: NamedTempFile, report: &[u8]) -> io::Result<NamedTempFile> {
    draft.write_all(report)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

/// What the reports of earlier runs have links for, by reference; the first counts.
fn links_in_earlier(path: &Path) -> HashMap<String, String> {
    let names = (1..=u32::MAX).map(|number| numbered(path, number));
    let reports = names.map_while(|name| Some((std::fs::read(&name).ok()?, name)));
    let links = reports.flat_map(|(report, name)| earlier::links(&name, &report));
    let mut by_reference = HashMap::new();
    for (reference, known) in links {
        by_reference.entry(reference).or_insert(known);
    }
    by_reference
}

/// Takes the first name that is free, or whose report this one replaces.
fn take_name(mut draft: NamedTempFile, path: &Path, report: &[u8]) -> io::Result<PathBuf> {
    for number in 1..=u32::MAX {
        let name = numbered(path, number);
        let replaces = std::fs::read(&name).is_ok_and(|old| earlier::says_no_more(&old, report));
        let taken = if replaces { draft.persist(&name) } else { draft.persist_noclobber(&name) };
        match taken {
            Ok(_) => return Ok(name),
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
    if number == 1 { path.to_owned() } else { path.with_extension(format!("{number}.csv")) }
}

/// Keeps the report where temporary files are, under a name that nobody can have taken before.
fn rescue(report: &[u8]) -> io::Result<PathBuf> {
    let draft = Builder::new().prefix("smartsend.results.").suffix(".csv").tempfile()?;
    Ok(filled(draft, report)?.keep()?.1)
}
