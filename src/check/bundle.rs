//! One file for a support case: what was found, the settings in force, and what a worker shows.
//!
//! It is made of parts that hold no secret and nothing of an intent, and each of them may be missing:
//! it is wanted most when things are down. It has mode 0600 all the same.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::pages::Pages;
use super::report::Report;
use crate::new_file::NewFile;

#[derive(Debug, thiserror::Error)]
#[error("cannot write the bundle {}: {source}", path.display())]
pub struct BundleError {
    path: PathBuf,
    source: io::Error,
}

/// The bundle as JSON. `settings` are without secrets, or null where they cannot be used.
pub fn bundle(report: &Report, settings: &Value, pages: &Pages, now: Timestamp) -> String {
    let bundle = json!({
        "madeAt": format!("{now:.3}"),
        "versions": {
            "smartsend": env!("CARGO_PKG_VERSION"),
            "broker": report.server.as_ref().map(|it| format!("{} {}", it.product, it.version)),
            "system": std::env::consts::OS,
            "machine": std::env::consts::ARCH,
        },
        "check": report.json(),
        "configuration": settings,
        "worker": pages.json(),
        "notIncluded": "the worker's log, which goes to its stderr: add its last lines",
    });
    format!("{bundle:#}\n")
}

/// Writes it to a file that does not exist yet.
pub fn write(path: &Path, bundle: &str) -> Result<(), BundleError> {
    let written = NewFile::begin(path).and_then(|file| file.finish(bundle.as_bytes()));
    written.map_err(|source| BundleError { path: path.to_owned(), source })
}
