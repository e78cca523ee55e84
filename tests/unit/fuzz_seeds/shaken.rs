//! The seeds, shaken: bytes changed, cut, repeated and crossed at random. It finds less than a
//! fuzzer, which sees what an input reaches; but it runs everywhere, and in every run of the tests.

use std::fs;
use std::panic::catch_unwind;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{TARGETS, files, folder};
use crate::support::proof;

/// What has a meaning somewhere, and is seldom hit by chance.
const TOKENS: [&[u8]; 28] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b".",
    b"0",
    b"-1",
    b"1e9",
    b"null",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\xc3\xa9",
    b"\n",
    b"\r\n",
    b"=",
    b"@",
    b"/",
    b"%2f",
    b"#",
    b" ",
    b"\0",
    b"9999999999999999999",
    b"2026-11-25T18:30:00Z",
    b"https://payu.in/",
];

#[test]
fn a_shaken_seed_passes_its_check_too() {
    let shakes = proof::size("SMARTSEND_FUZZ_SHAKES", 2_000);
    let seed = proof::size("SMARTSEND_FUZZ_SEED", 1);
    for (target, check) in TARGETS {
        let seeds: Vec<Vec<u8>> = files(&folder("seeds").join(target))
            .iter()
            .map(|file| fs::read(file).unwrap())
            .collect();
        let mut dice = StdRng::seed_from_u64(seed);
        for shake in 0..shakes {
            let input = shaken(&seeds, &mut dice);
            assert!(
                catch_unwind(|| check(&input)).is_ok(),
                "{target}: shake {shake} of SMARTSEND_FUZZ_SEED={seed} fails: \"{}\"",
                input.escape_ascii()
            );
        }
        let layer = format!("fuzz, shaken seeds: {target}");
        let seeds = format!("SMARTSEND_FUZZ_SEED={seed}");
        proof::Row { layer, runs: shakes, unit: "inputs", seeds, ..proof::Row::default() }.show();
    }
}

fn shaken(seeds: &[Vec<u8>], dice: &mut StdRng) -> Vec<u8> {
    let mut input = seeds[dice.random_range(0..seeds.len())].clone();
    for _ in 0..dice.random_range(1..=6) {
        let at = dice.random_range(0..=input.len());
        let end = (at + dice.random_range(0..=8)).min(input.len());
        match dice.random_range(0..7) {
            0 => drop(input.drain(at..end)),
            1 => input.insert(at, dice.random()),
            2 => drop(input.splice(at..at, TOKENS[dice.random_range(0..TOKENS.len())].to_vec())),
            3 => drop(input.splice(at..end, TOKENS[dice.random_range(0..TOKENS.len())].to_vec())),
            4 => input.extend_from_within(at..end),
            5 => {
                let other = &seeds[dice.random_range(0..seeds.len())];
                let from = dice.random_range(0..=other.len());
                let to = dice.random_range(from..=other.len());
                drop(input.splice(at..end, other[from..to].to_vec()));
            }
            _ => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << dice.random_range(0..8);
                }
            }
        }
    }
    input
}
