//! The proof: its table, and that what is written about it is true.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::proof_table::{INTENTS_MIN, KILLS_MIN, Table};

const PROOF: &str = include_str!("../../deploy/PROOF.md");
const EVERY_ROW: &str = include_str!("../../deploy/docs/proof-table.md");
/// The modules of each test target.
const MODULES: [(&str, &str); 2] =
    [("unit", include_str!("main.rs")), ("it", include_str!("../it/main.rs"))];

/// A row of a layer, with some counts of its own.
fn row(layer: &str, counts: &[(&str, u64)]) -> String {
    let mut row = serde_json::json!({
        "layer": layer, "runs": 3, "unit": "seeds", "intents": 0, "faults": 0, "kills": 0,
        "links": 0, "doubles": 0, "lost": 0, "wrong_failed": 0, "unresolved": 0, "seeds": "1 to 3",
    });
    for (name, count) in counts {
        row[name] = (*count).into();
    }
    format!("{row}\n")
}

#[test]
fn the_table_has_a_row_for_each_line_and_their_sum() {
    let rows = [
        row("simulation", &[("intents", 9), ("links", 8), ("unresolved", 1)]),
        row("torture: killed", &[("intents", 100), ("kills", 7), ("faults", 7), ("links", 100)]),
    ];
    let table = Table::parse(&rows.concat());
    let expected = r#"
| layer           |    runs | intents | faults | SIGKILLs | links | doubles | lost | wrong "failed" | unresolved | seeds  |
|-----------------|--------:|--------:|-------:|---------:|------:|--------:|-----:|---------------:|-----------:|--------|
| simulation      | 3 seeds |       9 |      0 |        0 |     8 |       0 |    0 |              0 |          1 | 1 to 3 |
| torture: killed | 3 seeds |     100 |      7 |        7 |   100 |       0 |    0 |              0 |          0 | 1 to 3 |
| total           |         |     109 |      7 |        7 |   108 |       0 |    0 |              0 |          1 |        |
"#;
    assert_eq!(table.markdown(), expected.trim());
    assert_eq!(table.broken(), Vec::<String>::new());
}

#[test]
fn the_rows_of_a_layer_become_one() {
    let rows = [
        row("wire: reset", &[("faults", 1), ("links", 2)]),
        row("torture: killed", &[("kills", 7)]),
        row("wire: stall", &[("faults", 3), ("unresolved", 4)]),
        row("wire: flood", &[("doubles", 5)]).replace("seeds\",", "floods\","),
    ];
    let expected = r#"
| layer   |     runs | intents | faults | SIGKILLs | links | doubles | lost | wrong "failed" | unresolved | seeds  |
|---------|---------:|--------:|-------:|---------:|------:|--------:|-----:|---------------:|-----------:|--------|
| wire    |  6 seeds |       0 |      4 |        0 |     2 |       0 |    0 |              0 |          4 | 1 to 3 |
| torture |  3 seeds |       0 |      0 |        7 |     0 |       0 |    0 |              0 |          0 | 1 to 3 |
| wire    | 3 floods |       0 |      0 |        0 |     0 |       5 |    0 |              0 |          0 | 1 to 3 |
| total   |          |       0 |      4 |        7 |     2 |       5 |    0 |              0 |          4 |        |
"#;
    assert_eq!(Table::parse(&rows.concat()).by_layer().markdown(), expected.trim());
}

#[test]
fn a_broken_promise_is_named_with_its_layer() {
    let rows = [
        row("one", &[("doubles", 1)]),
        row("two", &[("lost", 2)]),
        row("three", &[("wrong_failed", 3)]),
        row("four", &[("runs", 0)]),
        row("five", &[("unresolved", 5)]),
    ];
    let broken = Table::parse(&rows.concat()).broken();
    let expected = [
        "one: 1 references have more than one link",
        "two: 2 intents have no outcome",
        "three: 3 intents were wrongly announced as failed",
        "four: nothing was run",
    ];
    assert_eq!(broken, expected);
}

#[test]
fn a_full_proof_needs_enough_kills_and_enough_real_intents() {
    let enough = [("kills", KILLS_MIN), ("intents", INTENTS_MIN)];
    assert_eq!(Table::parse(&row("torture", &enough)).too_small(), Vec::<String>::new());

    let too_few = [("kills", KILLS_MIN - 1), ("intents", INTENTS_MIN - 1)];
    // Intents of a simulation are not what the real binary has seen.
    let simulated = row("simulation", &[("intents", INTENTS_MIN)]);
    let missing = Table::parse(&(simulated + &row("torture", &too_few))).too_small();
    let expected = [
        "499 SIGKILLs of the real binary, fewer than 500",
        "199999 intents in runs that kill the real binary, fewer than 200000",
    ];
    assert_eq!(missing, expected);
}

#[test]
#[should_panic(expected = "no row: ")]
fn a_line_that_is_not_a_row_proves_nothing() {
    Table::parse("{\"layer\":\"simulation\"}");
}

/// The layers by name, with the command that runs each alone, as the script lists them.
fn layers() -> Vec<(String, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/proof.sh");
    let output = Command::new(script).arg("--list").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let layers = text.lines().map(|line| line.split_once(' ').expect("a name and a command"));
    layers.map(|(name, command)| (name.to_owned(), command.trim().to_owned())).collect()
}

/// All files below a folder of the repository, as one text.
fn text_below(folder: &str, except: &str) -> String {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.ends_with(except) {
                text += &String::from_utf8_lossy(&fs::read(path).unwrap());
            }
        }
    }
    text
}

#[test]
fn each_layer_is_described_with_the_command_that_runs_it_alone() {
    let layers = layers();
    assert!(layers.len() >= 10, "{layers:?}");
    for (name, command) in layers {
        assert!(PROOF.contains(&format!("### {name}\n")), "PROOF.md does not describe {name}");
        assert!(PROOF.contains(&format!("\n{command}\n")), "PROOF.md does not show: {command}");
    }
}

#[test]
fn the_commands_name_what_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readers = text_below("tests", "proof.rs") + &text_below("deploy", "proof.sh");
    let mut modules = BTreeSet::new();
    for (name, command) in layers() {
        for word in command.split_whitespace() {
            if let Some(module) = word.strip_suffix("::") {
                // Such as `faults`, or `binary_faults`: a filter asks for a part of a name.
                for (target, all) in MODULES {
                    let is_run = command.contains(&format!("--test {target} "));
                    let is_there = all.contains(&format!("{module};\n"));
                    assert!(!is_run || is_there, "{name}: {target} has no module {module}");
                }
                modules.insert(module.to_owned());
            } else if word.starts_with("deploy/") || word.starts_with("tests/") {
                assert!(root.join(word).is_file(), "{name}: there is no {word}");
            } else if let Some((variable, _)) = word.split_once('=') {
                // A variable that nothing reads would quietly make the run a short one.
                assert!(readers.contains(variable), "{name}: nothing reads {variable}");
            }
        }
    }
    assert!(modules.len() >= 5, "{modules:?}");
}

#[test]
fn the_place_of_each_table_is_marked_once() {
    for marker in ["<!-- table: begin -->\n", "<!-- table: end -->\n"] {
        for page in [PROOF, EVERY_ROW] {
            assert_eq!(page.matches(marker).count(), 1, "{marker}");
        }
    }
}

/// What stands between the markers of a page: where it was run, and the rows below the heading.
fn written(page: &'static str) -> (&'static str, Vec<Vec<&'static str>>) {
    let written = page.split("<!-- table: begin -->\n").nth(1).unwrap();
    let written = written.split("<!-- table: end -->\n").next().unwrap();
    let (origin, table) = written.split_once("\n\n").unwrap();
    let cells = |line: &'static str| line.split('|').map(str::trim).collect();
    (origin, table.lines().skip(2).map(cells).collect())
}

#[test]
fn the_short_table_sums_up_the_long_one() {
    const COUNTS: std::ops::Range<usize> = 3..11;
    let (origin, layers) = written(PROOF);
    let (same_origin, rows) = written(EVERY_ROW);
    assert_eq!(origin, same_origin);
    assert!(rows.len() > layers.len());
    for layer in layers {
        let name = layer[1];
        let own = rows.iter().filter(|row| row[1].split(": ").next() == Some(name));
        let mut sums = [0_u64; COUNTS.end - COUNTS.start];
        for row in own {
            for (sum, cell) in sums.iter_mut().zip(&row[COUNTS]) {
                *sum += cell.parse::<u64>().unwrap();
            }
        }
        assert_eq!(sums.map(|sum| sum.to_string()), layer[COUNTS], "{name}");
    }
}

#[test]
fn the_brokers_that_ci_attacks_can_be_installed() {
    let named = |text: &'static str| {
        let after = text.split("SMARTSEND_TEST_BROKERS=").nth(1).expect("versions are named");
        after.split_whitespace().next().unwrap()
    };
    let versions = named(include_str!("../../.ci/run"));
    assert_eq!(versions, named(include_str!("../../deploy/test.sh")));
    // The first is what Debian 12 packages.
    let script = include_str!("../../tests/tools/brokers.sh");
    for version in versions.split(',').skip(1) {
        assert!(script.contains(&format!("    {version}) printf")), "{version} is not installed");
    }
}
