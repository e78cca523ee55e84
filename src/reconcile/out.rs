//! What is not matched, as files: one to read and for `parked replay --refs`, one for `submit`.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula. The first file is
//! read by people, so such a cell gets an apostrophe. The second is sent, where an apostrophe would
//! reach the customer: a row with such a cell is left out of it, and named.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::difference::{Cell, Difference};
use super::findings::{Findings, Item, Next};
use super::row::{Claim, Says};
use super::verdict::{Class, Verdict};
use crate::batch::harmless;
use crate::domain::intent::wire::FIELDS;

/// The columns of the first file.
pub const HEADER: [&str; 10] = [
    "class",
    "row",
    "merchantRefId",
    "amount",
    "field",
    "file",
    "payu",
    "event",
    "evidence",
    "next",
];

/// The rows for `submit`, and those that it must be given another way.
pub struct Resubmit {
    /// `None` if there is no row.
    pub csv: Option<Vec<u8>>,
    pub rows: usize,
    /// The numbers of the rows with a cell that a spreadsheet takes for a formula.
    pub left_out: Vec<usize>,
}

/// Every row that is not matched.
pub fn report(findings: &Findings, reveal: bool) -> Vec<u8> {
    let mut lines = vec![HEADER.map(str::to_owned)];
    for item in &findings.items {
        if item.verdict.class() != Class::Matched {
            lines.push(line(item, findings.next(item), reveal));
        }
    }
    for (reference, stray) in &findings.only_in_events {
        let amount = stray.amount.map(|amount| amount.to_string()).unwrap_or_default();
        let [class, next] = [Class::UnknownToUs.into_str(), Next::LookUp.into_str()];
        let (reference, evidence) = (reference.as_str(), &*stray.text());
        let line = [class, "", reference, &amount, "", "", "", "", evidence, next];
        lines.push(line.map(str::to_owned));
    }
    csv_of(lines)
}

fn line(item: &Item, next: Option<Next>, reveal: bool) -> [String; 10] {
    let differences: &[Difference] = match &item.verdict {
        Verdict::Differing(differences) => differences,
        Verdict::Matched(_)
        | Verdict::Missing { .. }
        | Verdict::TooEarly { .. }
        | Verdict::Unknown(_)
        | Verdict::NotLookedAt(_) => &[],
    };
    let joined = |cell: &dyn Fn(&Difference) -> String| {
        let cells: Vec<_> = differences.iter().map(cell).collect();
        harmless(&cells.join("; ")).into_owned()
    };
    let shown = |cell: &Option<Cell>| cell.as_ref().map_or("", |it| it.shown(reveal)).to_owned();
    [
        item.verdict.class().into_str().to_owned(),
        item.row.number.to_string(),
        // Programs join on it; no formula of letters, digits, `_` and `-` reaches outside its sheet.
        item.row.reference().map(ToString::to_string).unwrap_or_default(),
        item.row.amount().map(|amount| amount.to_string()).unwrap_or_default(),
        joined(&|it| it.field.to_owned()),
        joined(&|it| it.file.shown(reveal).to_owned()),
        joined(&|it| shown(&it.payu)),
        joined(&|it| shown(&it.event)),
        harmless(&item.verdict.evidence(reveal)).into_owned(),
        next.map(|next| next.into_str()).unwrap_or_default().to_owned(),
    ]
}

/// The intents that `submit` can be given again: PayU shows no link, late enough and while it shows
/// others, and nobody ever announced one.
pub fn resubmit(findings: &Findings) -> Resubmit {
    let again = findings.items.iter().filter(|item| findings.next(item) == Some(Next::Submit));
    let rows = again.filter_map(|item| Some((item.row.number, cells(item)?)));
    let (taken, left_out): (Vec<_>, Vec<_>) =
        rows.partition(|(_, cells)| !cells.iter().any(|(name, cell)| is_formula(name, cell)));
    let left_out = left_out.into_iter().map(|(number, _)| number).collect();
    let given: BTreeSet<&str> =
        taken.iter().flat_map(|(_, cells)| cells.iter().map(|(name, _)| name.as_str())).collect();
    let fields = FIELDS.into_iter().filter(|field| given.contains(field));
    let metadata = given.iter().copied().filter(|name| name.starts_with(METADATA));
    let header: Vec<&str> = fields.chain(metadata).collect();
    let lines = taken.iter().map(|(_, cells)| {
        let cell = |name: &&str| cells.iter().find(|(it, _)| it == name).map(|(_, cell)| cell);
        header.iter().map(|name| cell(name).cloned().unwrap_or_default()).collect::<Vec<_>>()
    });
    let names = header.iter().map(|name| (*name).to_owned()).collect();
    let csv = csv_of(std::iter::once(names).chain(lines));
    let rows = taken.len();
    Resubmit { csv: (rows > 0).then_some(csv), rows, left_out }
}

/// The prefix of the columns that make up `metadata`.
const METADATA: &str = "metadata.";

/// The cells of an intent, by their columns.
fn cells(item: &Item) -> Option<Vec<(String, String)>> {
    let Says::Pays(payout) = &item.row.says else { return None };
    let Claim::Wanted(Some(body)) = &payout.claim else { return None };
    let mut fields: Map<String, Value> = serde_json::from_str(body.expose()).ok()?;
    let metadata = fields.remove("metadata");
    let metadata = metadata.as_ref().and_then(Value::as_object).into_iter().flatten();
    let metadata = metadata.map(|(key, value)| (format!("{METADATA}{key}"), value));
    let cells = fields.iter().map(|(name, value)| (name.clone(), value)).chain(metadata);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Some(cells.map(|(name, value)| (name, text(value))).collect())
}

/// Whether a spreadsheet would run it. A reference or a mobile has nothing in it that reaches
/// outside its sheet.
fn is_formula(name: &str, cell: &str) -> bool {
    !matches!(name, "merchantRefId" | "custMobile") && *harmless(cell) != *cell
}

fn csv_of<L: AsRef<[String]>>(lines: impl IntoIterator<Item = L>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        #[expect(clippy::expect_used, reason = "all records are as wide, and a vector grows")]
        writer.write_record(line.as_ref()).expect("a vector takes everything");
    }
    writer.into_inner().unwrap_or_default()
}
