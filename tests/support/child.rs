//! Runs one test again in a process of its own, with an environment of its own.

use std::ffi::OsStr;
use std::process::Output;

use tokio::process::Command;

const IN_CHILD: &str = "SMARTSEND_TEST_CHILD";

/// Whether this process is the child.
pub(crate) fn is_child() -> bool {
    std::env::var_os(IN_CHILD).is_some()
}

/// Runs the test of this name in a child, and returns its output.
pub(crate) async fn output(test: &str, environment: &[(&str, &OsStr)]) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(IN_CHILD, "1")
        .envs(environment.iter().copied())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

/// Runs the test of this name in a child, and fails with the child's output if it fails.
pub(crate) async fn run(test: &str, environment: &[(&str, &OsStr)]) {
    let output = output(test, environment).await;
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the child failed:\n{shown}\n{errors}");
    assert!(shown.contains("1 passed"), "the child ran no test named {test}:\n{shown}");
}
