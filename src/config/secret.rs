//! Secrets: written down, or named by a variable or a file.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::publisher_guard::SigningKey;

pub(super) const KEYS: [&str; 4] = ["client_secret", "username", "password", "signing_keys"];
/// A shorter key of HMAC-SHA256 could be guessed (RFC 2104, 3).
const SIGNING_KEY_LEN_MIN: usize = 16;

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
                self.read(&path)?;
                Ok(Secret::File(path))
            }
        }
    }

    /// A key that messages are signed with, as it is now.
    pub(super) fn signing_key(&self, source: Source) -> Result<SigningKey, String> {
        let text = match self.open(Some(source))? {
            Secret::Value(text) => text,
            Secret::File(path) => self.read(&path)?,
        };
        let bytes = text.expose_secret().as_bytes();
        if bytes.len() < SIGNING_KEY_LEN_MIN {
            return Err(format!(
                "a signing key must have at least {SIGNING_KEY_LEN_MIN} characters, so that nobody \
                 can guess it"
            ));
        }
        Ok(SigningKey::new(bytes))
    }

    fn read(&self, path: &Path) -> Result<SecretString, String> {
        let name = format!("the file {}", path.display());
        let text = (self.read_file)(path).map_err(|error| {
            format!("{name} cannot be read ({error}); it must be there from the start")
        })?;
        let secret = in_file(&text).map_err(|reason| format!("{name} {reason}"))?;
        Ok(SecretString::from(secret))
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
