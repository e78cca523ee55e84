//! The answer to one question.

use super::question::Question;

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub question: Question,
    /// What was seen.
    pub seen: String,
    /// The setting that follows.
    pub setting: String,
    /// Whether the question was answered.
    pub is_found: bool,
}

impl Finding {
    pub(super) fn found(
        question: Question,
        seen: impl Into<String>,
        setting: impl Into<String>,
    ) -> Self {
        Self { question, seen: seen.into(), setting: setting.into(), is_found: true }
    }

    pub(super) fn open(question: Question, seen: impl Into<String>) -> Self {
        Self { question, seen: seen.into(), setting: "-".to_owned(), is_found: false }
    }
}
