//! What was found, for a person and for a program.

mod text;

use serde_json::{Value, json};

use crate::amqp::Server;
use crate::page;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Ok,
    /// It could not be looked at, because something else is wrong.
    Skipped,
    Warning,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Configuration,
    Broker,
    Provider,
    /// Who works now.
    Consumers,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub group: Group,
    /// Of those that are about one merchant.
    pub merchant: Option<String>,
    /// In a word or two.
    pub what: String,
    pub level: Level,
    /// A sentence without a full stop.
    pub says: String,
    /// What to do, of what is wrong.
    pub cure: Option<String>,
}

/// What cannot be looked at from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    pub what: &'static str,
    /// How a person looks at it.
    pub how: String,
}

#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What the broker says that it is.
    pub server: Option<Server>,
    /// The merchants whose accounts were asked.
    pub merchants: Vec<String>,
    pub findings: Vec<Finding>,
    pub unseen: Vec<Unseen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Warnings,
    Errors,
    /// There is an error in the configuration.
    Misconfigured,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Group {
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Broker => "broker",
            Self::Provider => "provider",
            Self::Consumers => "who consumes now",
        }
    }

    /// The name in JSON.
    fn id(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Broker => "broker",
            Self::Provider => "provider",
            Self::Consumers => "consumers",
        }
    }
}

impl Finding {
    pub fn ok(group: Group, what: &str, says: impl Into<String>) -> Self {
        let (what, says) = (what.to_owned(), says.into());
        Self { group, merchant: None, what, level: Level::Ok, says, cure: None }
    }

    pub fn warning(
        group: Group,
        what: &str,
        says: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        let cure = Some(cure.into());
        Self { level: Level::Warning, cure, ..Self::ok(group, what, says) }
    }

    pub fn error(
        group: Group,
        what: &str,
        says: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { level: Level::Error, ..Self::warning(group, what, says, cure) }
    }

    /// `needs` names what has to be right first.
    pub fn skipped(group: Group, what: &str, needs: &str) -> Self {
        Self { level: Level::Skipped, ..Self::ok(group, what, format!("needs {needs}")) }
    }

    #[must_use]
    pub fn of(self, merchant: &str) -> Self {
        Self { merchant: Some(merchant.to_owned()), ..self }
    }

    fn json(&self) -> Value {
        json!({
            "group": self.group.id(),
            "merchant": self.merchant,
            "what": self.what,
            "level": self.level.name(),
            "says": self.says,
            "do": self.cure,
        })
    }
}

impl Report {
    /// A report that looked at no account says so.
    #[must_use]
    pub fn finished(mut self) -> Self {
        if self.merchants.is_empty() {
            self.findings.push(Finding::error(
                Group::Provider,
                "merchants",
                "0 merchants were checked",
                "write a table such as [merchants.default] that has no error",
            ));
        }
        // Within a group in the order in which they were found.
        self.findings
            .sort_by(|one, other| (one.group, &one.merchant).cmp(&(other.group, &other.merchant)));
        self
    }

    pub fn verdict(&self) -> Verdict {
        let is_error = |finding: &&Finding| finding.level == Level::Error;
        let mut errors = self.findings.iter().filter(is_error).peekable();
        if errors.peek().is_some() {
            let is_misconfigured = errors.any(|error| error.group == Group::Configuration);
            return if is_misconfigured { Verdict::Misconfigured } else { Verdict::Errors };
        }
        if self.count(Level::Warning) > 0 { Verdict::Warnings } else { Verdict::Ok }
    }

    pub fn json(&self) -> Value {
        let verdict = match self.verdict() {
            Verdict::Ok => Level::Ok,
            Verdict::Warnings => Level::Warning,
            Verdict::Errors | Verdict::Misconfigured => Level::Error,
        };
        let unseen = self.unseen.iter().map(|it| json!({ "what": it.what, "how": it.how }));
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "broker": self.server.as_ref().map(|server| {
                json!({ "product": server.product, "version": server.version })
            }),
            "merchants": self.merchants,
            "verdict": verdict.name(),
            "counts": {
                "ok": self.count(Level::Ok),
                "warning": self.count(Level::Warning),
                "error": self.count(Level::Error),
                "skipped": self.count(Level::Skipped),
            },
            "findings": self.findings.iter().map(Finding::json).collect::<Vec<_>>(),
            "notLookedAt": unseen.collect::<Vec<_>>(),
        })
    }

    fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

/// A list that stays short.
pub fn some_of(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 6;
    page::some_of(names, SHOWN)
}
