//! The environment, laid over the file.
//!
//! Kubernetes puts names such as `SMARTSEND_PORT_8080_TCP` into every container of a namespace
//! that has a service called `smartsend` (Kubernetes, "Accessing the Service"), so a prefix alone
//! does not make a name ours: only one with `__` is.

use std::collections::BTreeMap;

use super::errors::Problem;

const PREFIX: &str = "SMARTSEND_";
const SEPARATOR: &str = "__";

/// A variable that sets a key.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) text: String,
}

/// The environment of a start.
pub(super) struct Environment {
    /// Everything, for the secrets that name a variable.
    pub(super) all: BTreeMap<String, String>,
    /// Ours, by key, such as `broker.urls`.
    pub(super) ours: BTreeMap<String, Variable>,
}

/// The process's environment. A name that is not UTF-8 is nobody's key; a value that is not comes
/// with U+FFFD in it, which the reading refuses.
pub fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    })
}

impl Environment {
    pub(super) fn read(
        env: impl Iterator<Item = (String, String)>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let all: BTreeMap<String, String> = env.collect();
        let mut ours: BTreeMap<String, Variable> = BTreeMap::new();
        for (name, text) in &all {
            let Some(rest) = name.strip_prefix(PREFIX).filter(|rest| rest.contains(SEPARATOR))
            else {
                continue;
            };
            let key = rest.to_ascii_lowercase().split(SEPARATOR).collect::<Vec<_>>().join(".");
            let variable = Variable { name: name.clone(), text: text.clone() };
            if let Some(other) = ours.insert(key.clone(), variable) {
                let reason = format!("{} sets it too; keep one of the two", other.name);
                problems.push(Problem::new(key, reason).with_variable(Some(name.clone())));
            }
        }
        Self { all, ours }
    }
}
