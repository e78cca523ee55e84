//! The fuzz targets' seeds, replayed without a fuzzer: what was found once is checked in every run.

#[path = "../fuzz/check/answer.rs"]
mod answer;
#[path = "../fuzz/check/config.rs"]
mod config;
#[path = "../fuzz/check/envelope.rs"]
mod envelope;
#[path = "../fuzz/check/intent.rs"]
mod intent;
#[path = "../fuzz/check/record.rs"]
mod record;
#[path = "../fuzz/check/retry_after.rs"]
mod retry_after;

mod shaken;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Checks one input, and panics where it breaks something.
type Check = fn(&[u8]);

/// Every target and its check.
const TARGETS: [(&str, Check); 6] = [
    ("answer", answer::check),
    ("config", config::check),
    ("envelope", envelope::check),
    ("intent", intent::check),
    ("record", record::check),
    ("retry_after", retry_after::check),
];

/// How many seeds a target may have, and how many bytes in all: they are read by people too.
const SEEDS_MAX: usize = 60;
const SEEDS_SIZE_MAX: usize = 60 * 1024;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz").join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_target_has_seeds_and_every_seed_passes_its_check() {
    for (target, check) in TARGETS {
        let seeds = files(&folder("seeds").join(target));
        assert!(!seeds.is_empty(), "{target} has no seeds");
        assert!(seeds.len() <= SEEDS_MAX, "{target} has {} seeds", seeds.len());
        let mut size = 0;
        for seed in seeds {
            let data = fs::read(&seed).unwrap();
            size += data.len();
            assert!(catch_unwind(|| check(&data)).is_ok(), "{} fails", seed.display());
        }
        assert!(size <= SEEDS_SIZE_MAX, "the seeds of {target} have {size} bytes");
    }
}

/// The names of settings are shown in lower case, so the mark that is looked for can come of one.
#[test]
fn a_mark_in_the_name_of_a_setting_is_no_secret() {
    config::check(b"SMARTSEND_BROKER__CANARY7F3A=1\n---\n");
}

#[test]
fn every_target_that_is_fuzzed_is_replayed_here() {
    let replayed: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for part in ["targets", "check", "seeds"] {
        let stem = |file: PathBuf| file.file_stem().unwrap().to_str().unwrap().to_owned();
        let there: BTreeSet<String> = files(&folder(part)).into_iter().map(stem).collect();
        assert_eq!(there, replayed, "{part}");
    }
}
