//! The calls that are counted, and the last one that failed.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use strum::IntoStaticStr;

use crate::domain::command::{Action, Command};

/// The HTTP calls to the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr, Serialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum CallKind {
    Create,
    Lookup,
    Token,
    Cancel,
    Extend,
}

impl CallKind {
    pub fn of_command(command: &Command) -> Self {
        match command.action {
            Action::Cancel => Self::Cancel,
            Action::Extend(_) => Self::Extend,
        }
    }
}

/// A call to the provider that failed, as it was seen on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallFailure {
    pub call: CallKind,
    pub cause: String,
    #[serde(serialize_with = "to_millis")]
    pub at: Timestamp,
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.call.into_str(), self.cause)
    }
}

fn to_millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}
