//! What every format gives: rows of cells, or why there are none.

/// One row, before validation.
pub(in crate::batch) struct Row {
    /// The number that a spreadsheet shows; the header is row 1.
    pub(in crate::batch) number: usize,
    /// As many cells as there are columns, or what is wrong with the row's shape.
    pub(in crate::batch) cells: Result<Vec<String>, String>,
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

impl Row {
    pub(super) fn of_width(mut self, width: usize) -> Self {
        if let Ok(cells) = &self.cells
            && cells.len() != width
        {
            self.cells = Err(format!(
                "has {} cells, but the header has {width}; a cell that holds a comma must be in \
                 quotation marks",
                cells.len()
            ));
        }
        self
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Row({})", self.number)
    }
}
