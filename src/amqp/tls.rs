//! What `amqps` needs beside the system's roots: a private CA, and a certificate of our own.
//!
//! lapin reads the files only when it connects, ignores a CA file without a certificate, and then
//! says only that the peer is unknown. So they are read and checked at the start, while a person is
//! watching.

use std::fs;
use std::path::Path;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{self, ClientCertificate};

/// Why the broker's part of a configuration cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("broker.{key}: {reason}")]
pub struct BrokerConfigError {
    pub(super) key: String,
    /// Never with an address: it holds a password.
    pub(super) reason: String,
}

/// Reads and checks the TLS files of a configuration.
pub(super) fn read(broker: &config::Broker) -> Result<OwnedTLSConfig, BrokerConfigError> {
    let cert_chain = broker.ca_file.as_deref().map(roots).transpose()?;
    let identity = broker.client_certificate.as_ref().map(identity);
    Ok(OwnedTLSConfig { identity: identity.transpose()?, cert_chain })
}

fn roots(path: &Path) -> Result<String, BrokerConfigError> {
    let text = read_file("ca_file", path)?;
    let mut store = RootCertStore::empty();
    for certificate in certificates("ca_file", path, &text)? {
        let added = store.add(certificate);
        added.map_err(|err| {
            unusable("ca_file", path, &format!("holds a certificate that cannot be a root: {err}"))
        })?;
    }
    Ok(text)
}

fn identity(client: &ClientCertificate) -> Result<OwnedIdentity, BrokerConfigError> {
    let ClientCertificate { cert_file, key_file } = client;
    let pem = read_file("cert_file", cert_file)?;
    certificates("cert_file", cert_file, &pem)?;
    let key = read_file("key_file", key_file)?;
    if PrivateKeyDer::from_pem_slice(key.as_bytes()).is_err() {
        return Err(unusable("key_file", key_file, "contains no readable PEM private key"));
    }
    Ok(OwnedIdentity::PKCS8 { pem: pem.into_bytes(), key: key.into_bytes() })
}

fn certificates(
    key: &str,
    path: &Path,
    pem: &str,
) -> Result<Vec<CertificateDer<'static>>, BrokerConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| unusable(key, path, "contains no readable PEM certificate"))
}

fn read_file(key: &str, path: &Path) -> Result<String, BrokerConfigError> {
    fs::read_to_string(path).map_err(|err| unusable(key, path, &format!("cannot be read: {err}")))
}

fn unusable(key: &str, path: &Path, why: &str) -> BrokerConfigError {
    BrokerConfigError { key: key.to_owned(), reason: format!("{} {why}", path.display()) }
}
