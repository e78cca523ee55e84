//! The file and the environment over it, read to the end: every error of both comes at once.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::error::{ConfigError, Findings, Problem};
use super::schema::File;
use super::secret::Vault;
use super::{Config, address, environment, relations, secret};

const DEFAULTS: &str = include_str!("defaults.toml");

/// From this length on, in bytes, what a message of the TOML parser quotes may be a value.
const QUOTED_LEN_MIN: usize = 4;

/// Reads everything, checks the relations, and gives a configuration or all that is wrong.
pub(super) fn load(text: &str, vault: &Vault<'_>) -> Result<Config, ConfigError> {
    let given = text.parse::<Table>();
    let given = given.map_err(|error| ConfigError(vec![unreadable(text, &error)]))?;
    let mut loader = Loader::new(given);
    let config = loader.file(vault).and_then(|file| loader.config(file, vault));
    let problems = loader.findings.problems;
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        None if problems.is_empty() => {
            let reason = "its defaults do not fit it, which is a mistake in the program";
            Err(ConfigError(vec![Problem::new("smartsend", reason)]))
        }
        Some(_) | None => Err(ConfigError(problems)),
    }
}

/// A configuration on its way to be read.
struct Loader {
    /// What was given and is not read yet.
    given: Table,
    defaults: Table,
    findings: Findings,
}

impl Loader {
    fn new(given: Table) -> Self {
        let defaults = DEFAULTS.parse().unwrap_or_default();
        Self { given, defaults, findings: Findings::default() }
    }

    fn file(&mut self, vault: &Vault<'_>) -> Option<File> {
        let Self { given, defaults, findings } = self;
        environment::overlay(given, vault.variables, defaults, findings);
        let file = File {
            broker: self.table("broker")?,
            merchants: self.merchants()?,
            retry: self.table("retry")?,
            in_doubt: self.table("in_doubt")?,
            ops: self.table("ops")?,
            log: self.table("log")?,
            shutdown: self.table("shutdown")?,
        };
        for name in self.given.keys() {
            self.findings.add(name, None, unknown(name, &self.defaults, "the file"));
        }
        Some(file)
    }

    fn config(&mut self, file: File, vault: &Vault<'_>) -> Option<Config> {
        relations::check(&file, &mut self.findings);
        let merchants = file.merchants.into_iter().map(|(name, merchant)| {
            let merchant = merchant.checked(&name, vault, &mut self.findings);
            merchant.map(|merchant| (name, merchant))
        });
        let merchants: Vec<_> = merchants.collect(); // to the end, also where one is wrong
        Some(Config {
            merchants: merchants.into_iter().collect::<Option<_>>()?,
            broker: file.broker,
            retry: file.retry,
            in_doubt: file.in_doubt,
            ops: file.ops,
            log: file.log,
            shutdown: file.shutdown,
        })
    }

    fn table<S: DeserializeOwned>(&mut self, name: &str) -> Option<S> {
        let given = self.given.remove(name);
        let given = self.table_of(name, given);
        self.keys_of_table(name, name, given)
    }

    fn merchants<S: DeserializeOwned>(&mut self) -> Option<BTreeMap<String, S>> {
        let given = self.given.remove("merchants");
        let given = self.table_of("merchants", given);
        if given.is_empty() {
            let reason = "there is no merchant; write a table such as [merchants.default]";
            self.findings.refuse("merchants", reason);
        }
        let merchants = given.into_iter().map(|(name, value)| {
            let path = format!("merchants.{name}");
            let given = self.table_of(&path, Some(value));
            Some((name, self.keys_of_table("merchants", &path, given)?))
        });
        merchants.collect()
    }

    fn table_of(&mut self, path: &str, given: Option<Value>) -> Table {
        match given {
            Some(Value::Table(table)) => return table,
            Some(_) => self.findings.refuse(path, format!("it must be a table, [{path}]")),
            None => {}
        }
        Table::new()
    }

    /// Reads one table over its defaults. Each key is tried by itself, and one that is wrong is
    /// left at its default, so that it hides no other.
    fn keys_of_table<S>(&mut self, table: &str, path: &str, given: Table) -> Option<S>
    where
        S: DeserializeOwned,
    {
        let defaults = self.defaults.get(table)?.as_table()?;
        let mut right = defaults.clone();
        right.retain(|_, default| default.as_str() != Some("") && default.as_integer() != Some(0));
        for (name, value) in given {
            let key = format!("{path}.{name}");
            let Some(default) = defaults.get(&name) else {
                // Its value is not shown: a misspelt key can hold a secret.
                self.findings.add(&key, None, unknown(&name, defaults, &format!("[{path}]")));
                continue;
            };
            let faults = faults::<S>(&right, &name, default, &value);
            if faults.is_empty() {
                right.insert(name, value);
                continue;
            }
            for Fault { item, shown, reason } in faults {
                self.findings.add(&format!("{key}{item}"), shown, reason);
            }
        }
        for (name, value) in &right {
            let shown = show(name, value).map(|shown| (format!("{path}.{name}"), shown));
            self.findings.shown.extend(shown);
        }
        right.try_into().ok()
    }
}

/// What is wrong with a value, or with an item of a list, such as `[0]`.
struct Fault {
    item: String,
    shown: Option<String>,
    reason: String,
}

/// Tries a value in a table that is right without it; of a list each item, and then the whole.
fn faults<S>(right: &Table, name: &str, default: &Value, value: &Value) -> Vec<Fault>
where
    S: DeserializeOwned,
{
    let fault = |item: String, shown: &Value, default: &Value, tried: Value| {
        let reason = if default.same_type(shown) || secret::KEYS.contains(&name) {
            let mut table = right.clone();
            table.insert(name.to_owned(), tried);
            table.try_into::<S>().err()?.message().to_owned()
        } else {
            wanted(default).to_owned()
        };
        Some(Fault { item, shown: show(name, shown), reason })
    };
    let items =
        default.as_array().zip(value.as_array()).into_iter().flat_map(|(default, items)| {
            items.iter().enumerate().map(|(n, item)| (n, item_default(default), item))
        });
    let faults: Vec<Fault> = items
        .filter_map(|(n, default, item)| {
            fault(format!("[{n}]"), item, &default, Value::Array(vec![item.clone()]))
        })
        .collect();
    if !faults.is_empty() {
        return faults;
    }
    fault(String::new(), value, default, value.clone()).into_iter().collect()
}

/// What the items of a list are like. The one that is empty by default holds codes.
pub(super) fn item_default(list: &[Value]) -> Value {
    list.first().cloned().unwrap_or(Value::Integer(0))
}

/// The TOML type of a key.
fn wanted(default: &Value) -> &'static str {
    match default {
        Value::Array(_) => "it must be a list in brackets, such as [\"…\"]",
        Value::Integer(_) => "it must be a whole number, without quotes",
        Value::Boolean(_) => "it must be true or false, without quotes",
        Value::String(_) | Value::Float(_) | Value::Datetime(_) | Value::Table(_) => {
            "it must be text in quotes"
        }
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

/// What to write instead of a key that does not exist.
fn unknown(name: &str, known: &Table, place: &str) -> String {
    let near = known.keys().map(|known| (strsim::osa_distance(known, name), known));
    if let Some((_, near)) = near.filter(|(distance, _)| *distance <= 2).min() {
        return format!("there is no such key; did you mean `{near}`?");
    }
    let known: Vec<&str> = known.keys().map(String::as_str).collect();
    format!("there is no such key; {place} has {}", known.join(", "))
}

/// Where the text stops being TOML. The parser's own report shows the line, which can hold a
/// secret, so it is not used.
fn unreadable(text: &str, error: &toml::de::Error) -> Problem {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    // Of the messages too, those about a value quote it; the others quote the few signs that were
    // expected.
    let quoted = error.message().split('`').skip(1).step_by(2);
    let reason = match quoted.map(str::len).max() {
        Some(QUOTED_LEN_MIN..) => {
            "there is a value that cannot be read, such as too large a number"
        }
        Some(_) | None => error.message().trim_end_matches(", expected nothing"),
    };
    Problem::new(format!("line {line}"), format!("this is not TOML: {reason}"))
}
