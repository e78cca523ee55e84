//! How people write money and numbers into a spreadsheet.
//!
//! The rules of an intent are stricter, and stay: what is read otherwise than it is written is shown
//! before anything is sent. A form that could mean two numbers is left as it is, and refused by
//! those rules.

use std::borrow::Cow;

use super::read::{Cell, Column, Finding};

/// What a person should know of how a cell was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Note {
    Grouped,
    Spaced,
    PlusLost,
    Formula,
    NumericReference,
}

impl Note {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Grouped => {
                "amount is read without its commas and its rupee sign, as 1,00,000.50 is 100000.50"
            }
            Self::Spaced => "custMobile is read without its blanks and hyphens",
            Self::PlusLost => {
                "custMobile is a number of the spreadsheet, and read as if it began with +91"
            }
            Self::Formula => "amount is a formula, of which the result in the file is read",
            Self::NumericReference => {
                "merchantRefId is a number of the spreadsheet, so that zeros before it would be gone"
            }
        }
    }
}

/// A cell's text as the rules of an intent want it.
pub(super) fn read<'a>(column: &Column, cell: &'a Cell) -> (Cow<'a, str>, Option<Note>) {
    let Cell { text, finding } = cell;
    let read = match (column, finding) {
        (Column::Field("amount"), finding) => {
            let is_formula = matches!(finding, Some(Finding::Formula));
            let note = if is_formula { Note::Formula } else { Note::Grouped };
            ungrouped(text).map(|plain| (plain, note))
        }
        (Column::Field("custMobile"), Some(Finding::Number)) => {
            with_plus(text).map(|whole| (whole, Note::PlusLost))
        }
        (Column::Field("custMobile"), _) => unspaced(text).map(|plain| (plain, Note::Spaced)),
        (Column::Field(_) | Column::Metadata(_) | Column::Unread, _) => None,
    };
    if let Some((read, note)) = read {
        return (Cow::Owned(read), Some(note));
    }
    let note = match (column, finding) {
        (Column::Field("merchantRefId"), Some(Finding::Number)) => Some(Note::NumericReference),
        (_, Some(Finding::Formula)) => Some(Note::Formula),
        (_, Some(Finding::Number | Finding::Error(_)) | None) => None,
    };
    (Cow::Borrowed(text), note)
}

/// An amount without a rupee sign before it and without commas between its digits, if it has any
/// and they stand where India (`1,00,000`) or the West (`100,000`) sets them.
fn ungrouped(text: &str) -> Option<String> {
    let unsigned = text.strip_prefix('₹').map(|rest| rest.strip_prefix(' ').unwrap_or(rest));
    let number = unsigned.unwrap_or(text);
    let (whole, decimals) = number.split_at_checked(number.find('.').unwrap_or(number.len()))?;
    let groups: Vec<&str> = whole.split(',').collect();
    let is_grouped = groups.len() > 1;
    let is_well_formed = !is_grouped || is_indian(&groups) || is_western(&groups);
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_read = (unsigned.is_some() || is_grouped) && groups.iter().all(|group| is_plain(group));
    (is_read && is_well_formed).then(|| format!("{}{decimals}", groups.concat()))
}

fn is_indian(groups: &[&str]) -> bool {
    matches!(groups, [first, middle @ .., last]
        if matches!(first.len(), 1 | 2) && last.len() == 3 && middle.iter().all(|it| it.len() == 2))
}

fn is_western(groups: &[&str]) -> bool {
    matches!(groups, [first, rest @ ..]
        if matches!(first.len(), 1..=3) && rest.iter().all(|it| it.len() == 3))
}

/// A mobile number without blanks and hyphens between its digits, if it has any.
fn unspaced(text: &str) -> Option<String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_spaced = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.contains([' ', '-'])
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
    is_spaced.then(|| text.replace([' ', '-'], ""))
}

/// A spreadsheet takes `+919876543210` for a number. No mobile number has twelve digits, so what
/// begins with 91 was one with its plus sign.
fn with_plus(digits: &str) -> Option<String> {
    (digits.len() == 12 && digits.starts_with("91")).then(|| format!("+{digits}"))
}
