//! The walls of the layout, and the rules that no lint holds.

mod circles;

use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 370;

fn files_below(folder: &str, ending: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                let is_built = path.file_name().is_some_and(|name| name == "target");
                folders.extend((!is_built).then_some(path));
            } else if path.to_str().unwrap().ends_with(ending) {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                // The fuzz targets' seeds are bytes, not text.
                files.push((name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned()));
            }
        }
    }
    assert!(!files.is_empty(), "{folder} holds no {ending} file");
    files
}

/// The code of a file: comments can name what they like.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

/// No line of code below `folder` may hold one of the words.
fn wall(folder: &str, forbidden: &[&str], except: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    if root.join(folder).is_dir() {
        files.extend(files_below(folder, ".rs"));
    }
    let single = format!("{folder}.rs");
    if let Ok(text) = fs::read_to_string(root.join(&single)) {
        files.push((single, text));
    }
    assert!(!files.is_empty(), "{folder} is not there");
    for (name, text) in files {
        if except.contains(&&*name) {
            continue;
        }
        for line in code(&text) {
            for word in forbidden {
                assert!(!line.contains(word), "{name} must not hold {word}: {line}");
            }
        }
    }
}

#[test]
fn the_core_does_no_io_and_knows_nothing_of_ours() {
    let io =
        ["tokio", "tracing::", "metrics::", "lapin", "reqwest", "rand::", "Instant::", "now()"];
    wall("src/domain", &io, &[]);
    for (name, text) in files_below("src/domain", ".rs") {
        for line in code(&text).filter(|line| line.contains("crate::")) {
            assert!(line.contains("crate::domain::"), "{name} must not import {line}");
        }
    }
}

#[test]
fn serde_lives_at_the_core_s_edges_only() {
    let edges = ["src/domain/object.rs", "src/domain/event/wire.rs", "src/domain/control.rs"];
    let fields =
        ["src/domain/object/field.rs", "src/domain/intent/wire.rs", "src/domain/command/wire.rs"];
    wall("src/domain", &["serde"], &[edges.as_slice(), fields.as_slice()].concat());
    let payu: Vec<String> = files_below("src/payu", ".rs")
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("src/payu/wire"))
        .collect();
    let payu: Vec<&str> = payu.iter().map(String::as_str).collect();
    wall("src/payu", &["serde"], &payu);
}

#[test]
fn what_sequences_knows_no_adapter() {
    let adapters = [
        "crate::amqp",
        "crate::payu",
        "crate::local",
        "crate::sandbox",
        "crate::cli",
        "lapin",
        "reqwest",
        "rusqlite",
    ];
    for part in ["src/worker", "src/admission", "src/ports"] {
        wall(part, &adapters, &[]);
    }
}

#[test]
fn admission_is_given_the_time_and_waits_in_one_place() {
    let io = ["metrics::", "tracing::", "lapin", "reqwest", "rand::", "Instant::"];
    wall("src/admission", &io, &[]);
    wall(
        "src/admission",
        &["tokio", "crate::ports::Clock", ".now()"],
        &["src/admission/scheduler.rs"],
    );
    for (name, text) in files_below("src/admission", ".rs") {
        for line in code(&text).filter(|line| line.contains("crate::")) {
            let is_known = ["crate::domain::", "crate::ports::"].iter().any(|it| line.contains(it));
            assert!(is_known, "{name} must not import {line}");
        }
    }
}

#[test]
fn the_adapters_never_meet() {
    let beside = ["crate::worker", "crate::sandbox", "crate::cli"];
    for (part, others) in [
        ("src/amqp", &["crate::payu", "crate::local", "reqwest", "rusqlite"][..]),
        ("src/payu", &["crate::amqp", "crate::local", "lapin", "rusqlite"]),
        ("src/local", &["crate::amqp", "crate::payu", "lapin", "reqwest"]),
    ] {
        wall(part, &[&beside, others].concat(), &[]);
    }
}

#[test]
fn the_provider_s_adapter_knows_no_codes_and_judges_nothing() {
    wall("src/payu", &["domain::codes", "domain::classify", "Decision"], &[]);
}

#[test]
fn the_sandbox_is_a_reading_of_its_own() {
    for (name, text) in files_below("src/sandbox", ".rs") {
        for line in code(&text).filter(|line| line.contains("crate::")) {
            let is_lawful = line.contains("crate::sandbox") || line.contains("crate::http::server");
            assert!(is_lawful, "{name} must not import {line}");
        }
    }
}

#[test]
fn telemetry_and_pages_decide_nothing() {
    let deciders = ["crate::amqp", "crate::payu", "crate::local", "crate::worker"];
    wall("src/telemetry", &deciders, &[]);
    wall("src/http", &deciders, &[]);
}

#[test]
fn a_command_knows_neither_the_command_line_nor_another_command() {
    let above = ["super::{", "super::Cli", "crate::cli"];
    let beside = [
        "run",
        "submit",
        "batch",
        "sandbox",
        "topology",
        "change",
        "check",
        "lookup",
        "account",
        "bulk",
        "survey",
        "parked",
        "pause",
        "reconcile",
        "explain",
        "where_is",
    ]
    .map(|c| format!("super::{c}"));
    let words: Vec<&str> = above.into_iter().chain(beside.iter().map(String::as_str)).collect();
    wall("src/cli", &words, &[]);
    wall("src/batch", &["crate::cli", "clap"], &[]);
    wall("src/parked", &["crate::cli", "clap"], &[]);
    wall("src/reconcile", &["crate::cli", "clap"], &[]);
}

#[test]
fn what_is_decided_of_a_parked_message_does_no_io() {
    for part in ["message", "selection", "tally", "shown", "decision", "copy"] {
        let io = ["tokio", "std::fs", "ParkedQueue", "Inquiry", ".now()", "rand::"];
        wall(&format!("src/parked/{part}"), &io, &[]);
    }
}

#[test]
fn what_is_found_of_a_row_is_found_without_io() {
    for part in ["row", "seen", "difference", "verdict", "findings", "sums", "page", "json", "out"]
    {
        let io = ["tokio", "std::fs", "Inquiry", ".now()", "rand::"];
        wall(&format!("src/reconcile/{part}"), &io, &[]);
    }
}

#[test]
fn a_file_is_short_and_holds_nothing_unfinished() {
    for (name, text) in files_below("src", ".rs") {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{name} has {lines} lines: it hides a second idea");
    }
    let unfinished = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimplement", "ed!")];
    for folder in ["src", "tests", "deploy"] {
        for (name, text) in files_below(folder, "") {
            for word in unfinished {
                assert!(!text.contains(word), "{name} holds {word}");
            }
        }
    }
}

#[test]
fn no_module_is_a_drawer() {
    for (name, _) in files_below("src", ".rs") {
        let stem = Path::new(&name).file_stem().unwrap().to_str().unwrap();
        assert!(!["mod", "util", "utils", "common", "helpers", "types"].contains(&stem), "{name}");
    }
}

#[test]
fn the_top_level_is_small() {
    let allowed = ["Cargo.toml", "Cargo.lock", "src", "tests", "deploy", "README.md", "LICENSE"];
    for entry in fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = allowed.contains(&&*name) || name.starts_with('.') || name == "target";
        assert!(known, "{name} does not belong at the top level");
    }
}

#[test]
fn nothing_that_is_simulated_leaves_an_order_to_chance() {
    for part in ["src/worker", "src/admission"] {
        let single =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(part.to_owned() + ".rs"));
        let mut files = vec![(part.to_owned(), single.unwrap())];
        files.extend(files_below(part, ".rs"));
        for (name, text) in files {
            let lines: Vec<&str> = text.lines().collect();
            for (number, line) in lines.iter().enumerate() {
                let is_open = line.contains("select! {");
                let is_biased = lines.get(number + 1).is_some_and(|next| next.trim() == "biased;");
                assert!(!is_open || is_biased, "{name}: a select! that is not biased: {line}");
            }
        }
    }
}
