//! The file and the environment over it, read to the end: every error of both comes at once.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use super::error::{ConfigError, Findings, Problem};
use super::schema::Merchant;
use super::secret::{self, Vault};
use super::{Config, environment, relations};

const DEFAULTS: &str = include_str!("defaults.toml");
pub(super) const MERCHANTS: &str = "merchants";
pub(super) const IN_DOUBT: &str = "in_doubt";
const BROKER: &str = "broker";

/// From this length on, in bytes, what a message of the TOML parser quotes may be a value.
const QUOTED_LEN_MIN: usize = 4;

/// The whole file, over its defaults.
#[derive(Deserialize)]
struct File {
    merchants: BTreeMap<String, Merchant>,
    #[serde(flatten)]
    rest: Config,
}

/// Reads everything, checks the relations, and gives a configuration or all that is wrong.
pub(super) fn load(text: &str, vault: &Vault<'_>) -> Result<Config, ConfigError> {
    let given = text.parse::<Table>();
    let mut given = given.map_err(|error| ConfigError(vec![unreadable(text, &error)]))?;
    let defaults = DEFAULTS.parse().unwrap_or_default();
    let mut findings = Findings::default();
    environment::overlay(&mut given, vault.variables, &defaults, &mut findings);
    let names_broker = given.contains_key(BROKER);
    let file = Loader::new(&defaults, &mut findings).read(given);
    let config = file.and_then(|mut file| {
        file.rest.broker.is_named = names_broker;
        checked(file, vault, &mut findings)
    });
    match config {
        Some(config) if findings.problems.is_empty() => Ok(config),
        None if findings.problems.is_empty() => {
            let reason = "its defaults do not fit it, which is a mistake in the program";
            Err(ConfigError(vec![Problem::new("smartsend", reason)]))
        }
        Some(_) | None => Err(ConfigError(findings.problems)),
    }
}

fn checked(file: File, vault: &Vault<'_>, findings: &mut Findings) -> Option<Config> {
    let File { merchants, mut rest } = file;
    relations::check(&rest, &merchants, findings);
    rest.broker.pair_certificate(findings);
    let merchants = merchants.into_iter().map(|(name, merchant)| {
        let merchant = merchant.checked(&name, vault, findings)?;
        Some((name, merchant))
    });
    let merchants: Vec<_> = merchants.collect(); // to the end, also where one is wrong
    Some(Config { merchants: merchants.into_iter().collect::<Option<_>>()?, ..rest })
}

/// Tries each value by itself, in a file that is right without it. One that is wrong is left at its
/// default, so that it hides no other.
struct Loader<'a> {
    /// Every key, also those without a default.
    keys: &'a Table,
    /// A file of defaults alone, and a merchant of defaults alone.
    file: Table,
    merchant: Value,
    findings: &'a mut Findings,
}

impl<'a> Loader<'a> {
    fn new(keys: &'a Table, findings: &'a mut Findings) -> Self {
        let mut file = keys.clone();
        for (_, table) in &mut file {
            if let Value::Table(table) = table {
                table.retain(|_, it| it.as_str() != Some("") && it.as_integer() != Some(0));
            }
        }
        let no_merchants = Value::Table(Table::new());
        let merchant = file.insert(MERCHANTS.to_owned(), no_merchants.clone());
        let merchant = merchant.unwrap_or(no_merchants);
        findings.file.clone_from(&file);
        Self { keys, file, merchant, findings }
    }

    fn read(mut self, mut given: Table) -> Option<File> {
        let merchants = given.remove(MERCHANTS);
        for (name, value) in given {
            if self.keys.contains_key(&name) {
                self.read_keys(&[&name], value);
            } else {
                self.findings.add(&name, None, unknown(&name, self.keys, "the file"));
            }
        }
        self.read_merchants(merchants);
        let file = &self.findings.file;
        if file.get(MERCHANTS).and_then(Value::as_table).is_none_or(Table::is_empty) {
            let reason = "there is no merchant; write a table such as [merchants.default]";
            self.findings.refuse(MERCHANTS, reason);
        }
        self.findings.file.clone().try_into().ok()
    }

    /// What `[in_doubt]` says holds for each of them that has no table of its own.
    fn read_merchants(&mut self, given: Option<Value>) {
        if let (Value::Table(merchant), Some(shared)) =
            (&mut self.merchant, self.findings.file.get(IN_DOUBT))
        {
            merchant.insert(IN_DOUBT.to_owned(), shared.clone());
        }
        let given = given.map(|value| self.table(MERCHANTS, value)).unwrap_or_default();
        for (name, value) in given {
            let path = [MERCHANTS, &name];
            environment::set(&mut self.findings.file, &path, self.merchant.clone());
            let mut merchant = self.table(&path.join("."), value);
            let in_doubt = merchant.remove(IN_DOUBT);
            self.read_keys(&path, merchant.into());
            if let Some(in_doubt) = in_doubt {
                self.read_keys(&[MERCHANTS, &name, IN_DOUBT], in_doubt);
            }
        }
    }

    fn table(&mut self, path: &str, value: Value) -> Table {
        if let Value::Table(table) = value {
            return table;
        }
        self.findings.refuse(path, format!("it must be a table, [{path}]"));
        Table::new()
    }

    fn read_keys(&mut self, path: &[&str], given: Value) {
        let table = path.join(".");
        let (Some(first), Some(last)) = (path.first(), path.last()) else { return };
        let kind = if *last == IN_DOUBT { last } else { first };
        let Some(known) = self.keys.get(*kind).and_then(Value::as_table) else { return };
        for (name, value) in self.table(&table, given) {
            let key = format!("{table}.{name}");
            if let Some(default) = known.get(&name) {
                self.read_value(&[path, &[&name]].concat(), &key, default, value);
            } else {
                // Its value is not shown: a misspelt key can hold a secret.
                let reason = unknown(&name, known, &format!("[{table}]"));
                self.findings.add(&key, None, reason);
            }
        }
    }

    /// Of a list each item is tried, and then the whole.
    fn read_value(&mut self, path: &[&str], key: &str, default: &Value, value: Value) {
        let mut is_right = true;
        if let (Value::Array(default), Value::Array(items)) = (default, &value) {
            for (n, item) in items.iter().enumerate() {
                let alone = Value::Array(vec![item.clone()]);
                let default = item_default(key, default);
                if let Some(reason) = self.fault(path, &default, item, alone) {
                    self.findings.add(&format!("{key}[{n}]"), Some(item), reason);
                    is_right = false;
                }
            }
        }
        if !is_right {
            return;
        }
        match self.fault(path, default, &value, value.clone()) {
            Some(reason) => self.findings.add(key, Some(&value), reason),
            None => environment::set(&mut self.findings.file, path, value),
        }
    }

    /// What keeps a value from being right, if anything does.
    fn fault(&self, path: &[&str], default: &Value, value: &Value, tried: Value) -> Option<String> {
        let is_secret = path.last().is_some_and(|name| secret::KEYS.contains(name));
        // A secret may be written in more than one way, but a list of them is a list.
        if (!is_secret || default.is_array()) && !default.same_type(value) {
            return Some(wanted(default).to_owned());
        }
        let mut file = self.file.clone();
        if let [table, merchant, _, ..] = path {
            environment::set(&mut file, &[table, merchant], self.merchant.clone());
        }
        environment::set(&mut file, path, tried);
        let error = file.try_into::<File>().err()?;
        Some(error.message().to_owned())
    }
}

/// What the items of a list are like: text, but for PayU's codes.
pub(super) fn item_default(key: &str, list: &[Value]) -> Value {
    let of_empty = || match key.rsplit('.').next() {
        Some("reject_codes") => Value::Integer(0),
        Some(_) | None => Value::String(String::new()),
    };
    list.first().cloned().unwrap_or_else(of_empty)
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
