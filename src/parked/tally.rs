//! Parked messages in numbers: how many, and how many rupees, by merchant and reason.
//!
//! Only sums and a bounded number of rows are kept, however many messages there are. What could not
//! be counted is unknown, and never 0.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::message::{Id, Parked, UNKNOWN};
use super::selection::Selection;
use crate::amqp::Extent;
use crate::domain::amount::Total;
use crate::domain::record::headers::written;
use crate::domain::work::Work;

/// Messages and their rupees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub messages: u32,
    /// Of those whose amount is known.
    pub rupees: Total,
    /// Intents whose amount is not known.
    pub unknown_amounts: u32,
    /// Commands, which have no amount.
    pub commands: u32,
}

/// Of one merchant, reason and kind.
type Group = (String, String, &'static str);

/// What a pass through the queue has counted.
#[derive(Clone, Debug)]
pub struct Tally {
    selection: Selection,
    rows_max: usize,
    now: Timestamp,
    all: Share,
    groups: BTreeMap<Group, (Share, Option<Timestamp>)>,
    rows: Vec<Row>,
    /// Messages whose age would have decided, and is not known.
    undated: u32,
}

/// A message on a line.
#[derive(Clone, Debug)]
struct Row {
    id: Id,
    reference: Option<String>,
    merchant: String,
    code: String,
    kind: &'static str,
    rupees: Option<String>,
    parked_at: Option<Timestamp>,
    replays: u32,
    last: Option<(String, Option<Timestamp>)>,
}

impl Share {
    pub fn add(&mut self, parked: &Parked) {
        self.messages = self.messages.saturating_add(1);
        match (parked.content.work(), parked.content.amount()) {
            (Work::Commands, _) => self.commands = self.commands.saturating_add(1),
            (Work::Intents, Some(amount)) => self.rupees = self.rupees.plus(amount),
            (Work::Intents, None) => {
                self.unknown_amounts = self.unknown_amounts.saturating_add(1);
            }
        }
    }

    /// The sum, unless nothing is known of it.
    fn sum(&self) -> Option<Total> {
        let known = self.messages.saturating_sub(self.unknown_amounts);
        (known > 0 || self.messages == 0).then_some(self.rupees)
    }

    fn cell(&self) -> String {
        match (self.sum(), self.unknown_amounts) {
            (Some(_), 0) if self.messages > 0 && self.commands == self.messages => "-".to_owned(),
            (Some(sum), 0) => sum.to_string(),
            (Some(sum), unknown) => format!("{sum} + {unknown} {UNKNOWN}"),
            (None, _) => UNKNOWN.to_owned(),
        }
    }

    fn json(&self) -> Map<String, Value> {
        let members = [
            ("messages", json!(self.messages)),
            ("rupees", json!(self.sum().map(|sum| sum.to_string()))),
            ("unknownAmounts", json!(self.unknown_amounts)),
            ("commands", json!(self.commands)),
        ];
        members.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
    }
}

impl Tally {
    /// Nothing yet. At most `rows_max` messages are kept, those that lie at the head of the queue.
    pub fn new(selection: Selection, rows_max: usize, now: Timestamp) -> Self {
        let (all, groups, rows) = (Share::default(), BTreeMap::new(), Vec::new());
        Self { selection, rows_max, now, all, groups, rows, undated: 0 }
    }

    pub fn add(&mut self, parked: &Parked) {
        match self.selection.takes(parked, self.now) {
            Some(true) => {}
            Some(false) => return,
            None => {
                self.undated = self.undated.saturating_add(1);
                return;
            }
        }
        self.all.add(parked);
        let kind = parked.content.work().noun();
        let group = (parked.merchant().to_owned(), parked.code().to_owned(), kind);
        let (share, oldest) = self.groups.entry(group).or_default();
        share.add(parked);
        *oldest = [*oldest, parked.parked_at].into_iter().flatten().min();
        if self.rows.len() < self.rows_max {
            self.rows.push(Row::of(parked));
        }
    }

    pub fn all(&self) -> Share {
        self.all
    }

    /// What it does not say, each in a sentence.
    pub fn notes(&self, extent: Extent) -> Vec<String> {
        let mut notes = gaps(extent);
        if self.undated > 0 {
            notes.push(format!(
                "{} messages do not say when they were parked, and are left out",
                self.undated
            ));
        }
        let left_out = self.rows_left_out();
        if left_out > 0 {
            notes.push(format!(
                "the list is cut: {left_out} more are counted and not shown; --limit {} shows all",
                self.all.messages
            ));
        }
        notes
    }

    fn rows_left_out(&self) -> usize {
        usize::try_from(self.all.messages).unwrap_or(usize::MAX).saturating_sub(self.rows.len())
    }

    pub fn table(&self) -> String {
        let mut cells = Vec::new();
        for ((merchant, code, kind), (share, oldest)) in &self.groups {
            cells.push([
                merchant.clone(),
                code.clone(),
                share.messages.to_string(),
                share.cell(),
                age(*oldest, self.now),
                (*kind).to_owned(),
            ]);
        }
        let count = self.all.messages.to_string();
        let whole = [String::new(), "all".to_owned(), count, self.all.cell(), String::new()];
        let [merchant, code, count, sum, age_cell] = whole;
        cells.push([merchant, code, count, sum, age_cell, String::new()]);
        let head = ["merchant", "reason", "messages", "rupees", "oldest", "kind"];
        let mut text = columns(head, &cells);
        if !self.rows.is_empty() {
            let rows: Vec<_> = self.rows.iter().map(|row| row.cells(self.now)).collect();
            let head = ["id", "reference", "reason", "rupees", "age", "replayed"];
            text.push('\n');
            text.push_str(&columns(head, &rows));
        }
        text
    }

    pub fn json(&self, extent: Extent) -> String {
        let groups = self.groups.iter().map(|((merchant, code, kind), (share, oldest))| {
            let more = [
                ("merchant", json!(merchant)),
                ("reason", json!(code)),
                ("kind", json!(kind)),
                ("oldest", json!(oldest.map(written))),
            ];
            let mut group = share.json();
            group.extend(more.map(|(name, value)| (name.to_owned(), value)));
            group
        });
        let json = json!({
            "queue": {
                "ready": extent.ready,
                "seen": extent.seen,
                "otherConsumers": extent.other_consumers,
                "complete": is_complete(extent),
            },
            "all": self.all.json(),
            "undated": self.undated,
            "groups": groups.collect::<Vec<_>>(),
            "messages": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "messagesLeftOut": self.rows_left_out(),
        });
        format!("{json}\n")
    }
}

impl Row {
    fn of(parked: &Parked) -> Self {
        let last = parked
            .last
            .as_ref()
            .map(|last| (last.actor.clone().unwrap_or_else(|| UNKNOWN.to_owned()), last.at));
        Self {
            id: parked.id.clone(),
            reference: parked.content.reference().map(ToString::to_string),
            merchant: parked.merchant().to_owned(),
            code: parked.code().to_owned(),
            kind: parked.content.work().noun(),
            rupees: parked.content.amount().map(|amount| amount.to_string()),
            parked_at: parked.parked_at,
            replays: parked.replays,
            last,
        }
    }

    fn cells(&self, now: Timestamp) -> [String; 6] {
        let is_command = self.kind == Work::Commands.noun();
        let no_rupees = if is_command { "-" } else { UNKNOWN };
        let replayed = match (self.replays, &self.last) {
            (0, _) => String::new(),
            (times, None) => format!("{times} times"),
            (times, Some((actor, at))) => {
                format!("{times} times, last by {actor} {} ago", age(*at, now))
            }
        };
        [
            self.id.short().to_owned(),
            self.reference.clone().unwrap_or_else(|| UNKNOWN.to_owned()),
            self.code.clone(),
            self.rupees.clone().unwrap_or_else(|| no_rupees.to_owned()),
            age(self.parked_at, now),
            replayed,
        ]
    }

    fn json(&self) -> Value {
        let last = self.last.as_ref();
        json!({
            "id": self.id.as_str(),
            "merchant": self.merchant,
            "merchantRefId": self.reference,
            "kind": self.kind,
            "reason": self.code,
            "rupees": self.rupees,
            "parkedAt": self.parked_at.map(written),
            "replays": self.replays,
            "actor": last.map(|(actor, _)| actor),
            "actedAt": last.and_then(|(_, at)| at.map(written)),
        })
    }
}

/// Whether everything that the queue holds was seen.
pub fn is_complete(extent: Extent) -> bool {
    extent.seen == extent.ready && extent.other_consumers == 0
}

/// What a pass has not seen.
pub fn gaps(extent: Extent) -> Vec<String> {
    let mut gaps = Vec::new();
    if extent.other_consumers > 0 {
        gaps.push(format!(
            "{} others read the parked queue at the moment: what is in their hands is not in this, \
             and how much that is RabbitMQ does not say",
            extent.other_consumers
        ));
    }
    if extent.seen < extent.ready {
        gaps.push(format!(
            "only {} of {} messages were seen: somebody else took the others meanwhile",
            extent.seen, extent.ready
        ));
    }
    gaps
}

/// How long ago, in the largest unit that fits.
pub(super) fn age(then: Option<Timestamp>, now: Timestamp) -> String {
    let Some(then) = then else { return UNKNOWN.to_owned() };
    let age = Duration::try_from(now.duration_since(then)).unwrap_or_default().as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let unit = units.into_iter().find(|(seconds, _)| age >= *seconds);
    unit.map_or_else(|| format!("{age} s"), |(seconds, unit)| format!("{} {unit}", age / seconds))
}

/// A table whose columns are as wide as their widest cell.
pub(super) fn columns<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let head = head.map(str::to_owned);
    let mut widths = [0; N];
    for row in rows.iter().chain([&head]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in [&head].into_iter().chain(rows) {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            // Writing to a String cannot fail.
            write!(line, "{cell:<width$}  ").ok();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
