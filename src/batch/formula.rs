//! What a spreadsheet would take for a formula, made harmless.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a
//! formula. With an apostrophe before it, it is a text.

use std::borrow::Cow;

const SIGNS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// The text, with an apostrophe before what would be a formula.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if text.starts_with(SIGNS) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

/// The same so that [`as_it_was`] can take the apostrophe away again: a text that begins like a
/// harmless one gets another.
pub(super) fn harmless_for_return(text: &str) -> Cow<'_, str> {
    if is_marked(text) { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

pub(super) fn as_it_was(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_marked(rest) => rest,
        Some(_) | None => text,
    }
}

/// A sign, after any number of apostrophes.
fn is_marked(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(SIGNS)
}
