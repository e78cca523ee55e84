//! Secrets: written down, or named by a variable or a file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

pub(super) const KEYS: [&str; 3] = ["client_secret", "username", "password"];

/// A secret, or the file that holds it.
#[derive(Clone, Debug)]
pub enum Secret {
    Value(SecretString),
    /// Read again at each token request, so that a rotated secret needs no restart.
    File(PathBuf),
}

/// A secret as the configuration names it.
#[derive(Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "it must be { env = \"VARIABLE\" }, { file = \"PATH\" } or the secret itself, in quotes"
)]
pub(super) enum Source {
    Text(String),
    Variable { env: String },
    File { file: PathBuf },
}

pub(super) struct Vault<'a> {
    pub(super) variables: &'a BTreeMap<String, String>,
    pub(super) read_file: &'a dyn Fn(&Path) -> io::Result<String>,
}

impl Vault<'_> {
    /// The secret, if it is there and can be one. The reasons never show it.
    pub(super) fn open(&self, source: Option<Source>) -> Result<Secret, String> {
        let value = |name: &str, text: &str| match checked(text) {
            Ok(secret) => Ok(Secret::Value(SecretString::from(secret))),
            Err(reason) => Err(format!("{name} {reason}")),
        };
        let Some(source) = source else {
            return Err("it is missing; write { env = \"VARIABLE\" }, { file = \"PATH\" } or the \
                        secret itself, in quotes"
                .to_owned());
        };
        match source {
            Source::Text(text) => value("the secret", &text),
            Source::Variable { env: name } => match self.variables.get(&name) {
                Some(text) => value(&name, text),
                None => Err(format!("the environment variable {name} is not set")),
            },
            Source::File { file: path } => {
                let name = format!("the file {}", path.display());
                let text = (self.read_file)(&path).map_err(|error| {
                    format!("{name} cannot be read ({error}); it must be there from the start")
                })?;
                in_file(&text).map_err(|reason| format!("{name} {reason}"))?;
                Ok(Secret::File(path))
            }
        }
    }
}

/// The secret in a file's text, without the end of the line, which an editor adds and nobody sees.
pub fn in_file(text: &str) -> Result<&str, &'static str> {
    checked(text.trim_end_matches(['\r', '\n']))
}

/// A text that can be a secret, or what keeps it from being one.
fn checked(text: &str) -> Result<&str, &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    if text.contains('\u{fffd}') {
        return Err("is not UTF-8");
    }
    if text.contains(|c: char| c.is_control()) {
        return Err("holds a line break or another control character");
    }
    Ok(text)
}
