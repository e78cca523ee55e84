//! The file itself: who may read it, who may open it, and what a changed input file means.

use std::os::unix::fs::PermissionsExt;

use smartsend::local::{AccountLock, AccountLockError, Standing};

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn only_its_owner_can_read_it_and_what_sqlite_puts_beside_it() {
    let ground = Ground::with_rows(1);
    let mut bench = ground.work(1);
    let _delivery = bench.next().await;
    let mut files: Vec<_> = fs::read_dir(ground.folder.path()).unwrap().flatten().collect();
    files.sort_by_key(|file| file.file_name());
    assert_eq!(files.len(), 2, "the file and its WAL: {files:?}");
    for file in files {
        assert_eq!(mode(&file.path()), 0o600, "{file:?}");
    }
}

#[test]
fn one_process_has_it_at_a_time() {
    let ground = Ground::with_rows(1);
    let held = ground.open();
    let error = ground.try_open().unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    drop(held);
    ground.open();
}

#[test]
fn an_account_is_locked_once() {
    let account = format!("test-{}", std::process::id());
    let held = AccountLock::take(&account).unwrap();
    let error = AccountLock::take(&account).unwrap_err();
    assert!(matches!(error, AccountLockError::Taken { .. }), "{error}");
    drop(held);
    AccountLock::take(&account).unwrap();
    fs::remove_file(std::env::temp_dir().join(format!("smartsend-{account}.batch.lock"))).unwrap();
}

#[test]
fn it_belongs_to_one_account_api_and_merchant() {
    let ground = Ground::with_rows(1);
    let mut others = [owner(), owner(), owner()];
    others[0].account.payout_merchant_id = "1111313".to_owned();
    others[1].account.api = Api::V2;
    others[2].merchant = "acme".to_owned();
    for (other, what) in others.iter().zip(["account", "api", "merchant"]) {
        let error = Store::open(&ground.path(), other).unwrap_err();
        assert!(error.to_string().contains(&format!("belongs to the {what}")), "{error}");
        assert!(error.to_string().contains("nothing was sent"), "{error}");
    }
    ground.open();
}

#[test]
fn what_smartsend_has_not_written_is_left_alone() {
    let ground = Ground::new();
    fs::write(ground.path(), "merchantRefId,amount\n".repeat(100)).unwrap();
    let error = ground.try_open().unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");

    let ground = Ground::new();
    let other = rusqlite::Connection::open(ground.path()).unwrap();
    other.execute_batch("CREATE TABLE t (a)").unwrap();
    drop(other);
    let before = fs::read(ground.path()).unwrap();
    let error = ground.try_open().unwrap_err();
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    let tables = |path: &Path| {
        let other = rusqlite::Connection::open(path).unwrap();
        let count = "SELECT count(*) FROM sqlite_schema";
        other.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(tables(&ground.path()), 1);
    assert!(!before.is_empty());

    let ground = Ground::new();
    fs::create_dir(ground.path()).unwrap();
    assert!(ground.try_open().unwrap_err().to_string().contains("nothing was sent"));
}

#[test]
fn a_file_of_another_version_is_not_touched() {
    let ground = Ground::with_rows(1);
    for version in [0, 2] {
        let other = rusqlite::Connection::open(ground.path()).unwrap();
        other.pragma_update(None, "user_version", version).unwrap();
        drop(other);
        let error = ground.try_open().unwrap_err();
        assert!(matches!(error, OpenError::Version { found, .. } if found == version), "{error}");
    }
}

#[test]
fn a_process_that_was_killed_while_it_made_the_file_is_no_obstacle() {
    let ground = Ground::new();
    fs::write(ground.path(), "").unwrap();
    let mut store = ground.open();
    assert_eq!(place(&mut store, [(2, body("a1"))]), [Placed::Open]);
}

#[tokio::test]
async fn the_same_file_is_taken_in_as_often_as_one_likes() {
    let ground = Ground::with_rows(3);
    let mut bench = ground.work(1);
    bench.end_next(EventKind::Created).await;
    bench.end_next(EventKind::Unresolved).await;
    let mut store = bench.close().await;
    let rows = || (1..=3).map(|number| (number + 10, body(&name(number))));
    assert_eq!(place(&mut store, rows()), [Placed::Ended, Placed::Ended, Placed::Open]);
    let numbers: Vec<_> = report(&store).iter().map(|row| row.number).collect();
    assert_eq!(numbers, [11, 12, 13]);
    assert_eq!(place(&mut store, rows()), [Placed::Ended, Placed::Ended, Placed::Open]);
}

#[tokio::test]
async fn a_row_may_say_something_else_until_it_was_claimed() {
    let other = |reference: &str| body(reference).replace("100.50", "100.51");
    let ground = Ground::with_rows(2);
    let mut store = ground.open();
    let rows = [(1, other("a1")), (2, body("a2"))];
    assert_eq!(place(&mut store, rows.clone()), [Placed::Open, Placed::Open]);
    let mut bench = Bench::start(store, &ManualClock::new(), 1);
    let delivery = bench.next().await;
    assert_eq!(delivery.delivered().body, other("a1"));
    drop(delivery);
    let mut store = bench.close().await;
    assert_eq!(
        place(&mut store, [(1, body("a1")), (2, other("a2"))]),
        [Placed::Contradicts, Placed::Open]
    );
    assert_eq!(report(&store).len(), 1, "a contradicting row has no place");
    // What is not part of the payout's identity may differ, and the row goes on as it was.
    let same = other("a1").replace("Asha", "A.");
    assert_eq!(place(&mut store, [(1, same)]), [Placed::Open]);
    let mut bench = Bench::start(store, &ManualClock::new(), 1);
    assert_eq!(bench.next().await.delivered().body, other("a1"));
}

#[tokio::test]
async fn what_the_input_file_no_longer_has_is_not_followed() {
    let ground = Ground::with_rows(3);
    let mut bench = ground.work(1);
    drop(bench.next().await);
    let mut store = bench.close().await;
    assert_eq!(store.left_out().unwrap(), []);
    place(&mut store, [(1, body("a3"))]);
    let left_out = store.left_out().unwrap();
    assert_eq!(left_out.len(), 1, "a2 was never claimed");
    assert_eq!(left_out[0].reference.as_str(), "a1");
    assert_eq!(left_out[0].standing, Standing::InDoubt);
    let mut bench = Bench::start(store, &ManualClock::new(), 3);
    assert_eq!(bench.end_next(EventKind::Created).await, "a3");
    let store = bench.close().await;
    assert!(!store.is_open().unwrap());
    assert_eq!(store.find("a1").unwrap(), None);
    assert!(store.find("a3").unwrap().is_some());
}
