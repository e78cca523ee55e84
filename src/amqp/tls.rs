//! What `amqps` needs beside the system's roots: a private CA, and a certificate of our own.
//!
//! lapin reads the files only when it connects, ignores a CA file without a certificate, and then
//! says only that the peer is unknown. So they are read and checked at the start, while a person is
//! watching.

use std::fs;
use std::path::{Path, PathBuf};

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config;

/// Why the TLS files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("broker.{key}: cannot read {}: {source}", path.display())]
    Unreadable {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file holds no certificate.
    #[error("broker.{key}: {} contains no readable PEM certificate", path.display())]
    NoCertificate {
        /// The key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The key file holds no private key.
    #[error("broker.key_file: {} contains no readable PEM private key", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The certificates cannot be used.
    #[error("broker.ca_file: {} holds a certificate that cannot be a root: {reason}", path.display())]
    NotARoot {
        /// The file.
        path: PathBuf,
        /// What rustls says.
        reason: String,
    },
}

/// Reads and checks the TLS files of a configuration.
pub(super) fn read(broker: &config::Broker) -> Result<OwnedTLSConfig, TlsError> {
    let cert_chain = broker.ca_file.as_deref().map(roots).transpose()?;
    let client = broker.client_certificate.as_ref();
    let identity =
        client.map(|client| identity(&client.cert_file, &client.key_file)).transpose()?;
    Ok(OwnedTLSConfig { identity, cert_chain })
}

fn roots(path: &Path) -> Result<String, TlsError> {
    let text = read_file("ca_file", path)?;
    let mut store = rustls::RootCertStore::empty();
    for certificate in certificates("ca_file", path, text.as_bytes())? {
        store
            .add(certificate)
            .map_err(|err| TlsError::NotARoot { path: path.to_owned(), reason: err.to_string() })?;
    }
    Ok(text)
}

fn identity(cert: &Path, key: &Path) -> Result<OwnedIdentity, TlsError> {
    let pem = read_file("cert_file", cert)?;
    certificates("cert_file", cert, pem.as_bytes())?;
    let key_pem = read_file("key_file", key)?;
    if PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).is_err() {
        return Err(TlsError::NoKey { path: key.to_owned() });
    }
    Ok(OwnedIdentity::PKCS8 { pem: pem.into_bytes(), key: key_pem.into_bytes() })
}

fn certificates(
    key: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(TlsError::NoCertificate { key, path: path.to_owned() }),
    }
}

fn read_file(key: &'static str, path: &Path) -> Result<String, TlsError> {
    fs::read_to_string(path).map_err(|source| TlsError::Unreadable {
        key,
        path: path.to_owned(),
        source,
    })
}
