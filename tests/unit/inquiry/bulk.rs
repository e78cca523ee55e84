//! `bulk`: PayU's samples, what may be processed, and what is uploaded.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use smartsend::domain::amount::Amount;
use smartsend::domain::publisher_guard::SigningKey;
use smartsend::inquiry::{FileError, FileShown, NamedFile, NotBegun, guards_bypassed};
use smartsend::payu::wire;

use crate::support::account::merchant;

const SAMPLE: &str = r#"{"status":0,"msg":null,"code":null,"data":{"id":51,"fileName":"onepayu-payout/2023-11-20.xlsx","merchantId":1111312,"displayName":"prizes.xlsx","totalRows":3,"successfulRows":0,"failedRows":0,"status":"REQUESTED","addedOn":"2023-11-20T06:10:37.000+0000","updatedOn":"2023-11-20T06:10:37.000+0000","uploadedBy":"11e8-5a8f-b1f0-6d0a","fileExportId":null,"fileSource":"DASHBOARD_SMART_SEND"}}"#;

fn file(body: &str) -> FileShown {
    FileShown(wire::bulk_file(body.as_bytes()).unwrap())
}

#[test]
fn a_file_is_shown_without_the_user_who_uploaded_it() {
    let sample = file(SAMPLE);
    assert_eq!(
        sample.table(),
        "file id     51\n\
         name        prizes.xlsx\n\
         status      REQUESTED\n\
         rows        3\n\
         successful  0\n\
         failed      0\n\
         uploaded    2023-11-20T06:10:37.000Z\n\
         updated     2023-11-20T06:10:37.000Z\n"
    );
    let shown: Value = serde_json::from_str(&sample.json()).unwrap();
    let expected = json!({
        "id": "51", "displayName": "prizes.xlsx", "status": "REQUESTED", "totalRows": 3,
        "successfulRows": 0, "failedRows": 0, "addedOn": "2023-11-20T06:10:37.000Z",
        "updatedOn": "2023-11-20T06:10:37.000Z",
    });
    assert_eq!(shown, expected);
    for body in [
        r#"{"status":0,"data":null}"#,
        r#"{"status":0,"data":{"id":51,"totalRows":3}}"#,
        r#"{"status":0,"data":{"status":"REQUESTED","totalRows":3}}"#,
        r#"{"status":1,"data":{"id":51,"status":"REQUESTED"}}"#,
    ] {
        assert_eq!(wire::bulk_file(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn only_a_file_that_nobody_processed_with_as_many_rows_may_be_processed() {
    assert!(file(SAMPLE).may_begin(3).is_ok());
    for expected in [0, 2, 4] {
        let why = file(SAMPLE).may_begin(expected).unwrap_err();
        assert!(matches!(why, NotBegun::Rows { counted: Some(3), .. }), "{why}");
        assert!(why.to_string().contains("PayU counts 3 rows"), "{why}");
    }
    for rows in ["null", "\"many\"", "-3", "3.5"] {
        let why = file(&SAMPLE.replace("\"totalRows\":3", &format!("\"totalRows\":{rows}")));
        let why = why.may_begin(3).unwrap_err();
        assert!(why.to_string().contains("PayU counts no rows"), "{why}");
    }
    for status in ["IN_PROGRESS", "COMPLETED", "requested", "FAILED", "?"] {
        let why = file(&SAMPLE.replace("REQUESTED", status)).may_begin(3).unwrap_err();
        assert!(matches!(why, NotBegun::Begun(_)), "{why}");
        assert!(why.to_string().contains("nothing was sent"), "{why}");
        assert!(!why.is_undecided());
    }
}

#[test]
fn a_file_goes_around_the_guards_that_somebody_has_chosen() {
    let mut merchant = merchant("http://127.0.0.1:1/payout", "http://127.0.0.1:1/token");
    assert_eq!(guards_bypassed(&merchant), [""; 0]);
    merchant.spend_limits.per_day = Some(Amount::parse("1000000").unwrap());
    assert_eq!(guards_bypassed(&merchant), ["max_per_day"]);
    merchant.spend_limits.per_hour = merchant.spend_limits.per_day;
    merchant.publisher_guard.publishers.push("refunds".to_owned());
    merchant.publisher_guard.signing_keys.push(SigningKey::new(b"a key of sixteen or more"));
    let all = ["max_per_hour", "max_per_day", "publishers", "signing_keys"];
    assert_eq!(guards_bypassed(&merchant), all);
}

#[test]
fn a_bad_file_is_not_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let read = |name: &str| NamedFile::read(&path(name));
    fs::write(path("a.CSV"), "a").unwrap();
    assert!(read("a.CSV").is_ok());
    fs::write(path("a.txt"), "a").unwrap();
    assert!(matches!(read("a.txt"), Err(FileError::Kind(_))));
    assert!(matches!(NamedFile::read(Path::new("/csv")), Err(FileError::Kind(_))));
    fs::write(path("b.xlsx"), "").unwrap();
    assert!(matches!(read("b.xlsx"), Err(FileError::Empty(_))));
    assert!(matches!(read("c.xls"), Err(FileError::Unreadable { .. })));
    fs::File::create(path("d.csv")).unwrap().set_len((16 << 20) + 1).unwrap();
    let error = read("d.csv").unwrap_err();
    assert!(error.to_string().contains("larger than 16 MiB"), "{error}");
}

#[test]
fn an_upload_is_a_form_whose_boundary_is_not_in_it() {
    let (kind, form) = wire::file_form("a\"\r\nb.csv", b"x,y\r\n--smartsend-\r\n");
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; \
         filename=\"a%22%0D%0Ab.csv\"\r\nContent-Type: text/csv\r\n\r\n\
         x,y\r\n--smartsend-\r\n\r\n--{boundary}--\r\n"
    );
    assert_eq!(String::from_utf8(form).unwrap(), expected);
    assert!(boundary.len() <= 70, "RFC 2046, 5.1.1");
    let (other, _) = wire::file_form("a.csv", b"another");
    assert_ne!(kind, other);
}
