//! What every format gives: rows, or why there are none.

use std::io;

use serde::{Deserialize, Serialize};

/// One row, before validation.
#[derive(Serialize, Deserialize)]
pub(in crate::batch) struct Row {
    /// The number that a spreadsheet shows, or that of the line.
    pub(in crate::batch) number: usize,
    pub(in crate::batch) content: Content,
    /// What is wrong with its shape, so that its cells may stand in the wrong columns.
    pub(in crate::batch) problem: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub(in crate::batch) enum Content {
    /// A cell for each column, unless the row has a problem.
    Cells(Vec<Cell>),
    /// An intent as it would be sent.
    Json(String),
}

#[derive(Serialize, Deserialize)]
pub(in crate::batch) struct Cell {
    pub(in crate::batch) text: String,
    pub(in crate::batch) finding: Option<Finding>,
}

/// What a cell's text does not show.
#[derive(Serialize, Deserialize)]
pub(in crate::batch) enum Finding {
    /// It cannot be used.
    Error(String),
    /// It is the result of a formula.
    Formula,
    /// A spreadsheet holds it as a number.
    Number,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, finding: None }
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({})", self.number)
    }
}

/// Why a file has no rows at all: everything that is wrong with it, a line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct SheetError(pub(super) Vec<String>);

impl SheetError {
    pub(super) fn one(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }
}

/// Why a file cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("it cannot be read: {0}")]
    Source(io::Error),
    #[error(
        "its rows cannot be kept in a temporary file: {0}; make room, or set TMPDIR to a folder that \
         has some"
    )]
    Spool(io::Error),
    #[error("it was changed while it was read; try again once nobody writes to it")]
    Changed,
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// An option is missing, or does not fit the file.
    #[error("{0}")]
    Usage(String),
}

impl ReadError {
    pub(super) fn sheet(problem: impl Into<String>) -> Self {
        Self::Sheet(SheetError::one(problem))
    }
}
