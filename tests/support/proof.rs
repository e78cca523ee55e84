//! What a layer of the proof has to show: how much it ran, and counts that add up.
//!
//! `deploy/proof.sh` names a file in `SMARTSEND_PROOF`; each layer adds its row there, as a line of
//! JSON, and the script prints the table. A test that runs by itself only prints its row.

use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::json;

/// One row of the proof's table. A count that a layer does not have is 0, or as `faults` says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    /// The layer, and which run of it: `torture: killed, twice`.
    pub(crate) layer: String,
    /// Runs: seeds, scenarios, inputs or states, as `unit` says.
    pub(crate) runs: u64,
    /// What a run is: `seeds`, `states`, `kills`, ...
    pub(crate) unit: &'static str,
    /// Intents that were published.
    pub(crate) intents: u64,
    /// Injected faults: kills, cuts, lost answers.
    pub(crate) faults: u64,
    /// SIGKILLs of the real binary, a part of `faults`.
    pub(crate) kills: u64,
    /// Links that the provider made.
    pub(crate) links: u64,
    /// References that have more than one link.
    pub(crate) doubles: u64,
    /// Intents without an outcome.
    pub(crate) lost: u64,
    /// Intents that were announced as failed though they have or could have a link.
    pub(crate) wrong_failed: u64,
    /// Intents that were announced as unresolved, as the promises allow.
    pub(crate) unresolved: u64,
    /// How many those may be. None may, where the provider refuses duplicates and shows its links,
    /// the setting is `resend`, and the intents are good; a run in which more may says why.
    pub(crate) unresolved_max: u64,
    /// What repeats it: a seed, a range of seeds, a setting; empty if nothing is random.
    pub(crate) seeds: String,
}

impl Row {
    /// Prints it to stderr, where the test harness does not hide it, and adds it to the proof. Panics if
    /// more is left to a person than may be.
    pub(crate) fn show(&self) {
        let row = json!({
            "layer": self.layer, "runs": self.runs, "unit": self.unit, "intents": self.intents,
            "faults": self.faults, "kills": self.kills, "links": self.links,
            "doubles": self.doubles, "lost": self.lost, "wrong_failed": self.wrong_failed,
            "unresolved": self.unresolved, "seeds": self.seeds,
        });
        writeln!(std::io::stderr().lock(), "proof: {row}").unwrap();
        let (unresolved, most) = (self.unresolved, self.unresolved_max);
        assert!(unresolved <= most, "{unresolved} are unresolved, and {most} may be: {row}");
        let Some(path) = std::env::var_os("SMARTSEND_PROOF") else { return };
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(format!("{row}\n").as_bytes()).unwrap();
    }
}

/// A size of a run that the environment may set, such as `SMARTSEND_TORTURE_KILLS`.
pub(crate) fn size(name: &str, default: u64) -> u64 {
    let text = std::env::var_os(name).map(|text| text.into_string().unwrap());
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}
