//! The summary of a submission, for a person.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::results_file::{ResultsFileError, Written};
use super::status::{ByCode, Counts, Share};
use super::submission::SubmissionEnd;
use crate::ports::PublishError;

/// The numbers of a submission; its `Display` is a table for stdout.
#[derive(Debug)]
pub struct Summary {
    pub end: SubmissionEnd,
    pub(super) counts: Counts,
    /// Whether the results were waited for.
    pub(super) waited: bool,
    pub(super) elapsed: Duration,
    /// Where the results are, if they were waited for.
    pub(super) results: Option<Result<Written, ResultsFileError>>,
}

impl Summary {
    /// Whether every row was sent and, if results were waited for, has a link.
    pub fn is_success(&self) -> bool {
        let Counts { rows, sent, created, .. } = &self.counts;
        let good = if self.waited { created } else { sent };
        self.end == SubmissionEnd::Finished && good.rows == rows.rows && !self.is_misplaced()
    }

    /// Whether the results could not be written where they belong.
    pub fn is_misplaced(&self) -> bool {
        matches!(self.results, Some(Err(_)))
    }

    /// What the numbers do not show.
    pub fn advice(&self) -> Vec<String> {
        let of_end = self.advice_after_end().map(ToOwned::to_owned);
        let of_results = match &self.results {
            Some(Err(error)) => Some(error.to_string()),
            Some(Ok(Written { kept: Some(kept), .. })) => Some(format!(
                "{} says more than this run has seen, and was left as it is",
                kept.display()
            )),
            Some(Ok(Written { kept: None, .. })) | None => None,
        };
        of_end.into_iter().chain(of_results).collect()
    }

    /// The same for a program. What was not waited for is null.
    pub fn json(&self) -> Value {
        let Counts { rows, skipped, sent, unsent, unconfirmed, open, .. } = &self.counts;
        let Counts { created, failed, rejected, unresolved, .. } = &self.counts;
        let awaited = |value: Value| if self.waited { value } else { Value::Null };
        let results = self.results.as_ref().and_then(|results| results.as_ref().ok());
        json!({
            "end": match self.end {
                SubmissionEnd::Finished => "finished",
                SubmissionEnd::Interrupted => "interrupted",
                SubmissionEnd::GaveUp(_) => "gave up",
                SubmissionEnd::Unread => "unread",
                SubmissionEnd::ResultsLost => "results lost",
                SubmissionEnd::TimedOut => "timed out",
            },
            "rows": rows.rows,
            "skipped": skipped.rows,
            "sent": share(sent),
            "unsent": share(unsent),
            "unconfirmed": share(unconfirmed),
            "created": awaited(share(created)),
            "failed": awaited(by_code(failed)),
            "rejected": awaited(by_code(rejected)),
            "unresolved": awaited(by_code(unresolved)),
            "unknown": awaited(share(open)),
            "seconds": self.elapsed.as_secs(),
            "results": results.map(|written| written.path.to_string_lossy()),
        })
    }

    fn advice_after_end(&self) -> Option<&'static str> {
        match self.end {
            SubmissionEnd::Finished => None,
            SubmissionEnd::Interrupted => Some(
                "stopped before the end; what was sent stays with the worker, and the file can be \
                 submitted again with the same references",
            ),
            SubmissionEnd::TimedOut => Some(
                "the time to wait was over before every result had come; what was sent stays with \
                 the worker, and the file can be submitted again with the same references",
            ),
            SubmissionEnd::Unread => Some(
                "the temporary file with the rows can no longer be read; submit the file again with \
                 the same references: what RabbitMQ already has is not paid twice",
            ),
            SubmissionEnd::GaveUp(PublishError::Unroutable) => Some(
                "RabbitMQ has no queue for the intents any more; declare it with `smartsend \
                 topology apply`, then submit the file again with the same references",
            ),
            SubmissionEnd::GaveUp(PublishError::Refused | PublishError::Unconfirmed) => Some(
                "RabbitMQ did not take every intent; once it is well, submit the file again with \
                 the same references: what it already has is not paid twice",
            ),
            SubmissionEnd::ResultsLost => Some(
                "the connection to RabbitMQ was lost, and with it the results that came meanwhile; \
                 the intents themselves are safe with the worker, and their events went to the \
                 queues of downstream",
            ),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { rows, skipped, sent, unsent, unconfirmed, open, created, .. } = &self.counts;
        // Of bad rows not every amount is known.
        writeln!(f, "{:<11} {}", "rows", rows.rows)?;
        line(f, "sent", sent)?;
        writeln!(f, "{:<11} {}", "skipped", skipped.rows)?;
        for (name, share) in [("unsent", unsent), ("unconfirmed", unconfirmed)] {
            if share.rows > 0 {
                line(f, name, share)?;
            }
        }
        if self.waited {
            line(f, "created", created)?;
            let Counts { failed, rejected, unresolved, .. } = &self.counts;
            for (name, ends) in
                [("failed", failed), ("rejected", rejected), ("unresolved", unresolved)]
            {
                lines_by_code(f, name, ends)?;
            }
            if open.rows > 0 {
                line(f, "unknown", open)?;
            }
        }
        writeln!(f, "time        {:.1?}", self.elapsed)?;
        match &self.results {
            Some(Ok(written)) => writeln!(f, "results     {}", written.path.display()),
            Some(Err(_)) | None => Ok(()),
        }
    }
}

pub(super) fn line(f: &mut fmt::Formatter<'_>, name: &str, share: &Share) -> fmt::Result {
    writeln!(f, "{name:<11} {:<6} {:>12} rupees", share.rows, share.rupees)
}

/// All of them, and below that each code.
pub(super) fn lines_by_code(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    ByCode { all, codes }: &ByCode,
) -> fmt::Result {
    line(f, name, all)?;
    codes.iter().try_for_each(|(code, share)| line(f, &format!("  {code}"), share))
}

pub(super) fn share(share: &Share) -> Value {
    json!({ "rows": share.rows, "rupees": share.rupees.to_string() })
}

pub(super) fn by_code(ByCode { all, codes }: &ByCode) -> Value {
    let codes = codes.iter().map(|(code, of_code)| (code.clone(), share(of_code)));
    json!({
        "rows": all.rows,
        "rupees": all.rupees.to_string(),
        "codes": codes.collect::<Map<_, _>>(),
    })
}
