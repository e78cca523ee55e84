//! What an answer of the provider means, for a person: the classification, printed.
//!
//! A manual that is written beside the code is wrong by the second change, and someone who reads
//! it pays a customer twice. So the lines here are the data that the worker itself decides by.

use crate::domain::call::{NoAnswer, NotSent};
use crate::domain::classify::table::{
    DUPLICATE_WORDS, NOT_FOUND_WORDS, STATUS_ROWS, THROTTLE_WORDS,
};
use crate::domain::codes::{CODES, Code, Meaning};

/// What `smartsend explain` takes.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Options {
    /// A code of PayU's, such as 1103.
    code: Option<i64>,
    /// Everything.
    #[arg(long)]
    all: bool,
}

/// The page that was asked for.
pub fn execute(options: &Options) -> Result<String, String> {
    match options.code {
        None => Ok(explain_all()),
        Some(code) => explain(code).ok_or_else(|| {
            format!(
                "PayU lists no code {code} for Smart Send; a create that is answered with it is \
                 Refused, unless the merchant lists it in rejects. All codes: smartsend explain --all"
            )
        }),
    }
}

/// The widest line, in characters.
pub const COLUMNS: usize = 100;

/// One code: its name, what it says and what follows; `None` if PayU does not list it.
pub fn explain(code: i64) -> Option<String> {
    let Code { number, name, meaning, message } = Code::find(code)?;
    let mut page = Page::default();
    page.line(&format!("{number} {name}"));
    page.row("  says", 12, message);
    page.row("  means", 12, outcome_of(*meaning));
    page.row("  follows", 12, follows(outcome_of(*meaning)));
    if *meaning == Meaning::Refuses {
        page.row("", 12, "A merchant that lists the code in rejects has it mean Rejected.");
    }
    Some(page.0)
}

/// The whole classification of what a create can come to.
pub fn explain_all() -> String {
    let mut page = Page::default();
    page.line("What a create can come to, and what follows for the intent");
    for outcome in OUTCOMES {
        page.row(&format!("  {outcome}"), 14, follows(outcome));
    }
    page.line("");
    page.line("PayU's codes, in an envelope with status 1 and an HTTP status of 2xx or 4xx");
    for Code { number, name, meaning, message } in CODES {
        let head = format!("  {number}  {name:<30}  {}", outcome_of(*meaning));
        page.row(&head, 51, message);
    }
    page.row(
        "  other",
        51,
        "Refused, also without any code. A merchant's rejects turn Refused into Rejected.",
    );
    page.line("");
    page.line("Words in a refusal, whatever its code");
    page.row("  Duplicate", 14, &quoted(&DUPLICATE_WORDS));
    page.row("  Throttled", 14, &format!("{}, if there is no code", quoted(&THROTTLE_WORDS)));
    page.row("  not found", 14, &format!("{}, in the answer to a look", quoted(&NOT_FOUND_WORDS)));
    page.line("");
    page.line("HTTP statuses");
    for row in STATUS_ROWS {
        let range = if row.from == row.to {
            row.from.to_string()
        } else {
            format!("{}-{}", row.from, row.to)
        };
        page.row(&format!("  {range}"), 14, row.means);
    }
    page.line("");
    page.line("No answer");
    for why in UNSENT {
        page.row("  NotSent", 14, unsent(why));
    }
    for why in SILENCES {
        page.row("  Unknown", 14, silence(why));
    }
    page.0
}

/// The outcomes' names, the certain ones first.
const OUTCOMES: [&str; 8] =
    ["Created", "Rejected", "NotSent", "Throttled", "Denied", "Duplicate", "Refused", "Unknown"];

/// Every reason for which nothing was sent.
const UNSENT: [NotSent; 6] = [
    NotSent::Dns,
    NotSent::Connect,
    NotSent::ConnectTimeout,
    NotSent::Unstarted,
    NotSent::Unbuildable,
    NotSent::NoToken,
];

/// Every reason for which no answer came.
const SILENCES: [NoAnswer; 4] =
    [NoAnswer::Timeout, NoAnswer::Connection, NoAnswer::CutBody, NoAnswer::TooLarge];

fn outcome_of(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Rejects => "Rejected",
        Meaning::Duplicate => "Duplicate",
        Meaning::Denies => "Denied",
        Meaning::Refuses => "Refused",
    }
}

fn follows(outcome: &str) -> &'static str {
    match outcome {
        "Created" => "link.created. On a host outside link_hosts: parked, and the gate closes.",
        "Rejected" => "link.failed with the code: it depends on the intent alone.",
        "NotSent" => "two quick tries, then a retry queue; the intent stays what it was.",
        "Throttled" => "the merchant's gate pauses; the attempt does not count.",
        "Denied" => "the merchant's gate closes; no intent fails and nothing is counted.",
        "Duplicate" => {
            "looked up. The same amount and customer: link.created. Another: link.failed \
             DUPLICATE_REFERENCE after a clean first create, else parked. Not found: parked. Never \
             sent again."
        }
        "Refused" => {
            "looked up: it may depend on the day, or hide a duplicate. Not found: parked with the \
             code. Never sent again."
        }
        _ => {
            "looked up: it may have made a link. Not found after all lookups and the quarantine: sent \
             again with the same reference, or parked, as on_not_found says."
        }
    }
}

fn unsent(why: NotSent) -> &'static str {
    match why {
        NotSent::Dns => "the host name has no address",
        NotSent::Connect => "TCP or TLS could not be set up",
        NotSent::ConnectTimeout => "TCP or TLS took longer than connect_timeout",
        NotSent::Unstarted => "the connection ended before the request was begun",
        NotSent::Unbuildable => "the request could not be built",
        NotSent::NoToken => "no token was to be had",
    }
}

fn silence(why: NoAnswer) -> &'static str {
    match why {
        NoAnswer::Timeout => "timeout ran out",
        NoAnswer::Connection => "the connection ended or broke before the answer's head",
        NoAnswer::CutBody => "the answer's body ended early or could not be decoded",
        NoAnswer::TooLarge => "the answer's body was larger than is read",
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
        let mut line = format!("{head:<indent$}");
        let mut is_empty = true;
        for word in text.split_whitespace() {
            let width = line.chars().count().saturating_add(word.chars().count());
            if !is_empty && width >= COLUMNS {
                self.line(line.trim_end());
                line = " ".repeat(indent);
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
            is_empty = false;
        }
        self.line(line.trim_end());
    }
}
