//! The environment, laid over the file.
//!
//! Kubernetes puts names such as `SMARTSEND_PORT_8080_TCP` into every container of a namespace
//! that has a service called `smartsend` (Kubernetes, "Accessing the Service"), so a prefix alone
//! does not make a name ours: only one with `__` is. One that would be a key with `__` instead of
//! `_` is a mistake, and refused.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::error::{Findings, Problem};
use super::load::item_default;
use super::{merchant, secret};

const PREFIX: &str = "SMARTSEND_";
const SEPARATOR: &str = "__";
const MERCHANTS: &str = "merchants";

/// The process's environment. A name that is not UTF-8 is not a key; a value that is not contains
/// U+FFFD here, and is refused later.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    })
}

/// Lays the variables over the file's tables; the defaults define which keys exist.
pub(super) fn overlay(
    file: &mut Table,
    variables: &BTreeMap<String, String>,
    defaults: &Table,
    findings: &mut Findings,
) {
    for (name, text) in variables {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let rest = rest.to_ascii_lowercase();
        if let Some(right) = right_name(&rest, defaults).filter(|right| *right != rest) {
            let right = right.to_ascii_uppercase();
            let reason = format!("it sets nothing; write {PREFIX}{right}, with two underscores");
            findings.problems.push(Problem::new(name, reason));
            continue;
        }
        let parts: Vec<&str> = rest.split(SEPARATOR).collect();
        let default = |table: &str, leaf: &str| defaults.get(table)?.get(leaf);
        let (path, value) = match *parts.as_slice() {
            [_] => continue,
            [table, leaf] if table != MERCHANTS && defaults.contains_key(table) => {
                (&parts[..], value(text, default(table, leaf)))
            }
            [MERCHANTS, _, leaf] => (&parts[..], value(text, default(MERCHANTS, leaf))),
            [MERCHANTS, merchant, leaf, part] if secret::KEYS.contains(&leaf) => {
                let named = Table::from_iter([(part.to_owned(), Value::String(text.clone()))]);
                (&[MERCHANTS, merchant, leaf][..], Value::Table(named))
            }
            _ => {
                let variable = Some(name.clone());
                let problem = Problem::new(parts.join("."), "there is no such key");
                findings.problems.push(Problem { variable, ..problem });
                continue;
            }
        };
        let key = path.join(".");
        if let Some(other) = findings.variables.insert(key.clone(), name.clone()) {
            findings.refuse(&key, format!("{other} sets it too; keep one of the two"));
        }
        set(file, path, value);
    }
}

/// The text as a value of the key's type; the items of a list are separated by commas.
fn value(text: &str, default: Option<&Value>) -> Value {
    let typed = match default {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        Some(Value::Array(items)) => {
            let default = item_default(items);
            let items = text.split(',').filter(|_| !text.is_empty());
            Some(Value::Array(items.map(|item| value(item.trim(), Some(&default))).collect()))
        }
        _ => None,
    };
    typed.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => drop(table.insert((*name).to_owned(), value)),
        [name, below @ ..] => {
            let inner = table.entry(*name).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                set(inner, below, value);
            }
        }
    }
}

/// The name, without the prefix, of the key that a variable would set if it had two underscores
/// in the right places.
fn right_name(rest: &str, defaults: &Table) -> Option<String> {
    let words = words(rest);
    let keys = defaults.iter().filter_map(|(table, keys)| Some((table, keys.as_table()?)));
    let keys = keys.flat_map(|(table, keys)| {
        let secrets =
            secret::KEYS.iter().flat_map(|key| [format!("{key}__env"), format!("{key}__file")]);
        keys.keys().cloned().chain(secrets).map(move |key| (table, key))
    });
    let names = keys.filter_map(|(table, key)| {
        let between = words.strip_prefix(&**table)?.strip_suffix(&*self::words(&key))?;
        let merchant = between.strip_prefix('_').and_then(|rest| rest.strip_suffix('_'));
        match merchant {
            None if between == "_" && table != MERCHANTS => {
                Some((key.len(), format!("{table}__{key}")))
            }
            Some(name) if table == MERCHANTS && merchant::is_name(name) => {
                Some((key.len(), format!("{table}__{name}__{key}")))
            }
            _ => None,
        }
    });
    // `x_connect_timeout` is the key `connect_timeout` of `x` rather than `timeout` of `x_connect`.
    names.max().map(|(_, name)| name)
}

/// A name with single underscores only.
fn words(name: &str) -> String {
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    words.join("_")
}
