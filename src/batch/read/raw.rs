//! A row and its cells before their columns are known.

use super::column::Column;
use super::row::{Cell, Finding};

/// A longer number has lost digits: a spreadsheet keeps only so many.
const DIGITS_MAX: usize = 15;
/// Beyond it, a spreadsheet's number of rupees may have lost its paise.
const RUPEE_DIGITS_MAX: usize = 12;

pub(super) struct RawRow {
    pub(super) number: usize,
    pub(super) cells: Vec<RawCell>,
    pub(super) problem: Option<String>,
}

#[derive(Default)]
pub(super) struct RawCell {
    pub(super) value: Value,
    pub(super) is_formula: bool,
}

#[derive(Default)]
pub(super) enum Value {
    #[default]
    Empty,
    Text(String),
    /// The shortest decimal form of a spreadsheet's number.
    Number(String),
    /// A date of a spreadsheet, which has no time zone.
    Date(String),
}

impl RawRow {
    pub(super) fn is_blank(&self) -> bool {
        self.problem.is_none() && self.cells.iter().all(RawCell::is_blank)
    }

    /// The same without empty cells at its end.
    pub(super) fn trimmed(mut self) -> Self {
        while self.cells.last().is_some_and(RawCell::is_blank) {
            self.cells.pop();
        }
        self
    }

    /// How many cells have something in them.
    pub(super) fn filled(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.is_blank()).count()
    }

    pub(super) fn texts(&self) -> Vec<String> {
        self.cells.iter().map(|cell| cell.text().to_owned()).collect()
    }
}

impl From<String> for RawCell {
    fn from(text: String) -> Self {
        Self { value: Value::Text(text), is_formula: false }
    }
}

impl RawCell {
    fn text(&self) -> &str {
        match &self.value {
            Value::Empty => "",
            Value::Text(text) | Value::Number(text) | Value::Date(text) => text,
        }
    }

    fn is_blank(&self) -> bool {
        !self.is_formula && self.text().trim().is_empty()
    }

    /// The cell as what its column holds.
    pub(super) fn read(self, column: Option<&Column>) -> Cell {
        let is_amount = column == Some(&Column::Field("amount"));
        let finding = match (&self.value, column) {
            (_, None | Some(Column::Unread)) => None,
            (Value::Empty, _) if self.is_formula => Some(Finding::Error(
                "has a formula whose result is not in the file; open the file in a spreadsheet \
                 program, and save it again"
                    .to_owned(),
            )),
            (Value::Number(digits), Some(column)) => number_finding(digits, column),
            (Value::Date(_), _) => Some(Finding::Error(
                "is a date of the spreadsheet, which has no time zone; write it as text with its \
                 offset, such as 2026-11-25T18:30:00Z"
                    .to_owned(),
            )),
            (Value::Empty | Value::Text(_), _) => None,
        };
        let finding =
            finding.or_else(|| (self.is_formula && is_amount).then_some(Finding::Formula));
        let text = match self.value {
            Value::Empty => String::new(),
            Value::Number(text) if matches!(finding, Some(Finding::Error(_))) => shortened(text),
            Value::Text(text) | Value::Number(text) | Value::Date(text) => text,
        };
        Cell { text, finding }
    }
}

/// A whole number that lost digits as a spreadsheet shows it, with `E+`. Written out, its zeros look
/// like digits, and a row of `FILE.bad.csv` that nobody has mended would be paid under them.
fn shortened(number: String) -> String {
    let is_whole = number.bytes().all(|byte| byte.is_ascii_digit());
    match number.parse::<f64>() {
        Ok(value) if is_whole && number.len() > DIGITS_MAX => {
            format!("{value:.14E}").replace('E', "E+")
        }
        Ok(_) | Err(_) => number,
    }
}

/// What a spreadsheet's number may not be in its column, or makes doubtful.
fn number_finding(text: &str, column: &Column) -> Option<Finding> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('-');
    let digits = whole.len().saturating_add(decimals.len());
    match column {
        Column::Field("amount") if whole.len() > RUPEE_DIGITS_MAX => Some(Finding::Error(format!(
            "is a number of more than {RUPEE_DIGITS_MAX} digits before its point; make it text"
        ))),
        Column::Field("amount") => (decimals.len() > 2).then(|| {
            Finding::Error(format!("is a number: the cell holds {text}; round it or make it text"))
        }),
        Column::Field("custMobile") if !decimals.is_empty() => Some(Finding::Error(
            "is a number with decimals; write all digits of the mobile number as text".to_owned(),
        )),
        _ if digits > DIGITS_MAX => Some(Finding::Error(format!(
            "is a number of more than {DIGITS_MAX} digits, and a spreadsheet keeps no more; format \
             the column as text, and fill it in again"
        ))),
        Column::Field("merchantRefId" | "custMobile") => Some(Finding::Number),
        Column::Field(_) | Column::Metadata(_) | Column::Unread => None,
    }
}
