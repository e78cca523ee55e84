//! Configurations: any text becomes one that the worker can run with, or sentences that name each
//! setting and show no secret.
//!
//! An input is TOML; lines before one that is `---` are the environment, `NAME=text`.

use toml::{Table, Value};

use smartsend::config::{Config, ConfigError, Problem};
use smartsend::domain::link::LinkHosts;

/// What is put into every secret, to be looked for in what is printed.
const CANARY: &str = "canary7f3a";
/// In characters.
const SENTENCE_CHARS_MAX: usize = 8 * 1024;

/// Checks one configuration.
pub(crate) fn check(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    // The fuzzer learns the mark from what is compared, and puts it where no secret is: into the name
    // of a setting, say, which is shown in lower case.
    if text.to_lowercase().contains(CANARY) {
        return;
    }
    let (environment, toml) = text.split_once("---\n").unwrap_or(("", text));
    check_text(toml, environment);
    if let Ok(mut table) = toml.parse::<Table>() {
        mark(&mut table);
        check_text(&table.to_string(), &marked(environment));
        return;
    }
    let words = mark_words(toml);
    if words.parse::<Table>().is_err() {
        check_text(&words, &marked(environment));
    }
}

fn check_text(toml: &str, environment: &str) {
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    match Config::parse(toml, variables, &|_| Ok("secret in a file".to_owned())) {
        Ok(config) => check_config(&config),
        Err(errors) => check_errors(&errors),
    }
}

fn check_config(config: &Config) {
    assert!(!config.merchants.is_empty() && !config.broker.urls.is_empty());
    for merchant in config.merchants.values() {
        assert!(merchant.in_doubt.first_lookup < merchant.in_doubt.quarantine);
        assert!(merchant.in_doubt.quarantine < config.retry.max_age);
        assert!(merchant.connect_timeout < merchant.timeout);
        let parts = std::iter::once(merchant.limits.intents).chain(merchant.limits.commands);
        let places = parts.map(|limits| u64::from(limits.concurrency)).sum::<u64>();
        assert_eq!(places, u64::from(merchant.concurrency.get()), "it is not divided exactly");
        assert!(merchant.timeout < merchant.in_doubt.quarantine);
        let is_safe = |url: &url::Url| url.scheme() == "https" || is_here(url);
        assert!(merchant.sandbox || merchant.rules.link_hosts != LinkHosts::Only(Vec::new()));
        assert!(is_safe(&merchant.api_url) && is_safe(&merchant.auth_url));
        assert!(!merchant.rules.rejects.contains(&1103), "a duplicate would be called failed");
    }
    let shown = format!("{config:?}");
    assert!(!shown.contains(CANARY), "a secret is shown");
}

fn is_here(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn check_errors(errors: &ConfigError) {
    assert!(!errors.problems().is_empty(), "it is wrong, and nothing says why");
    for problem in errors.problems() {
        let Problem { key, reason, .. } = problem;
        assert!(!key.is_empty() && !reason.is_empty(), "{problem}");
        assert!(reason.chars().count() <= SENTENCE_CHARS_MAX, "{reason}");
        assert_ne!(key, "smartsend", "the defaults do not fit the program");
    }
    let shown = format!("{errors}\n{errors:?}");
    assert!(!shown.contains(CANARY), "a secret is shown: {shown}");
}

/// Marks each word of what is not TOML, since the broken line can be the one with the secret.
fn mark_words(toml: &str) -> String {
    let mut marked = String::with_capacity(2 * toml.len());
    let mut is_in_word = false;
    for c in toml.chars() {
        let is_of_word = c.is_alphanumeric();
        if is_in_word && !is_of_word {
            marked.push_str(CANARY);
        }
        is_in_word = is_of_word;
        marked.push(c);
    }
    marked + if is_in_word { CANARY } else { "" }
}

/// Marks the secrets of a file: of each merchant, and in the brokers' addresses.
fn mark(table: &mut Table) {
    if let Some(Value::Table(merchants)) = table.get_mut("merchants") {
        for (_, merchant) in merchants.iter_mut() {
            let Value::Table(merchant) = merchant else { continue };
            for name in ["client_secret", "username", "password"] {
                if let Some(Value::String(secret)) = merchant.get_mut(name) {
                    secret.push_str(CANARY);
                }
            }
        }
    }
    if let Some(Value::Table(broker)) = table.get_mut("broker")
        && let Some(Value::Array(urls)) = broker.get_mut("urls")
    {
        for url in urls {
            if let Value::String(url) = url {
                *url = with_password(url);
            }
        }
    }
}

/// The same of the environment.
fn marked(environment: &str) -> String {
    let mark = |line: &str| match line.split_once('=') {
        Some((name, text)) if name == "SMARTSEND_BROKER__URLS" => {
            let urls: Vec<String> = text.split(',').map(with_password).collect();
            format!("{name}={}\n", urls.join(","))
        }
        // What is not ours is read only where a secret names it.
        Some((name, text)) if is_secret(name) || !name.starts_with("SMARTSEND_") => {
            format!("{name}={text}{CANARY}\n")
        }
        Some(_) | None => format!("{line}\n"),
    };
    environment.lines().map(mark).collect()
}

fn is_secret(variable: &str) -> bool {
    let variable = variable.to_ascii_uppercase();
    let secrets = ["__CLIENT_SECRET", "__USERNAME", "__PASSWORD"];
    variable.starts_with("SMARTSEND_MERCHANTS__") && secrets.iter().any(|s| variable.ends_with(s))
}

/// An address with the mark at the end of its password, if it has one.
fn with_password(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (login, host))) if login.contains(':') => {
            format!("{scheme}://{login}{CANARY}@{host}")
        }
        Some(_) | None => url.to_owned(),
    }
}
