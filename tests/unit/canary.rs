//! Nothing that is logged, printed or shown holds a customer's data, a link or a secret.
//!
//! Every other test is a part of this one: its fixtures are canaries, and what the product says
//! in it is searched for them (see [`crate::support::canary`]). Here it is shown that the search
//! finds; the test target `it` leads one worker through everything that it can say.

use std::ffi::OsStr;
use std::fs;
use std::ops::{Index, RangeTo};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use smartsend::config::Config;
use smartsend::telemetry::panics;

use crate::support::canary::{self, MOST_VERBOSE};
use crate::support::child;

/// Which leak a child is to have.
const LEAK: &str = "SMARTSEND_TEST_LEAK";

/// Panics within the standard library, with a customer's name in the text.
fn cut_a_name_within_a_character() {
    let cut: fn(&'static str, RangeTo<usize>) -> &'static str = str::index;
    cut("éAsha Rao", ..1);
}

#[tokio::test]
async fn a_leak_ends_the_test_run() {
    const TEST: &str = "canary::a_leak_ends_the_test_run";
    if !child::is_child() {
        for (leak, is_found) in [
            ("none", false),
            ("line of another crate", false), // silenced by the product's own filter
            ("line", true),
            ("panic", true),
            ("page", true),
        ] {
            let output = child::output(TEST, &[(LEAK, OsStr::new(leak))]).await;
            let stderr = String::from_utf8_lossy(&output.stderr);
            let aborted = output.status.signal() == Some(6);
            assert_eq!(
                (aborted, stderr.contains("LEAK: ")),
                (is_found, is_found),
                "{leak}: {stderr}"
            );
            assert_eq!(output.status.success(), !is_found, "{leak}: {stderr}");
        }
        return;
    }
    canary::watch();
    let leak = std::env::var_os(LEAK).unwrap();
    if leak == "line" {
        tracing::trace!(target: "smartsend::worker", "to {}", canary::NAME.to_uppercase());
    } else if leak == "line of another crate" {
        tracing::debug!(target: "hyper::proto", "for {}", canary::NAME);
    } else if leak == "panic" {
        std::thread::spawn(cut_a_name_within_a_character).join().unwrap_err();
    } else if leak == "page" {
        canary::check("/metrics", b"{customer=\"Asha%20Rao\"} 1");
    }
}

#[tokio::test]
async fn a_panic_of_the_binary_shows_its_place_and_not_its_text() {
    const TEST: &str = "canary::a_panic_of_the_binary_shows_its_place_and_not_its_text";
    if !child::is_child() {
        let output = child::output(TEST, &[("RUST_BACKTRACE", OsStr::new("1"))]).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(
            stderr.contains("smartsend panicked at ") && stderr.contains("str/traits.rs"),
            "{stderr}"
        );
        assert!(stderr.contains("cut_a_name_within_a_character"), "no backtrace: {stderr}");
        assert_eq!(canary::leak_in(stderr.as_bytes()), None, "{stderr}");
        // The binary does the same, before anything else.
        let main = include_str!("../../src/main.rs");
        let begun = main.split("-> ExitCode {").nth(1).unwrap().trim_start();
        assert!(begun.starts_with("panics::withhold_texts();"), "{main}");
        return;
    }
    panics::withhold_texts();
    std::thread::spawn(cut_a_name_within_a_character).join().unwrap_err();
}

#[test]
fn no_configuration_shows_more_than_what_the_tests_show() {
    let at = |level: &str| {
        let text = format!(
            "[log]\nlevel = \"{level}\"\n[merchants.default]\npayout_merchant_id = \"1\"\n\
             api = \"v1\"\nclient_id = \"c\"\nclient_secret = \"s\"\nrate_per_second = 1\n\
             max_amount = \"1.00\"\n"
        );
        Config::parse(&text, std::iter::empty(), &|_| Ok(String::new()))
    };
    assert!(at(MOST_VERBOSE).is_ok());
    for target in ["lapin", "hyper", "hyper_util", "reqwest", "rustls", "smartsendx", "a::b"] {
        for level in ["debug", "trace"] {
            assert!(at(&format!("info,{target}={level}")).is_err(), "{target}={level}");
        }
    }
    for filter in ["hyper", "[{intent}]=trace", "hyper[{x}]=trace", "=trace", "TRACE"] {
        assert!(at(filter).is_err(), "{filter}");
    }
}

#[test]
fn whatever_runs_the_binary_lets_its_output_be_searched() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders =
        ["tests/unit", "tests/it", "tests/support"].map(|name| root.join(name)).to_vec();
    let mut runs = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            if text.contains("CARGO_BIN_EXE_smartsend") {
                runs += 1;
                assert!(text.contains("canary::check"), "{} looks for no leak", path.display());
            }
        }
    }
    assert!(runs >= 5);
}

#[test]
fn a_canary_is_found_however_it_is_written() {
    for text in [
        "custMobile=9999999999",
        "+919999999999,",
        "ASHA@EXAMPLE.COM",
        "custEmail=asha%40example.com",
        "client_secret=s3cr%3Dt+%26+more",
        "at https://payumoney.com/smartPay?id=x",
    ] {
        assert!(canary::leak_in(text.as_bytes()).is_some(), "{text}");
    }
    for text in ["0.00011081599999999999", "0.9999999999", "99999999990", "asha", "a"] {
        assert_eq!(canary::leak_in(text.as_bytes()), None, "{text}");
    }
}
