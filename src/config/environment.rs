//! The environment, laid over the file.
//!
//! Kubernetes puts names such as `SMARTSEND_PORT_8080_TCP` into every container of a namespace
//! that has a service called `smartsend` (Kubernetes, "Accessing the Service"), so a prefix alone
//! does not make a name ours: only one with `__` is. One that would be a key with `__` instead of
//! `_` would be ignored, so it is refused.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::error::{Findings, Problem};
use super::load::{IN_DOUBT, MERCHANTS, item_default};
use super::secret;
use crate::domain::account::is_merchant_name;

const PREFIX: &str = "SMARTSEND_";
const SEPARATOR: &str = "__";

/// The process's environment. A name that is not UTF-8 is not a key; a value that is not contains
/// U+FFFD here, and is refused later.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    })
}

/// Lays the variables over the file's tables; `keys` are those that exist, with their defaults.
pub(super) fn overlay(
    file: &mut Table,
    variables: &BTreeMap<String, String>,
    keys: &Table,
    findings: &mut Findings,
) {
    for (name, text) in variables {
        let Some(rest) = name.strip_prefix(PREFIX).map(str::to_ascii_lowercase) else { continue };
        let parts: Vec<&str> = rest.split(SEPARATOR).collect();
        let default = |table: &str, leaf: &str| keys.get(table)?.get(leaf);
        let (path, value) = match *parts.as_slice() {
            [name_of_one_part] => {
                if let Some(meant) = meant(name_of_one_part, keys) {
                    let meant = meant.to_ascii_uppercase();
                    let reason =
                        format!("it sets nothing; write {PREFIX}{meant}, with two underscores");
                    findings.problems.push(Problem::new(name, reason));
                }
                continue;
            }
            [table, leaf] if table != MERCHANTS && keys.contains_key(table) => {
                (&parts[..], value(leaf, text, default(table, leaf)))
            }
            [MERCHANTS, _, leaf] => (&parts[..], value(leaf, text, default(MERCHANTS, leaf))),
            [MERCHANTS, _, IN_DOUBT, leaf] => {
                (&parts[..], value(leaf, text, default(IN_DOUBT, leaf)))
            }
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
fn value(key: &str, text: &str, default: Option<&Value>) -> Value {
    let typed = match default {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        Some(Value::Array(items)) => {
            let default = item_default(key, items);
            let items = text.split(',').filter(|_| !text.is_empty());
            Some(Value::Array(items.map(|item| value(key, item.trim(), Some(&default))).collect()))
        }
        _ => None,
    };
    typed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Sets what is at the path, in a new table if need be.
pub(super) fn set(table: &mut Table, path: &[&str], value: Value) {
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

/// The key that a name without `__` would set if it had it.
fn meant(name: &str, keys: &Table) -> Option<String> {
    let below = |table: &str| name.strip_prefix(table)?.strip_prefix('_');
    let tables = keys.iter().filter_map(|(table, keys)| Some((table, keys.as_table()?)));
    for (table, keys) in tables.filter(|(table, _)| *table != MERCHANTS) {
        if let Some(key) = below(table).filter(|key| keys.contains_key(*key)) {
            return Some(format!("{table}__{key}"));
        }
    }
    let rest = below(MERCHANTS)?;
    let of_merchant = |key: String| {
        let merchant = rest.strip_suffix(&key.replace(SEPARATOR, "_"))?.strip_suffix('_')?;
        is_merchant_name(merchant).then(|| (key.len(), format!("{MERCHANTS}__{merchant}__{key}")))
    };
    let own = keys.get(MERCHANTS)?.as_table()?.keys().cloned();
    let in_doubt = keys.get(IN_DOUBT)?.as_table()?.keys();
    let all = own.chain(in_doubt.map(|key| format!("{IN_DOUBT}{SEPARATOR}{key}")));
    // `x_connect_timeout` is the key `connect_timeout` of `x` rather than `timeout` of `x_connect`.
    let (_, longest) = all.filter_map(of_merchant).max()?;
    Some(longest)
}
