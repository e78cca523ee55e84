//! The report on a terminal: terse where all is good, at length where it is not.

use std::fmt::Write;

use super::{Finding, Level, Report};

const WIDTH: usize = 100;
/// How wide the column of the level is, with the blanks around it.
const INDENT: usize = 11;

impl Report {
    /// Everything that was looked at, by group, and what was not.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for group in self.groups() {
            heading(&mut text, group);
            let ok = group.iter().filter(|finding| finding.level == Level::Ok);
            let ok: Vec<&str> = ok.map(|finding| finding.says.as_str()).collect();
            if !ok.is_empty() {
                line(&mut text, Level::Ok.name(), &ok.join("; "));
            }
            for finding in group.iter().filter(|finding| finding.level != Level::Ok) {
                trouble(&mut text, finding);
            }
        }
        if !self.unseen.is_empty() {
            text.push_str("not looked at\n");
            for unseen in &self.unseen {
                line(&mut text, "", &format!("{}: {}", unseen.what, unseen.how));
            }
        }
        text.push_str(&self.summary());
        text
    }

    /// Only what is wrong, and the sum.
    pub fn short(&self) -> String {
        let mut text = String::new();
        for group in self.groups() {
            let mut wrong = group.iter().filter(|finding| finding.level != Level::Ok).peekable();
            if wrong.peek().is_some() {
                heading(&mut text, group);
            }
            for finding in wrong {
                trouble(&mut text, finding);
            }
        }
        text.push_str(&self.summary());
        text
    }

    fn groups(&self) -> impl Iterator<Item = &[Finding]> {
        self.findings
            .chunk_by(|one, other| (one.group, &one.merchant) == (other.group, &other.merchant))
    }

    fn summary(&self) -> String {
        let broker = match &self.server {
            Some(server) => format!("{} {}", server.product, server.version),
            None => "unknown broker".to_owned(),
        };
        let mut counts = Vec::new();
        for (level, one, more) in [
            (Level::Error, "error", "errors"),
            (Level::Warning, "warning", "warnings"),
            (Level::Skipped, "skipped", "skipped"),
        ] {
            match self.count(level) {
                0 => {}
                1 => counts.push(format!("1 {one}")),
                count => counts.push(format!("{count} {more}")),
            }
        }
        let counts = if counts.is_empty() { "ok".to_owned() } else { counts.join(", ") };
        let merchants = match self.merchants.len() {
            1 => "1 merchant".to_owned(),
            count => format!("{count} merchants"),
        };
        let unseen = match self.unseen.len() {
            0 => String::new(),
            count => format!("; {count} not looked at"),
        };
        let version = env!("CARGO_PKG_VERSION");
        format!("smartsend {version}, {broker}: {counts}; {merchants} checked{unseen}\n")
    }
}

fn heading(text: &mut String, group: &[Finding]) {
    let Some(first) = group.first() else { return };
    text.push_str(first.group.name());
    if let Some(merchant) = &first.merchant {
        text.push_str(", ");
        text.push_str(merchant);
    }
    text.push('\n');
}

fn trouble(text: &mut String, finding: &Finding) {
    line(text, finding.level.name(), &format!("{}: {}", finding.what, finding.says));
    if let Some(cure) = &finding.cure {
        line(text, "", &format!("do: {cure}"));
    }
}

/// A cell in as many lines as it needs, beside the level.
fn line(text: &mut String, level: &str, says: &str) {
    let plain = says.replace(char::is_control, "?");
    for (number, part) in textwrap::wrap(&plain, WIDTH - INDENT).iter().enumerate() {
        let level = if number == 0 { level } else { "" };
        // Writing to a String cannot fail.
        writeln!(text, "  {level:<9}{part}").ok();
    }
}
