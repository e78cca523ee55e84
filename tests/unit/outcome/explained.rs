//! What a person reads of the classification.

use smartsend::domain::event::Reason;
use smartsend::domain::verdict::{CommandFailure, Failure};

use super::*;

/// What it means, whether money is at risk, and what to do.
fn page(text: &str) -> String {
    let page = explain(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    for head in ["\n  means  ", "\n  at risk  ", "\n  to do  "] {
        assert!(page.contains(head), "{page}");
    }
    for line in page.lines() {
        assert!(line.chars().count() <= COLUMNS, "{line}");
        assert_eq!(line, line.trim_end());
    }
    page
}

#[test]
fn every_code_of_the_provider_can_be_explained_by_number_and_by_name() {
    for Code { number, name, message, .. } in CODES {
        let text = page(&number.to_string());
        assert!(text.starts_with(&format!("{number} {name}\n")), "{text}");
        assert!(text.contains(message) && text.contains("follows"), "{text}");
        assert_eq!(text, page(name));
        assert_eq!(text, page(&format!("CODE_{number}")));
    }
    assert!(page("1103").contains("Duplicate"));
    assert!(page("1128").contains("reject_codes"));
}

#[test]
fn every_reason_that_goes_out_can_be_explained() {
    let failed = [Failure::DeadlinePassed, Failure::Rejected(1105)].map(|why| why.reason().code);
    let of_commands = Reason::parked_codes_of_commands();
    for code in Reason::parked_codes().chain(failed).chain(of_commands) {
        page(&code);
    }
    for why in CommandFailure::ALL {
        page(&why.reason().code);
    }
    assert!(page("outcome_unknown").contains("yes: it may have a link that nobody knows of"));
    for code in ["UNKNOWN_MERCHANT", "LINK_REPEATED", "DEAD_LETTERED"] {
        page(code);
    }
}

#[test]
fn every_http_status_of_an_answer_can_be_explained() {
    for status in 200..=599 {
        let text = page(&format!("http {status}"));
        assert!(text.starts_with(&format!("HTTP {status}\n")), "{text}");
        let row = STATUS_ROWS.iter().find(|row| (row.from..=row.to).contains(&status)).unwrap();
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(row.means), "{text}");
    }
    assert_eq!(page("HTTP429"), page("429"));
    assert!(page("http 403").contains("this machine's address"));
    assert!(page("http 404").contains("api_url"));
    for odd in ["http", "http 99", "http 600", "http x"] {
        assert!(explain(odd).unwrap_err().contains("no HTTP status"), "{odd}");
    }
}

#[test]
fn what_is_not_a_code_is_refused_with_the_one_that_was_meant() {
    assert!(explain("4711").unwrap_err().contains("no code 4711"));
    let refusal = explain("DUPLICATE_MERCHANT_REF_ID").unwrap_err();
    assert!(refusal.contains("did you mean DUPLICATE_MERCHNAT_REF_ID?"), "{refusal}");
    assert!(explain("OUTCOME_UNKNWON").unwrap_err().contains("did you mean OUTCOME_UNKNOWN?"));
    assert_eq!(
        explain("colour").unwrap_err(),
        "there is no code colour. For all codes: smartsend explain --all"
    );
}

#[test]
fn the_whole_classification_can_be_read_in_a_terminal() {
    let text = explain_all();
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for Code { number, name, message, .. } in CODES {
        assert!(flat.contains(&format!("{number} {name} ")), "{number}");
        assert!(flat.contains(message), "{number}");
    }
    for row in STATUS_ROWS {
        assert!(flat.contains(row.means), "{row:?}");
        assert!(flat.contains(&row.from.to_string()) && flat.contains(&row.to.to_string()));
    }
    for word in DUPLICATE_WORDS.iter().chain(&THROTTLE_WORDS).chain(&NOT_FOUND_WORDS) {
        assert!(flat.contains(&format!("\"{word}\"")), "{word}");
    }
    for outcome in
        ["Created", "Rejected", "NotSent", "Throttled", "Denied", "Duplicate", "Refused", "Unknown"]
    {
        assert!(text.contains(&format!("\n  {outcome}")), "{outcome}");
    }
    assert_eq!(text.matches("\n  NotSent ").count(), 1 + 7);
    assert_eq!(text.matches("\n  Unknown ").count(), 1 + 4);
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "{line}");
        assert_eq!(line, line.trim_end());
    }
}
