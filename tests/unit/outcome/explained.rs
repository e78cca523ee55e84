//! What a person reads of the classification.

use super::*;

#[test]
fn every_code_can_be_explained() {
    for Code { number, name, message, .. } in CODES {
        let text = explain(*number).unwrap();
        assert!(text.starts_with(&format!("{number} {name}\n")), "{text}");
        assert!(text.contains(message) && text.contains("follows"), "{text}");
    }
    assert!(explain(1103).unwrap().contains("Duplicate"));
    assert!(explain(1128).unwrap().contains("reject_codes"));
    assert_eq!(explain(4711), None);
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
    assert_eq!(text.matches("\n  NotSent ").count(), 1 + 6);
    assert_eq!(text.matches("\n  Unknown ").count(), 1 + 4);
    let single: String = CODES.iter().filter_map(|code| explain(code.number)).collect();
    for line in text.lines().chain(single.lines()) {
        assert!(line.chars().count() <= COLUMNS, "{line}");
        assert_eq!(line, line.trim_end());
    }
}
