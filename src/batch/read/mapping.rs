//! `--map "COLUMN=FIELD"`: which field a column of another name holds.

use std::str::FromStr;

use super::column::{Column, ERROR_COLUMN};

/// What one column is read as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The column's name in the file.
    pub(super) name: String,
    pub(super) column: Column,
}

#[derive(Debug, thiserror::Error)]
pub enum MappedError {
    #[error("it must be COLUMN=FIELD, such as \"Mobile No.=custMobile\"")]
    Shape,
    #[error(
        "{0} is not a field of an intent; it must be one, or metadata.KEY, or nothing for a column \
         that is not to be read"
    )]
    NoField(String),
}

impl FromStr for Mapped {
    type Err = MappedError;

    fn from_str(text: &str) -> Result<Self, MappedError> {
        // A column's name may hold the sign; no field does.
        let (name, field) = text.rsplit_once('=').ok_or(MappedError::Shape)?;
        let (name, field) = (name.trim(), field.trim());
        if name.is_empty() {
            return Err(MappedError::Shape);
        }
        let column = match field {
            "" => Some(Column::Unread),
            ERROR_COLUMN => None,
            field => Column::named(field),
        };
        let column = column.ok_or_else(|| MappedError::NoField(field.to_owned()))?;
        Ok(Self { name: name.to_owned(), column })
    }
}

/// What a name is read as, if that was said.
pub(super) fn of<'a>(name: &str, mapping: &'a [Mapped]) -> Option<&'a Column> {
    mapping.iter().find(|mapped| mapped.name == name).map(|mapped| &mapped.column)
}
