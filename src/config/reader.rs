//! Reads keys one by one, from the environment or else the file, and goes on after each error.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::{Table, Value};

use super::environment::{Environment, Variable};
use super::errors::Problem;
use super::kinds::{self, Kind};
use super::spelling::nearest;

/// What is known across tables.
pub(super) struct Reader {
    pub(super) environment: Environment,
    pub(super) problems: Vec<Problem>,
    /// Every duration that could be read, by key, so that relations between tables are checked
    /// even when a table is wrong elsewhere.
    pub(super) durations: BTreeMap<String, Duration>,
    /// Merchants' names with the account of each, for the same reason.
    pub(super) accounts: Vec<(String, String)>,
    /// The keys that exist, by table.
    known: BTreeMap<String, BTreeSet<String>>,
}

/// One table on its way to be read. What is left of it at the end are unknown keys.
pub(super) struct Section<'r> {
    pub(super) reader: &'r mut Reader,
    path: String,
    table: Table,
}

/// A value is wrong, and that was told.
pub(super) struct Told;

/// A value and where it is from.
pub(super) enum Found {
    File(Value),
    Variable(Variable),
}

impl Reader {
    pub(super) fn new(environment: Environment, problems: Vec<Problem>) -> Self {
        Self {
            environment,
            problems,
            durations: BTreeMap::new(),
            accounts: Vec::new(),
            known: BTreeMap::new(),
        }
    }

    /// The whole file.
    pub(super) fn root(&mut self, table: Table) -> Section<'_> {
        Section { reader: self, path: String::new(), table }
    }

    /// Adds a problem with a key that could be read by itself.
    pub(super) fn refuse(&mut self, key: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem::new(key, reason));
    }

    /// Tells which variables set no key, and gives all problems.
    pub(super) fn finish(mut self) -> Vec<Problem> {
        for (key, variable) in std::mem::take(&mut self.environment.ours) {
            let (path, leaf) = key.rsplit_once('.').unwrap_or(("", &key));
            let reason = self.unknown(path, leaf);
            self.problems.push(Problem::new(key, reason).with_variable(Some(variable.name)));
        }
        self.problems
    }

    fn unknown(&self, path: &str, leaf: &str) -> String {
        let known = self.known.get(path);
        if known.is_some_and(|known| known.contains(leaf)) {
            return "it is a table; set the keys in it".to_owned();
        }
        match nearest(leaf, known.into_iter().flatten()) {
            Some(near) => format!("there is no such key; did you mean `{near}`?"),
            None => "there is no such key".to_owned(),
        }
    }
}

impl Section<'_> {
    /// The full key of a name in this table.
    pub(super) fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// A table in this one; empty if it is absent.
    pub(super) fn section(&mut self, name: &str) -> Section<'_> {
        let path = self.key(name);
        self.know(name);
        let table = match self.table.remove(name) {
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.reader.refuse(path.clone(), format!("it must be a table, [{path}]"));
                Table::new()
            }
            None => Table::new(),
        };
        Section { reader: self.reader, path, table }
    }

    /// The names in this table, of the file and of the environment.
    pub(super) fn names(&self) -> BTreeSet<String> {
        let prefix = format!("{}.", self.path);
        let variables = self.reader.environment.ours.keys();
        let names = variables.filter_map(|key| key.strip_prefix(&prefix)?.split_once('.'));
        self.table.keys().cloned().chain(names.map(|(name, _)| name.to_owned())).collect()
    }

    /// Reads a key that may be absent.
    pub(super) fn optional<T>(&mut self, name: &str, kind: &Kind<T>) -> Result<Option<T>, Told> {
        let Some(found) = self.take(name) else {
            return Ok(None);
        };
        let (variable, shown, parsed) = match found {
            Found::Variable(variable) => {
                let shown = kind.shown_text(&variable.text);
                (Some(variable.name), shown, (kind.parse)(&variable.text))
            }
            Found::File(value) => {
                let text = kind.form.text(&value).map_err(str::to_owned);
                (None, kind.shown(&value), text.and_then(|text| (kind.parse)(&text)))
            }
        };
        let told = parsed.map_err(|reason| {
            Problem::new(self.key(name), reason).with_value(shown).with_variable(variable)
        });
        self.tell(told).map(Some).ok_or(Told)
    }

    /// Reads a key that has a default.
    pub(super) fn or<T>(&mut self, name: &str, default: &str, kind: &Kind<T>) -> Option<T> {
        if let Some(value) = self.optional(name, kind).ok()? {
            return Some(value);
        }
        let told = (kind.parse)(default).map_err(|reason| Problem::new(self.key(name), reason));
        self.tell(told)
    }

    /// Reads a key that a person has to write.
    pub(super) fn required<T>(&mut self, name: &str, what: &str, kind: &Kind<T>) -> Option<T> {
        let value = self.optional(name, kind).ok()?;
        if value.is_none() {
            self.reader.refuse(self.key(name), format!("it is missing; write {what}"));
        }
        value
    }

    /// Reads a duration, and keeps it for the relations.
    pub(super) fn duration(&mut self, name: &str, default: &str) -> Option<Duration> {
        let duration = self.or(name, default, &kinds::duration())?;
        self.reader.durations.insert(self.key(name), duration);
        Some(duration)
    }

    /// Reads a list; in the environment its items stand between commas.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        default: &[&str],
        kind: &Kind<T>,
    ) -> Option<Vec<T>> {
        let key = self.key(name);
        let (variable, items) = match self.take(name) {
            None => (None, default.iter().map(|text| Ok((*text).to_owned())).collect()),
            Some(Found::File(Value::Array(values))) => {
                let item = |value: Value| {
                    kind.form.text(&value).map_err(|reason| (reason, kind.shown(&value)))
                };
                (None, values.into_iter().map(item).collect::<Vec<_>>())
            }
            Some(Found::File(_)) => {
                self.reader.refuse(key, "it must be a list in brackets, such as [\"…\"]");
                return None;
            }
            Some(Found::Variable(variable)) => {
                let items = variable.text.split(',').filter(|_| !variable.text.is_empty());
                let items = items.map(|text| Ok(text.trim().to_owned())).collect();
                (Some(variable.name), items)
            }
        };
        let mut good = Some(Vec::new());
        for (n, item) in items.into_iter().enumerate() {
            let parsed =
                item.map_err(|(reason, shown)| (reason.to_owned(), shown)).and_then(|text| {
                    (kind.parse)(&text).map_err(|reason| (reason, kind.shown_text(&text)))
                });
            let told = parsed.map_err(|(reason, shown)| {
                let problem = Problem::new(format!("{key}[{n}]"), reason);
                problem.with_value(shown).with_variable(variable.clone())
            });
            let value = self.tell(told);
            good = good.zip(value).map(|(mut good, value)| {
                good.push(value);
                good
            });
        }
        good
    }

    /// Refuses a key that has no place here.
    pub(super) fn refuse(&mut self, name: &str, reason: &str) {
        if self.discard(name) {
            self.reader.refuse(self.key(name), reason);
        }
    }

    /// Leaves a key aside with all below it, and tells whether it was there.
    pub(super) fn discard(&mut self, name: &str) -> bool {
        let below = format!("{}.", self.key(name));
        let variables = &mut self.reader.environment.ours;
        let before = variables.len();
        variables.retain(|key, _| !key.starts_with(&below));
        let any_below = variables.len() < before;
        self.take(name).is_some() || any_below
    }

    /// Takes a key, from the environment first.
    pub(super) fn take(&mut self, name: &str) -> Option<Found> {
        self.know(name);
        let file = self.table.remove(name);
        let variable = self.reader.environment.ours.remove(&self.key(name));
        variable.map(Found::Variable).or_else(|| file.map(Found::File))
    }

    /// Tells which keys of the table are left, and so unknown. Their values are not shown: a
    /// misspelt key can hold a secret.
    pub(super) fn finish(self) {
        for name in self.table.keys() {
            let reason = self.reader.unknown(&self.path, name);
            self.reader.problems.push(Problem::new(self.key(name), reason));
        }
    }

    fn know(&mut self, name: &str) {
        self.reader.known.entry(self.path.clone()).or_default().insert(name.to_owned());
    }

    fn tell<T>(&mut self, told: Result<T, Problem>) -> Option<T> {
        told.map_err(|problem| self.reader.problems.push(problem)).ok()
    }
}
