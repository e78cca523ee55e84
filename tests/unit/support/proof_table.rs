//! The table of the proof: the rows of all layers, and their sums.
//!
//! `deploy/proof.sh` prints it with the benchmark's executable.

const HEAD: Cells<&str> = [
    "layer",
    "runs",
    "intents",
    "faults",
    "SIGKILLs",
    "links",
    "doubles",
    "lost",
    "wrong \"failed\"",
    "unresolved",
    "seeds",
];

/// A line of the table.
type Cells<C = String> = [C; 11];

/// What the full proof has to reach: SIGKILLs of the real binary.
pub(crate) const KILLS_MIN: u64 = 500;
/// And intents in the runs that kill it.
pub(crate) const INTENTS_MIN: u64 = 200_000;

/// All rows, in the order in which they were added.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

/// A row as it was written.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    layer: String,
    runs: u64,
    unit: String,
    intents: u64,
    faults: u64,
    kills: u64,
    links: u64,
    doubles: u64,
    lost: u64,
    wrong_failed: u64,
    unresolved: u64,
    seeds: String,
}

impl Table {
    /// Reads rows, a line of JSON each. Panics at a line that is not a row: a row that nobody can
    /// read proves nothing.
    pub(crate) fn parse(text: &str) -> Self {
        let read = |line: &str| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("no row: {error}: {line}"))
        };
        Self { rows: text.lines().map(read).collect() }
    }

    /// One row for each layer, which is the part of a row's name before the first `: `, and for
    /// each unit, since seeds and states do not add up.
    pub(crate) fn by_layer(&self) -> Self {
        let mut layers: Vec<Row> = Vec::new();
        for row in &self.rows {
            let name = row.layer.split(": ").next().unwrap_or_default();
            let same = |layer: &&mut Row| layer.layer == name && layer.unit == row.unit;
            match layers.iter_mut().find(same) {
                Some(layer) => layer.add(row),
                None => layers.push(Row { layer: name.to_owned(), ..row.clone() }),
            }
        }
        Self { rows: layers }
    }

    /// The table in Markdown, which a terminal shows as well; the last row is the sum.
    pub(crate) fn markdown(&self) -> String {
        let mut lines = vec![HEAD.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let mut total = self.total().cells();
        let [_, runs, ..] = &mut total;
        runs.clear(); // seeds and states do not add up
        lines.push(total);
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<_> = (0..HEAD.len()).map(|column| width(column).unwrap_or(0)).collect();
        let mut text: Vec<_> = lines.iter().map(|line| row_text(line, &widths)).collect();
        text.insert(1, rule(&widths));
        text.join("\n")
    }

    /// What breaks a promise, a sentence each.
    pub(crate) fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        for row in &self.rows {
            let counts = [
                (row.doubles, "references have more than one link"),
                (row.lost, "intents have no outcome"),
                (row.wrong_failed, "intents were wrongly announced as failed"),
            ];
            for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
                broken.push(format!("{}: {count} {what}", row.layer));
            }
            if row.runs == 0 {
                broken.push(format!("{}: nothing was run", row.layer));
            }
        }
        broken
    }

    /// What is missing from a full proof, a sentence each.
    pub(crate) fn too_small(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let kills = self.total().kills;
        if kills < KILLS_MIN {
            missing.push(format!("{kills} SIGKILLs of the real binary, fewer than {KILLS_MIN}"));
        }
        // The real binary has not seen simulated intents.
        let killed = self.rows.iter().filter(|row| row.kills > 0);
        let intents: u64 = killed.map(|row| row.intents).sum();
        if intents < INTENTS_MIN {
            missing.push(format!(
                "{intents} intents in runs that kill the real binary, fewer than {INTENTS_MIN}"
            ));
        }
        missing
    }

    fn total(&self) -> Row {
        let mut total = Row { layer: "total".to_owned(), ..Row::default() };
        for row in &self.rows {
            total.add(row);
        }
        total
    }
}

/// Whether a column holds names, which stand to the left, and not numbers.
fn is_words(column: usize) -> bool {
    column == 0 || column == HEAD.len() - 1
}

fn row_text(line: &Cells, widths: &[usize]) -> String {
    let cells = line.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
        if is_words(column) { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    });
    format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
}

fn rule(widths: &[usize]) -> String {
    let cells = widths.iter().enumerate().map(|(column, width)| {
        let end = if is_words(column) { '-' } else { ':' };
        format!("{}{end}", "-".repeat(width + 1))
    });
    format!("|{}|", cells.collect::<Vec<_>>().join("|"))
}

impl Row {
    /// Adds another row's counts. Seeds stay only where both have the same.
    fn add(&mut self, row: &Self) {
        self.runs += row.runs;
        self.intents += row.intents;
        self.faults += row.faults;
        self.kills += row.kills;
        self.links += row.links;
        self.doubles += row.doubles;
        self.lost += row.lost;
        self.wrong_failed += row.wrong_failed;
        self.unresolved += row.unresolved;
        if self.seeds != row.seeds {
            self.seeds.clear();
        }
    }

    fn cells(&self) -> Cells {
        // A bar would end the cell.
        let word = |text: &str| text.replace('|', "/");
        [
            word(&self.layer),
            format!("{} {}", self.runs, word(&self.unit)),
            self.intents.to_string(),
            self.faults.to_string(),
            self.kills.to_string(),
            self.links.to_string(),
            self.doubles.to_string(),
            self.lost.to_string(),
            self.wrong_failed.to_string(),
            self.unresolved.to_string(),
            word(&self.seeds),
        ]
    }
}
