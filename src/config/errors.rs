//! What is wrong with a configuration, in sentences for the person who wrote it.
//!
//! A sentence never shows a secret, nor the password in a broker's address: it is printed, and
//! what is printed is copied into tickets.

use std::fmt;

/// Everything that is wrong, one sentence a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<Problem>);

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key with its table, such as `broker.heartbeat`.
    pub key: String,
    /// The environment's name for it, if the value came from there.
    pub variable: Option<String>,
    /// The value, unless it is absent or not to be shown.
    pub value: Option<String>,
    /// What is wrong with it, and what it should be.
    pub reason: String,
}

impl ConfigErrors {
    /// The problems, in the order of the file's tables.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl Problem {
    /// A problem without a value to show.
    pub(super) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), variable: None, value: None, reason: reason.into() }
    }

    /// The same, with the value.
    pub(super) fn with_value(self, value: Option<String>) -> Self {
        Self { value, ..self }
    }

    /// The same, from the environment.
    pub(super) fn with_variable(self, variable: Option<String>) -> Self {
        Self { variable, ..self }
    }
}

impl From<Vec<Problem>> for ConfigErrors {
    fn from(problems: Vec<Problem>) -> Self {
        Self(problems)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, problem) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.key)?;
        if let Some(variable) = &self.variable {
            write!(f, " (from {variable})")?;
        }
        if let Some(value) = &self.value {
            write!(f, " is {value}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl std::error::Error for ConfigErrors {}
