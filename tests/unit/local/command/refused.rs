//! What cannot be paid gets a sentence; nothing is sent, and nothing is lost.

use std::os::unix::fs::symlink;
use std::thread;

use super::*;

const STORE: &str = "pay.sandbox.smartsend.db";

/// Runs the command, and expects it to refuse with this sentence, and to say that nothing was sent.
fn assert_refused(folder: &TempDir, file: &str, sentence: &str) {
    let output = command(folder, &[file, "--sandbox"]).output().unwrap();
    let said = said(&canary::checked(output));
    assert!(said.contains(sentence), "{file}: {said}");
    assert!(said.ends_with("nothing was sent\n"), "{file}: {said}");
}

/// A folder in which the rows of `pay.csv` have ended.
fn paid() -> TempDir {
    let folder = folder(&GOOD);
    assert_eq!(batch(&folder, &["--sandbox"]).status.code(), Some(0));
    folder
}

fn assert_all_ended(folder: &TempDir) {
    let output = batch(folder, &["--sandbox"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("3 rows, 121.75 rupees, have ended before"));
}

fn change(folder: &TempDir, sql: &str) {
    let store = rusqlite::Connection::open(folder.path().join(STORE)).unwrap();
    store.execute_batch(sql).unwrap();
}

#[test]
fn a_path_without_rows() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("folder.csv")).unwrap();
    fs::write(folder.path().join("names.csv"), HEADER).unwrap();
    fs::write(folder.path().join("empty.csv"), "").unwrap();
    let refusals = [
        ("folder.csv", "folder.csv: it cannot be read: Is a directory"),
        ("none.csv", "none.csv: it cannot be read: No such file or directory"),
        ("empty.csv", "empty.csv: it is empty; its first row must name the columns"),
        ("names.csv", "there are no rows below the column names"),
    ];
    for (file, sentence) in refusals {
        assert_refused(&folder, file, sentence);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing was written");
}

#[test]
fn a_fifo_is_paid_as_often_as_it_is_filled_and_each_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("pay.csv");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for already in [false, true] {
        let (fifo, text) = (fifo.clone(), [HEADER, GOOD[0], GOOD[1]].join("\n"));
        let writing = thread::spawn(move || fs::write(fifo, text).unwrap());
        let output = batch(&folder, &["--sandbox"]);
        writing.join().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        assert_eq!(printed(&output).contains("already     2"), already, "{}", printed(&output));
        assert_eq!(results(&folder, "pay.sandbox.results.csv").len(), 2);
    }
}

#[test]
fn a_store_of_an_older_version() {
    let folder = paid();
    change(&folder, "PRAGMA user_version = 0");
    let sentence = "pay.sandbox.smartsend.db was written by another version of smartsend (format 0; \
                    this one reads 1); go on with that version";
    assert_refused(&folder, "pay.csv", sentence);
    change(&folder, "PRAGMA user_version = 1");
    assert_all_ended(&folder);
}

#[test]
fn a_store_of_another_merchant() {
    let folder = paid();
    change(&folder, "UPDATE meta SET value = 'acme' WHERE name = 'merchant'");
    let sentence = "pay.sandbox.smartsend.db belongs to the merchant acme, and this run is for \
                    sandbox; its rows are not known to another one, so copy the input file under a \
                    new name and run that";
    assert_refused(&folder, "pay.csv", sentence);
    change(&folder, "UPDATE meta SET value = 'sandbox' WHERE name = 'merchant'");
    assert_all_ended(&folder);
}

#[test]
fn a_store_that_is_locked() {
    let folder = paid();
    let other = rusqlite::Connection::open(folder.path().join(STORE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sentence = "pay.sandbox.smartsend.db is in use by another process; wait for that one to end, \
                    or stop it; this one has sent nothing";
    let output = batch(&folder, &["--sandbox"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(sentence), "{}", said(&output));
    drop(other);
    assert_all_ended(&folder);
}

#[test]
fn what_stands_in_the_place_of_a_store() {
    let place = |folder: &TempDir| folder.path().join(STORE);
    let text = folder(&GOOD);
    fs::write(place(&text), "merchantRefId,amount\n".repeat(100)).unwrap();
    let not_ours = "pay.sandbox.smartsend.db was not written by smartsend batch; move it away";
    assert_refused(&text, "pay.csv", not_ours);
    let directory = folder(&GOOD);
    fs::create_dir(place(&directory)).unwrap();
    assert_refused(&directory, "pay.csv", "cannot use pay.sandbox.smartsend.db: ");
    let full = folder(&GOOD);
    symlink("/dev/full", place(&full)).unwrap();
    assert_refused(&full, "pay.csv", "cannot use pay.sandbox.smartsend.db: ");
}

/// A limit on the size of files stands for a disk that is full before all rows are in the store.
#[test]
fn a_store_with_no_room_for_the_rows() {
    let rows: Vec<_> = (0..3000)
        .map(|row| format!("a{row},1.00,Refund,Asha,{}", 6_000_000_000_u64 + row))
        .collect();
    let folder = folder(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let limited = |kib: u32| {
        let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$@\"");
        let mut command = Command::new("bash");
        command.args(["-c", &script, "bash", env!("CARGO_BIN_EXE_smartsend"), "batch", "pay.csv"]);
        command.arg("--sandbox").current_dir(folder.path());
        command.env_clear().env("TMPDIR", folder.path());
        said(&canary::checked(command.stdin(Stdio::null()).output().unwrap()))
    };
    let said = limited(16);
    assert!(said.contains("its rows cannot be kept in a temporary file: File too large"), "{said}");
    let said = limited(750);
    let sentence = "cannot use pay.sandbox.smartsend.db: disk I/O error; nothing was sent";
    assert!(said.contains(sentence), "{said}");
    assert!(!folder.path().join("pay.sandbox.results.csv").exists());
    let output = batch(&folder, &["--sandbox", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["summary"]["created"]["rows"], 3000, "{json}");
}
