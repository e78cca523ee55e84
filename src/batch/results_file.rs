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
mod lines;
mod report;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::beside::{beside, numbered, take_name};
use crate::new_file::draft;
pub(super) use lines::{Report, ReportRow};
pub use report::{Outcome, ReportLine};
pub(super) use report::{is_report, read as read_report};

/// Writes every row into a report.
pub(super) type Fill<'a> = dyn Fn(&mut Report<'_, &File>) -> io::Result<()> + 'a;

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
        match draft(&path) {
            Ok(draft) => Ok(Self { path, draft }),
            Err(source) => Err(ResultsFileError::NotBegun { path, source }),
        }
    }

    /// Writes everything and gives the file its name.
    pub(super) fn finish(self, fill: &Fill<'_>) -> Result<Written, ResultsFileError> {
        let Self { path, draft } = self;
        let links = links_in_earlier(&path);
        let written =
            filled(draft, fill, &links).and_then(|draft| take_name(draft, &path, replaces));
        let source = match written {
            Ok((taken, _)) if taken == path => return Ok(Written { path, kept: None }),
            Ok((taken, _)) => return Ok(Written { path: taken, kept: Some(path) }),
            Err(source) => source,
        };
        match rescue(fill, &links) {
            Ok(rescued) => Err(ResultsFileError::Elsewhere { path, source, rescued }),
            Err(second) => Err(ResultsFileError::Lost { path, source, second }),
        }
    }
}

fn filled(
    draft: NamedTempFile,
    fill: &Fill<'_>,
    links: &HashMap<String, String>,
) -> io::Result<NamedTempFile> {
    let mut report = Report::begin(draft.as_file())?.with_links(links);
    fill(&mut report)?;
    report.end()?;
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

/// Whether a new report says all that the one in its place said.
fn replaces(old: &Path, new: &Path) -> bool {
    let reports = std::fs::read(old).and_then(|old| Ok((old, std::fs::read(new)?)));
    reports.is_ok_and(|(old, new)| earlier::says_no_more(&old, &new))
}

/// Keeps the report where temporary files are, under a name that nobody can have taken before.
fn rescue(fill: &Fill<'_>, links: &HashMap<String, String>) -> io::Result<PathBuf> {
    let draft = Builder::new().prefix("smartsend.results.").suffix(".csv").tempfile()?;
    Ok(filled(draft, fill, links)?.keep()?.1)
}
