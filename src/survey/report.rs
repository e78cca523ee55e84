//! A survey's result, for a person or for a program.

use std::fmt::Write;

use serde_json::json;

use super::finding::Finding;
use super::steps::Halt;
use crate::domain::reference::Reference;

/// How wide a cell may be: four of them, two blanks apart, make a hundred columns.
const WIDTHS: [usize; 4] = [20, 20, 31, 23];

const HEADINGS: [&str; 4] = ["question", "what PayU says", "what was seen", "what to set"];

#[derive(Clone, Debug)]
pub struct Report {
    pub merchant: String,
    pub account: String,
    /// `v1` or `v2`.
    pub api: &'static str,
    pub findings: Vec<Finding>,
    /// How many links are known to have been made.
    pub links: usize,
    /// The references whose links are, or may be, alive.
    pub remaining: Vec<Reference>,
    /// Why it ended early.
    pub halt: Option<Halt>,
}

impl Report {
    /// Whether every question was answered.
    pub fn is_complete(&self) -> bool {
        self.findings.iter().all(|finding| finding.is_found)
    }

    pub fn table(&self) -> String {
        let mut table = String::new();
        row(&mut table, HEADINGS);
        row(&mut table, WIDTHS.map(|width| "-".repeat(width)).each_ref().map(String::as_str));
        for (place, finding) in self.findings.iter().enumerate() {
            if place > 0 {
                table.push('\n');
            }
            let Finding { question, seen, setting, .. } = finding;
            row(&mut table, [question.text(), question.payu_says(), seen, setting]);
        }
        table
    }

    pub fn json(&self) -> String {
        let findings: Vec<_> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "id": finding.question.id(),
                    "question": finding.question.text(),
                    "payuSays": finding.question.payu_says(),
                    "seen": finding.seen,
                    "setting": finding.setting,
                    "found": finding.is_found,
                })
            })
            .collect();
        let remaining: Vec<&str> = self.remaining.iter().map(Reference::as_str).collect();
        let report = json!({
            "merchant": self.merchant,
            "payoutMerchantId": self.account,
            "api": self.api,
            "findings": findings,
            "links": self.links,
            "remaining": remaining,
        });
        format!("{report}\n")
    }
}

/// One row, in as many lines as its longest cell needs.
fn row(table: &mut String, cells: [&str; 4]) {
    let cells: Vec<Vec<String>> = cells
        .iter()
        .zip(WIDTHS)
        .map(|(cell, width)| {
            let plain = cell.replace(char::is_control, "?");
            textwrap::wrap(&plain, width).into_iter().map(String::from).collect()
        })
        .collect();
    let lines = cells.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..lines {
        let mut text = String::new();
        for (cell, width) in cells.iter().zip(WIDTHS) {
            let part = cell.get(line).map_or("", String::as_str);
            // Writing to a String cannot fail.
            write!(text, "{part:<width$}  ").ok();
        }
        table.push_str(text.trim_end());
        table.push('\n');
    }
}
