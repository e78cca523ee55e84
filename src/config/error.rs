//! What is wrong with a configuration, in sentences for the person who wrote it.
//!
//! A sentence never shows a secret, nor the password in a broker's address: it is printed, and
//! what is printed is copied into tickets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use toml::{Table, Value};

use super::{address, secret};

/// Everything that is wrong, one sentence a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub(super) Vec<Problem>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key with its table, such as `broker.heartbeat`; or the file, or the variable.
    pub key: String,
    /// The variable that set the key, if one did.
    pub variable: Option<String>,
    /// The value, unless it is absent or may be secret.
    pub value: Option<String>,
    pub reason: String,
}

impl ConfigError {
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl Problem {
    pub(super) fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), variable: None, value: None, reason: reason.into() }
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

#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    /// The defaults, with the values that are right by themselves.
    pub(super) file: Table,
    pub(super) variables: BTreeMap<String, String>,
    /// Keys whose value in `file` is not the configured one.
    wrong: BTreeSet<String>,
}

impl Findings {
    /// Adds a problem with a key, or with an item of its list, that has this value.
    pub(super) fn add(&mut self, key: &str, value: Option<&Value>, reason: impl Into<String>) {
        let whole = key.split('[').next().unwrap_or(key);
        let name = whole.rsplit('.').next().unwrap_or(whole);
        let variable = self.variables.get(whole).cloned();
        let value = value.and_then(|value| show(name, value));
        self.problems.push(Problem { variable, value, ..Problem::new(key, reason) });
        self.wrong.insert(whole.to_owned());
    }

    /// Adds a problem with a key whose own value may be valid.
    pub(super) fn conflict(&mut self, key: &str, reason: impl Into<String>) {
        let value = self.value(key).cloned();
        self.add(key, value.as_ref(), reason);
    }

    /// Adds a problem with a key, unless it has one already.
    pub(super) fn refuse(&mut self, key: &str, reason: impl Into<String>) {
        if !self.is_wrong(key) {
            self.conflict(key, reason);
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let mut names = key.split('.');
        let table = self.file.get(names.next()?)?;
        names.try_fold(table, |table, name| table.get(name))
    }

    /// Whether a key's own value is invalid, so that its relations cannot be judged.
    pub(super) fn is_wrong(&self, key: &str) -> bool {
        self.wrong.contains(key)
    }

    /// The value of a key that only a person can know.
    pub(super) fn required<T>(&mut self, key: &str, value: Option<T>, what: &str) -> Option<T> {
        if value.is_none() {
            self.refuse(key, format!("it is missing; write {what}"));
        }
        value
    }
}

/// A value as an error shows it, if it may: texts in quotes, tables and lists not at all, because
/// anything may be in them.
fn show(name: &str, value: &Value) -> Option<String> {
    match value {
        _ if secret::KEYS.contains(&name) => None,
        Value::String(text) if address::KEYS.contains(&name) => {
            address::bare(text).map(|text| format!("{text:?}"))
        }
        Value::String(text) => Some(format!("{text:?}")),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => Some(value.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
