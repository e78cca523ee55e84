//! What a spreadsheet, or a copy from elsewhere, does to a cell.

use super::read::Column;
use super::text;

/// What is wrong with a cell's text, whatever the rules of its field.
pub(super) fn of(column: &Column, cell: &str) -> Option<String> {
    if cell.is_empty() || *column == Column::Unread {
        return None;
    }
    if !text::is_visible(cell) {
        return Some("has nothing in it that can be seen; fill it in, or empty it".to_owned());
    }
    if let Some(error) = text::formula_error(cell) {
        return Some(format!("has {error}, which a spreadsheet writes in place of a value"));
    }
    if let Some(bidi) = text::bidi_override(cell).map(text::code_point) {
        return Some(format!(
            "has {bidi}, which changes the order in which it is shown; delete it"
        ));
    }
    // In a text for people, other invisible characters belong to its writing: Indian scripts and
    // emoji are joined by them.
    let is_for_people = match column {
        Column::Field(name) => matches!(*name, "description" | "custName"),
        Column::Metadata(_) | Column::Unread => true,
    };
    if is_for_people {
        return None;
    }
    if let Some(hidden) = cell.chars().find(|c| text::is_invisible(*c)).map(text::code_point) {
        return Some(format!("has the invisible character {hidden}; delete it"));
    }
    if cell.starts_with(' ') || cell.ends_with(' ') {
        return Some("begins or ends with a blank; delete it".to_owned());
    }
    text::is_shortened_number(cell).then(|| {
        "has a number that a spreadsheet has shortened, as 1.9E+18; format the column as text, and \
         fill it in again"
            .to_owned()
    })
}
