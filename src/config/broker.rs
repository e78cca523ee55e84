//! What the worker needs of `[broker]` beyond its single values.

use std::path::PathBuf;

use super::error::Findings;
use super::schema::Broker;

/// What this client shows of itself. Neither file is of use without the other.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
}

impl Broker {
    pub(super) fn pair_certificate(&mut self, findings: &mut Findings) {
        match (self.cert_file.take(), self.key_file.take()) {
            (Some(cert_file), Some(key_file)) => {
                self.client_certificate = Some(ClientCertificate { cert_file, key_file });
            }
            (None, None) => {}
            (Some(_), None) => {
                findings.refuse("broker.key_file", "it is missing; cert_file needs its key");
            }
            (None, Some(_)) => {
                let reason = "it is missing; key_file needs its certificate";
                findings.refuse("broker.cert_file", reason);
            }
        }
    }
}
