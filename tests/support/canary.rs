//! What must never be shown, and the check that everything that is shown goes through.
//!
//! The fixtures of all tests are made from the values here, so each of them is a canary. What the
//! product says in this process (every log line at its most verbose, every panic) and what the
//! real binary says (its output, its log, its pages) is searched for them. A leak ends the whole
//! test run at once: a failure that some task could swallow would let it pass.

use std::io;
use std::process::{Output, abort};
use std::sync::Once;

use smartsend::config::{Log, LogFormat};
use smartsend::telemetry::log;
use tracing_subscriber::fmt::MakeWriter;

/// The customer's mobile.
pub(crate) const MOBILE: &str = "9999999999";
/// Another customer's.
pub(crate) const OTHER_MOBILE: &str = "8888888888";
/// The customer's e-mail.
pub(crate) const EMAIL: &str = "asha@example.com";
/// The customer's name.
pub(crate) const NAME: &str = "Asha Rao";
/// What the customer reads.
pub(crate) const DESCRIPTION: &str = "Refund for order 8841";
/// What upstream wrote for itself.
pub(crate) const METADATA: &str = "canary-metadata-8841";
/// A secret with the characters that a form has to escape.
pub(crate) const CLIENT_SECRET: &str = "s3cr=t & more";
/// The secret that the sandbox takes.
pub(crate) const SANDBOX_SECRET: &str = "sandbox-secret";
/// A token.
pub(crate) const TOKEN: &str = "canary-t0ken";
/// What a token is renewed by.
pub(crate) const REFRESH_TOKEN: &str = "canary-refresh-t0ken";
/// The password of the password grant.
pub(crate) const PASSWORD: &str = "canary-passw0rd";
/// The password of a login at the broker.
pub(crate) const BROKER_PASSWORD: &str = "canary-br0ker";
/// A link, whose own id is `canary+link/id==`.
pub(crate) const LINK: &str = "https://test.payumoney.com/smartPay?id=canary%2Blink%2Fid%3D%3D";

/// The most that the configuration lets anyone show: our own lines from `trace`, those of others
/// from `info`.
pub(crate) const MOST_VERBOSE: &str = "trace,lapin=info,hyper=info,hyper_util=info,reqwest=info,\
     rustls=info,axum=info,mio=info,tokio=info,tower=info";

/// What is searched for, in lower case: the values above, as they stand and as a form, a query or
/// JSON would write them. The path of every link, so that those are found which a test made up.
const CANARIES: [&str; 19] = [
    MOBILE,
    OTHER_MOBILE,
    EMAIL,
    "asha%40example",
    "asha rao",
    "asha+rao",
    "asha%20rao",
    "refund for order",
    METADATA,
    "s3cr=t",
    "s3cr%3dt",
    SANDBOX_SECRET,
    TOKEN,
    REFRESH_TOKEN,
    PASSWORD,
    BROKER_PASSWORD,
    "canary+link",
    "canary%2blink",
    "smartpay?id=",
];

/// The first canary in a text.
pub(crate) fn leak_in(text: &[u8]) -> Option<&'static str> {
    // Two bytes rule out nearly every place, and these runs write millions of lines: a loop, since
    // a build that is not optimized is slow at closures.
    let mut at = 0;
    while at + 1 < text.len() {
        if may_begin(text[at], text[at + 1])
            && let Some(canary) = canary_at(text, at)
        {
            return Some(canary);
        }
        at += 1;
    }
    None
}

/// Whether a canary begins with these two bytes, in capitals or not.
fn may_begin(first: u8, second: u8) -> bool {
    match first {
        b'9' => second == b'9',
        b'8' => second == b'8',
        b's' | b'S' => matches!(second, b'3' | b'a' | b'A' | b'm' | b'M'),
        b'a' | b'A' => matches!(second, b's' | b'S'),
        b'r' | b'R' => matches!(second, b'e' | b'E'),
        b'c' | b'C' => matches!(second, b'a' | b'A'),
        _ => false,
    }
}

/// The canary that a text has at a place.
fn canary_at(text: &[u8], at: usize) -> Option<&'static str> {
    let is_there = |canary: &&&str| {
        let end = at + canary.len();
        end <= text.len()
            && text[at..end].eq_ignore_ascii_case(canary.as_bytes())
            && !is_within_a_number(text, at, end)
    };
    CANARIES.iter().find(is_there).copied()
}

/// Whether digits are part of a longer number, as the nines of 0.59999999999 are. A country's
/// code before a mobile does not make it one.
fn is_within_a_number(text: &[u8], begin: usize, end: usize) -> bool {
    let (before, after) = (&text[..begin], &text[end..]);
    let goes_on = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let has_begun = goes_on(before.last()) || before.ends_with(b".");
    text[begin].is_ascii_digit()
        && (has_begun && !before.ends_with(b"+91") || goes_on(after.first()))
}

/// Ends the test run if a canary is in what was shown.
pub(crate) fn check(what: &str, shown: &[u8]) {
    let Some(canary) = leak_in(shown) else { return };
    // The whole of a log would be no help.
    let text = String::from_utf8_lossy(shown);
    let is_it = |line: &&str| leak_in(line.as_bytes()).is_some();
    let line = text.lines().find(is_it).unwrap_or(&text);
    let message = format!("LEAK: {what} shows {canary:?}: {line}\n");
    io::Write::write_all(&mut io::stderr().lock(), message.as_bytes()).unwrap();
    abort();
}

/// Checks what a program has printed, and returns it.
pub(crate) fn checked(output: Output) -> Output {
    check("stdout", &output.stdout);
    check("stderr", &output.stderr);
    output
}

/// From here on every log line of the product and every panic in this process is checked. All
/// that a test of the product builds on calls it first: clocks, brokers, servers.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let log = Log { format: LogFormat::Json, level: MOST_VERBOSE.to_owned() };
        let lines = log::lines(&log, Checked).unwrap();
        tracing::subscriber::set_global_default(lines).unwrap();
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            shown(panic);
            // A failed assertion of a test may show what it compared.
            let file = panic.location().map_or("", |place| place.file());
            let is_of_a_test = file.starts_with("tests/") || file.contains("proptest");
            if !is_of_a_test && let Some(text) = panic.payload_as_str() {
                check("a panic", text.as_bytes());
            }
        }));
    });
}

/// Takes log lines, and keeps none.
struct Checked;

impl io::Write for Checked {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        check("a log line", line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Checked {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
