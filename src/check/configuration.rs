//! What is wrong with the configuration, or may be seen by too many.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::report::{Finding, Group, some_of};
use crate::config::{Config, ConfigError, Grant, Merchant, Problem, Secret};

const GROUP: Group = Group::Configuration;

/// All that is wrong; nothing else can be looked at.
pub(super) fn refused(error: &ConfigError) -> Vec<Finding> {
    let of = |problem: &Problem| {
        Finding::error(
            GROUP,
            &problem.key,
            problem.to_string(),
            "correct it; deploy/smartsend.example.toml shows every key",
        )
    };
    error.problems().iter().map(of).collect()
}

/// What a configuration shows that can be used.
pub(super) fn look(config: &Config, merchants: &[&Merchant]) -> Vec<Finding> {
    let names: Vec<&str> = merchants.iter().map(|merchant| &*merchant.name).collect();
    let names = some_of(&names);
    let says = format!("every setting, relation and secret of {names} can be used");
    let mut findings = vec![Finding::ok(GROUP, "settings", says)];
    let key = config.broker.client_certificate.as_ref().map(|it| it.key_file.as_path());
    let secrets = merchants.iter().flat_map(|merchant| secret_files(&merchant.grant));
    let mut files: Vec<&Path> = key.into_iter().chain(secrets).collect();
    files.sort_unstable();
    files.dedup();
    findings.extend(files.into_iter().filter_map(open_to_all));
    let sandboxes = merchants.iter().filter(|merchant| merchant.sandbox);
    let sandboxes: Vec<&str> = sandboxes.map(|merchant| &*merchant.name).collect();
    if !sandboxes.is_empty() {
        findings.push(Finding::warning(
            GROUP,
            "sandbox",
            format!("sandbox = true, so nobody is paid: {}", some_of(&sandboxes)),
            "leave it out for an account of PayU's",
        ));
    }
    findings
}

fn secret_files<'a>(grant: &'a Grant) -> Vec<&'a Path> {
    let secrets = match grant {
        Grant::ClientCredentials { client_secret, .. } => vec![client_secret],
        Grant::Password { username, password, .. } => vec![username, password],
    };
    let path = |secret: &'a Secret| match secret {
        Secret::File(path) => Some(path.as_path()),
        Secret::Value(_) => None,
    };
    secrets.into_iter().filter_map(path).collect()
}

/// Whether everyone on this machine may read a secret. A group may have been made for it.
fn open_to_all(path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode();
    let path = path.display();
    (mode & 0o007 != 0).then(|| {
        let says = format!("everyone on this machine may read {path}");
        Finding::warning(GROUP, "secrets", says, format!("chmod o-rwx {path}"))
    })
}
