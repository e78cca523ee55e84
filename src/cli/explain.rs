//! `smartsend explain`: what an answer of the provider means.
//!
//! A manual that is written beside the code is wrong by the second change, and someone who reads
//! it pays a customer twice. So the lines here are the data that the worker itself decides by.

use strum::VariantArray as _;
use textwrap::WordSplitter;

use super::exit::{CommandError, Exit, print};
use crate::domain::call::{NoAnswer, NotSent};
use crate::domain::classify::table::{
    DUPLICATE_WORDS, NOT_FOUND_WORDS, STATUS_ROWS, StatusRow, THROTTLE_WORDS,
};
use crate::domain::codes::{CODES, Code, Meaning};

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Options {
    /// A code of PayU's, such as 1103
    #[arg(value_parser = number)]
    code: Option<i64>,
    /// Explain every code, word and status
    #[arg(long)]
    all: bool,
}

fn number(text: &str) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "a code is a number, such as 1103")
}

pub fn execute(options: &Options) -> Result<Exit, CommandError> {
    let Some(code) = options.code else {
        return Ok(print(&explain_all()));
    };
    let page = explain(code).ok_or_else(|| {
        CommandError::Failed(format!(
            "PayU lists no code {code} for Smart Send; a create that is answered with it is \
             Refused, unless the merchant lists it in reject_codes; for all codes: smartsend \
             explain --all"
        ))
    })?;
    Ok(print(&page))
}

/// The widest line, in characters.
pub const COLUMNS: usize = 100;

// The outcomes of a create: the name of each, and what follows for the intent.
const CREATED: (&str, &str) = (
    "Created",
    "link.created. On a host outside link_hosts: parked, and the circuit breaker opens.",
);
const REJECTED: (&str, &str) =
    ("Rejected", "link.failed with the code: it depends on the intent alone.");
const NOT_SENT: (&str, &str) =
    ("NotSent", "two quick tries, then a retry queue; the record stays as it was.");
const THROTTLED: (&str, &str) =
    ("Throttled", "the merchant's requests pause; the attempt does not count.");
const DENIED: (&str, &str) =
    ("Denied", "the merchant's circuit breaker opens; no intent fails and nothing is counted.");
const DUPLICATE: (&str, &str) = (
    "Duplicate",
    "looked up. The same amount and customer: link.created. Another: link.failed \
     DUPLICATE_REFERENCE after a clean first create, else parked. Not found: parked. Never sent \
     again.",
);
const REFUSED: (&str, &str) = (
    "Refused",
    "looked up: it may depend on the day, or hide a duplicate. Not found: parked with the code. \
     Never sent again.",
);
const UNKNOWN: (&str, &str) = (
    "Unknown",
    "looked up: it may have made a link. Not found after all lookups and the quarantine: sent \
     again with the same reference, or parked, as in_doubt.policy says.",
);

/// The certain ones first.
const OUTCOMES: [(&str, &str); 8] =
    [CREATED, REJECTED, NOT_SENT, THROTTLED, DENIED, DUPLICATE, REFUSED, UNKNOWN];

/// One code: its name, what it says and what follows; `None` if PayU does not list it.
pub fn explain(code: i64) -> Option<String> {
    let Code { number, name, meaning, message } = Code::find(code)?;
    let (outcome, follows) = outcome_of(*meaning);
    let mut page = Page::default();
    page.line(&format!("{number} {name}"));
    page.row("  says", 12, message);
    page.row("  means", 12, outcome);
    page.row("  follows", 12, follows);
    if *meaning == Meaning::Refuses {
        page.row("", 12, "For a merchant that lists the code in reject_codes it means Rejected.");
    }
    Some(page.0)
}

/// The classification of all outcomes of a create.
pub fn explain_all() -> String {
    let mut page = Page::default();
    page.line("Outcomes of a create, and what follows for the intent");
    for (outcome, follows) in OUTCOMES {
        page.row(&format!("  {outcome}"), 14, follows);
    }
    page.line("\nPayU's codes, in an envelope with status 1 and an HTTP status of 2xx or 4xx");
    for Code { number, name, meaning, message } in CODES {
        let (outcome, _) = outcome_of(*meaning);
        page.row(&format!("  {number}  {name:<30}  {outcome}"), 51, message);
    }
    let other =
        "Refused, also without any code. A merchant's reject_codes turn Refused into Rejected.";
    page.row("  other", 51, other);
    page.line("\nWords in a refusal, whatever its code");
    page.row("  Duplicate", 14, &quoted(&DUPLICATE_WORDS));
    page.row("  Throttled", 14, &format!("{}, if there is no code", quoted(&THROTTLE_WORDS)));
    let not_found = quoted(&NOT_FOUND_WORDS);
    page.row("  not found", 14, &format!("{not_found}, in the answer to a lookup"));
    page.line("\nHTTP statuses");
    for StatusRow { from, to, means } in STATUS_ROWS {
        let range = if from == to { from.to_string() } else { format!("{from}-{to}") };
        page.row(&format!("  {range}"), 14, means);
    }
    page.line("\nNo answer");
    for why in NotSent::VARIANTS {
        page.row("  NotSent", 14, unsent(*why));
    }
    for why in NoAnswer::VARIANTS {
        page.row("  Unknown", 14, unanswered(*why));
    }
    page.0
}

fn outcome_of(meaning: Meaning) -> (&'static str, &'static str) {
    match meaning {
        Meaning::Rejects => REJECTED,
        Meaning::Duplicate => DUPLICATE,
        Meaning::Denies => DENIED,
        Meaning::Refuses => REFUSED,
    }
}

fn unsent(why: NotSent) -> &'static str {
    match why {
        NotSent::Dns => "the host name has no address",
        NotSent::Connect => "TCP or TLS could not be set up",
        NotSent::ConnectTimeout => "TCP or TLS took longer than connect_timeout",
        NotSent::Unstarted => "the connection ended before the request was started",
        NotSent::Unbuildable => "the request could not be built",
        NotSent::NoToken => "there was no token",
    }
}

fn unanswered(why: NoAnswer) -> &'static str {
    match why {
        NoAnswer::Timeout => "no answer within timeout",
        NoAnswer::Connection => "the connection ended or broke before the answer's head",
        NoAnswer::CutBody => "the answer's body ended early or could not be decoded",
        NoAnswer::TooLarge => "the answer's body was too large",
    }
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A head, and a text beside it that is broken into lines from the column `indent` on.
    fn row(&mut self, head: &str, indent: usize, text: &str) {
        let (head, below) = (format!("{head:<indent$}"), " ".repeat(indent));
        let options = textwrap::Options::new(COLUMNS)
            .initial_indent(&head)
            .subsequent_indent(&below)
            .word_splitter(WordSplitter::NoHyphenation);
        self.line(&textwrap::fill(text, options));
    }
}
