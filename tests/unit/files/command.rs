//! `smartsend submit` before it sends.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::{HEADER, TOML};
use crate::support::canary;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("smartsend.toml"), TOML).unwrap();
        Self(dir)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    /// The program in a session of its own, so that no terminal of a person's is asked.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command.args(["--wait", env!("CARGO_BIN_EXE_smartsend"), "submit"]).args(arguments);
        command
            .current_dir(self.0.path())
            .env_remove("SMARTSEND_CONFIG")
            .env("TMPDIR", self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn submit(&self, arguments: &[&str]) -> (i32, String, String) {
        ended(self.command(arguments).output().unwrap())
    }

    fn submit_from_stdin(&self, arguments: &[&str], text: &str) -> (i32, String, String) {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        ended(child.wait_with_output().unwrap())
    }
}

fn ended(output: Output) -> (i32, String, String) {
    let output = canary::checked(output);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn good() -> String {
    format!("{HEADER}a-1,10.50,Refund,9876543210\na-2,1,Refund,9876543211\n")
}

#[test]
fn a_dry_run_shows_everything_and_sends_nothing() {
    let folder = Folder::new();
    folder.write("pay.csv", good());
    let (code, out, err) = folder.submit(&["pay.csv", "--dry-run"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.starts_with("2 of 2 rows, 11.50 rupees, for the merchant default"), "{out}");
    assert!(out.contains("balance unknown: ") && !out.contains("balance is 0"), "{out}");
    folder.write("pay.csv", good().replace("10.50", "0"));
    for arguments in [&["pay.csv", "--dry-run"][..], &["pay.csv", "--dry-run", "--skip-bad"]] {
        assert_eq!(folder.submit(arguments).0, 1);
    }
}

#[test]
fn without_a_terminal_somebody_has_to_have_said_yes() {
    let folder = Folder::new();
    folder.write("pay.csv", good());
    let (code, _, err) = folder.submit(&["pay.csv"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("there is no terminal to ask at; nothing was sent; give --yes"), "{err}");
    let (code, _, err) = folder.submit_from_stdin(&["-"], &good());
    assert_eq!((code, err.contains("there is no terminal to ask at")), (2, true), "{err}");
}

#[test]
fn at_a_terminal_only_yes_is_yes() {
    let folder = Folder::new();
    folder.write("pay.csv", good());
    for (typed, words) in [("y\n", "nothing was sent"), ("yes\n", "cannot connect to RabbitMQ")] {
        let program = env!("CARGO_BIN_EXE_smartsend");
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{program} submit pay.csv"), "/dev/null"]);
        command.current_dir(folder.0.path()).env_remove("SMARTSEND_CONFIG");
        command.env("TMPDIR", folder.0.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        let (code, out, _) = ended(child.wait_with_output().unwrap());
        assert_eq!(code, 1, "{out}");
        assert!(out.contains("Type yes to send them:") && out.contains(words), "{typed:?}: {out}");
    }
}

#[test]
fn standard_input_is_read_as_a_file_is() {
    let folder = Folder::new();
    let (code, out, err) = folder.submit_from_stdin(&["-", "--dry-run"], &good());
    assert_eq!((code, out.starts_with("2 of 2 rows")), (0, true), "{out}{err}");
    let (code, _, err) = folder.submit_from_stdin(&["-", "--yes"], &good().replace("a-2", "a 2"));
    assert_eq!(code, 1);
    assert!(err.contains("the bad rows are in stdin.bad.csv"), "{err}");
    assert!(folder.0.path().join("stdin.bad.csv").exists());
}

#[test]
fn the_same_payment_twice_has_to_be_allowed() {
    let folder = Folder::new();
    folder.write("pay.csv", good().replace("10.50", "1").replace("3211", "3210"));
    let (code, _, err) = folder.submit(&["pay.csv", "--yes"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("rows 2-3: the same customer and amount"), "{err}");
    assert!(err.contains("nothing was sent; if each of them is meant"), "{err}");
    let (code, _, err) = folder.submit(&["pay.csv", "--dry-run", "--allow-repeats"]);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn what_cannot_be_read_is_a_sentence() {
    let folder = Folder::new();
    fs::create_dir(folder.0.path().join("folder")).unwrap();
    folder.write("empty.csv", "");
    folder.write("header.csv", HEADER);
    for (file, words) in [
        ("folder", "it cannot be read: Is a directory"),
        ("none.csv", "it cannot be read: No such file"),
        ("empty.csv", "it is empty"),
        ("header.csv", "there are no rows below the column names"),
    ] {
        let (code, out, err) = folder.submit(&[file, "--yes"]);
        assert_eq!((code, &*out), (1, ""), "{file}: {err}");
        assert!(err.contains(words) && err.contains("nothing was sent"), "{file}: {err}");
    }
    for arguments in [&["pay.csv", "--delimiter", "ab"][..], &["pay.csv", "--map", "a=b"]] {
        assert_eq!(folder.submit(arguments).0, 2);
    }
}

#[test]
fn a_full_disk_is_a_sentence() {
    let folder = Folder::new();
    folder.write("pay.csv", good());
    let limited = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} submit pay.csv --yes",
        env!("CARGO_BIN_EXE_smartsend")
    );
    let mut command = Command::new("sh");
    command.args(["-c", &limited]).current_dir(folder.0.path()).env("TMPDIR", folder.0.path());
    let (code, _, err) = ended(command.stdin(Stdio::null()).output().unwrap());
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("its rows cannot be kept in a temporary file: File too large"), "{err}");
    assert!(err.ends_with("nothing was sent\n"), "{err}");
}

#[test]
fn a_fifo_is_read_once_and_that_is_enough() {
    let folder = Folder::new();
    let path = folder.0.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let child = folder.command(&["pipe", "--dry-run"]).spawn().unwrap();
    fs::write(&path, good().replace("a-2", "a-1")).unwrap();
    let (code, _, err) = ended(child.wait_with_output().unwrap());
    assert_eq!(code, 1);
    assert!(err.contains("row 2: merchantRefId is the same as in row 3"), "{err}");
}

#[test]
fn json_has_the_preview_whatever_comes_of_it() {
    let folder = Folder::new();
    folder.write("pay.csv", good());
    let (code, out, _) = folder.submit(&["pay.csv", "--dry-run", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["preview"]["rows"], &json["summary"]), (0, &2.into(), &().into()));
    folder.write("pay.csv", good().replace("10.50", "0"));
    let (code, out, err) = folder.submit(&["pay.csv", "--yes", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["preview"]["badFile"]), (1, &"pay.bad.csv".into()), "{err}");
}
