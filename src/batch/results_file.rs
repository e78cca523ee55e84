//! `FILE.results.csv`: one line for each row of the file, in its order.
//!
//! It holds claim links, and whoever holds a link can claim the money. So it is made with mode
//! 0600 from its first byte, under a name that did not exist, and takes its own name only when it
//! is whole. It is made before anything is sent: a folder that cannot be written stops the command
//! while that costs nothing.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula. Links begin with
//! `http`. References are written unchanged, because programs join on them: of the four signs they
//! can begin only with `-`, and no formula of letters, digits, `_` and `-` reaches anything outside
//! its sheet. A reason that begins with such a sign gets an apostrophe before it.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::status::{BatchStatus, RowStatus, TrackedRow};
use crate::domain::event::Reason;

/// An unfinished results file. Dropping it leaves nothing behind.
#[derive(Debug)]
pub(super) struct ResultsFile {
    path: PathBuf,
    draft: NamedTempFile,
}

/// The results file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct ResultsFileError {
    path: PathBuf,
    source: io::Error,
}

impl ResultsFile {
    /// Creates the draft beside the input file.
    pub(super) fn beside(input: &Path) -> Result<Self, ResultsFileError> {
        let path = path_for(input);
        let folder = path.parent().unwrap_or(&path);
        match tempfile::Builder::new().prefix(".results.").suffix(".draft").tempfile_in(folder) {
            Ok(draft) => Ok(Self { path, draft }),
            Err(source) => Err(ResultsFileError { path, source }),
        }
    }

    /// Writes everything and gives the file its name, replacing an older one.
    pub(super) fn finish(self, status: &BatchStatus) -> Result<PathBuf, ResultsFileError> {
        let Self { path, draft } = self;
        let written = write(draft.as_file(), status.rows())
            .and_then(|()| draft.as_file().sync_all())
            .and_then(|()| draft.persist(&path).map_err(io::Error::from));
        match written {
            Ok(_) => Ok(path),
            Err(source) => Err(ResultsFileError { path, source }),
        }
    }
}

/// `pay.csv` gives `pay.results.csv`; a name without `.csv` gets `.results.csv` after it.
fn path_for(input: &Path) -> PathBuf {
    let is_csv = input.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let stem = if is_csv { input.file_stem() } else { input.file_name() };
    let mut name = stem.unwrap_or_default().to_owned();
    name.push(".results.csv");
    input.with_file_name(name)
}

fn write(file: &File, rows: &[TrackedRow]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(file);
    writer.write_record(["reference", "outcome", "link", "reason"])?;
    for TrackedRow { reference, status, .. } in rows {
        let reference = reference.as_ref().map_or("", |reference| reference.as_str());
        let (outcome, reason) = outcome_and_reason(status);
        let link = if let RowStatus::Created(link) = status { link.expose() } else { "" };
        writer.write_record([reference, outcome, link, &harmless(&reason)])?;
    }
    writer.flush()
}

fn outcome_and_reason(status: &RowStatus) -> (&'static str, Cow<'static, str>) {
    match status {
        RowStatus::Skipped(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            ("skipped", errors.join("; ").into())
        }
        RowStatus::Unsent => ("unsent", "it was not sent; submit it again".into()),
        RowStatus::Unconfirmed => (
            "unknown",
            "RabbitMQ did not confirm it, and may have it or not; submit it again with the same \
             reference"
                .into(),
        ),
        RowStatus::Sent => (
            "unknown",
            "it is with the worker, and no event was seen before the wait ended; look for its \
             event before you do anything else"
                .into(),
        ),
        RowStatus::Created(_) => ("created", "".into()),
        RowStatus::Failed(reason) => ("failed", text(reason).into()),
        RowStatus::Rejected(reason) => ("rejected", text(reason).into()),
        RowStatus::Unresolved(reason) => ("unresolved", text(reason).into()),
    }
}

/// `CODE 1101: sentence; field error; field error`.
fn text(Reason { code, provider_code, message, errors }: &Reason) -> String {
    let number = provider_code.map(|number| format!(" {number}")).unwrap_or_default();
    let errors: Vec<_> =
        errors.iter().map(|error| format!("; {} {}", error.field, error.message)).collect();
    format!("{code}{number}: {message}{}", errors.concat())
}

fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}
