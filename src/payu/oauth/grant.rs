//! The two ways to a token that PayU has: which form is posted, and with which secrets.
//!
//! A secret that lives in a file is read again for each form, so that a rotated one needs no
//! restart.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use url::form_urlencoded::Serializer;

use crate::config::{Grant, Secret, secret};
use crate::domain::customer::Private;

/// PayU's scope for every payout, Smart Send included.
const SCOPE: &str = "create_payout_transactions";

/// A secret's file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the secret in {}; make it a readable file of one line: {cause}", path.display())]
pub(super) struct SecretError {
    path: PathBuf,
    cause: String,
}

pub(super) async fn form_of_grant(grant: &Grant) -> Result<String, SecretError> {
    match grant {
        Grant::ClientCredentials { client_id, client_secret } => Ok(form(&[
            ("grant_type", "client_credentials"),
            ("scope", SCOPE),
            ("client_id", client_id),
            ("client_secret", read(client_secret).await?.expose()),
        ])),
        Grant::Password { client_id, username, password } => Ok(form(&[
            ("grant_type", "password"),
            ("scope", SCOPE),
            ("client_id", client_id),
            ("username", read(username).await?.expose()),
            ("password", read(password).await?.expose()),
        ])),
    }
}

/// The form that renews a token of the password grant; the other grant has no refresh token.
pub(super) fn form_of_refresh(grant: &Grant, refresh: &Private) -> String {
    let (Grant::ClientCredentials { client_id, .. } | Grant::Password { client_id, .. }) = grant;
    form(&[
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("refresh_token", refresh.expose()),
    ])
}

/// A body of type `application/x-www-form-urlencoded`; it holds secrets.
fn form(fields: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

async fn read(secret: &Secret) -> Result<Private, SecretError> {
    match secret {
        Secret::Value(value) => Ok(Private::new(value.expose_secret())),
        Secret::File(path) => read_file(path).await,
    }
}

async fn read_file(path: &Path) -> Result<Private, SecretError> {
    let unreadable = |cause: String| SecretError { path: path.to_owned(), cause };
    let file = path.to_owned();
    let text = tokio::task::spawn_blocking(move || std::fs::read_to_string(file))
        .await
        .map_err(|error| unreadable(error.to_string()))?
        .map_err(|error| unreadable(error.to_string()))?;
    let secret = secret::in_file(&text).map_err(|reason| unreadable(format!("it {reason}")))?;
    Ok(Private::new(secret))
}
