//! Bulk files: uploaded, processed, asked about.

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{MERCHANT, Stage, is_payu_date, order, read};

const UPLOAD: &str = "/payout/v2/smartSend/bulkUpload/transfers";
const STATUS: &str = "/payout/v2/bulkUpload/transfers";
/// Two good rows, one without a payee, and one with a reference that the first has.
const ROWS: &str = "merchantRefId,amount,custMobile,custName,description\n\
    row-1,10.00,9999999999,\"Asha, R\",prize\n\
    row-2,20,9999999998,Ben,prize\n\
    row-3,30,,Chitra,prize\n\
    row-1,40,9999999997,Dev,prize\n";

fn upload(stage: &Stage, part: &str, name: &str, content: &str) -> RequestBuilder {
    let body = format!(
        "--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nnothing\r\n--xyz\r\n\
         Content-Disposition: form-data; name=\"{part}\"; filename=\"{name}\"\r\n\
         Content-Type: text/csv\r\n\r\n{content}\r\n--xyz--\r\n"
    );
    let request = stage.http.post(stage.url(UPLOAD)).bearer_auth(&stage.token);
    let kind = "multipart/form-data; boundary=xyz";
    request.header("pid", MERCHANT).header("content-type", kind).body(body)
}

async fn uploaded(stage: &Stage) -> Value {
    read(upload(stage, "file", "rows.csv", ROWS).send().await.unwrap()).await.1
}

async fn process(stage: &Stage, path: &str) -> (StatusCode, Value) {
    let request = stage.http.put(stage.url(path)).bearer_auth(&stage.token);
    read(request.header("pid", MERCHANT).send().await.unwrap()).await
}

async fn status(stage: &Stage, path: &str) -> (StatusCode, Value) {
    let request = stage.http.get(stage.url(path)).bearer_auth(&stage.token);
    read(request.header("pid", MERCHANT).send().await.unwrap()).await
}

#[tokio::test]
async fn a_file_goes_through_payu_s_three_samples() {
    let stage = Stage::new().await;
    let sample = |status: &str, export: Value, successful: u64, failed: u64| {
        json!({"status": 0, "msg": null, "code": null, "data": {
            "id": 1, "merchantId": 1_111_111, "displayName": "rows.csv", "totalRows": 4,
            "successfulRows": successful, "failedRows": failed, "status": status,
            "fileExportId": export, "fileSource": "DASHBOARD_SMART_SEND"}})
    };
    let stripped = |mut body: Value| {
        let data = body["data"].as_object_mut().unwrap();
        let name = data.remove("fileName").unwrap();
        assert_eq!(name.as_str().unwrap().rsplit_once('.').unwrap().1, "csv", "{name}");
        assert!(data.remove("uploadedBy").unwrap().as_str().unwrap().starts_with("11e8-5a8f-"));
        for name in ["addedOn", "updatedOn"] {
            assert!(is_payu_date(&data.remove(name).unwrap()), "{name}");
        }
        body
    };
    assert_eq!(stripped(uploaded(&stage).await), sample("REQUESTED", json!(null), 0, 0));
    assert!(stage.sandbox.ledger().links.is_empty(), "an upload makes no links");
    let begun = process(&stage, &format!("{UPLOAD}/1")).await.1;
    assert_eq!(stripped(begun), sample("IN_PROGRESS", json!(26_002), 0, 0));
    let running = status(&stage, &format!("{STATUS}/1")).await.1;
    assert_eq!(running["data"]["status"], "IN_PROGRESS");
    stage.set_faults(&json!({"bulk": {"takes_ms": 0}}));
    let ended = status(&stage, &format!("{STATUS}/1")).await.1;
    assert_eq!(stripped(ended), sample("COMPLETED", json!(26_002), 2, 2));
    let ledger = stage.sandbox.ledger();
    let made = ledger.links.iter().map(|link| (&*link.reference, link.amount.as_str()));
    assert_eq!(made.collect::<Vec<_>>(), [("row-1", "10.00"), ("row-2", "20.00")]);
    assert_eq!((stage.messages("row-1"), stage.messages("row-2")), (1, 1));
    assert_eq!(stage.lookup("row-1").await.1["data"]["custName"], "Asha, R");
}

#[tokio::test]
async fn a_file_takes_its_time_in_the_time_of_links() {
    let stage = Stage::faulty(&json!({"life": {"speed": 100_000_000_000_u64}})).await;
    uploaded(&stage).await;
    process(&stage, &format!("{UPLOAD}/1")).await;
    let ended = status(&stage, &format!("{STATUS}/1")).await.1;
    assert_eq!(ended["data"]["status"], "COMPLETED");
}

#[tokio::test]
async fn a_file_that_is_processed_again_makes_nothing_more() {
    let stage = Stage::faulty(&json!({"naive": true, "bulk": {"takes_ms": 0}})).await;
    uploaded(&stage).await;
    for _ in 0..2 {
        let body = process(&stage, &format!("{UPLOAD}/1")).await.1;
        assert_eq!(body["data"]["successfulRows"], 3, "{body}");
    }
    assert_eq!(stage.sandbox.summary().links, 3);
}

#[tokio::test]
async fn the_answer_to_a_file_that_is_processed_can_be_lost() {
    for (fault, links) in [("lost_before", 0), ("lost_after", 2)] {
        let stage = Stage::faulty(&json!({"bulk_faults": {fault: 1.0}})).await;
        uploaded(&stage).await;
        let request = stage.http.put(stage.url(&format!("{UPLOAD}/1"))).bearer_auth(&stage.token);
        assert!(request.header("pid", MERCHANT).send().await.is_err());
        assert_eq!(stage.sandbox.summary().links, links);
        let becomes = if links == 0 { "REQUESTED" } else { "IN_PROGRESS" };
        let read = status(&stage, &format!("{STATUS}/1")).await.1;
        assert_eq!(read["data"]["status"], becomes);
        assert_eq!(stage.create(&order("order-1")).await.1["status"], 0);
    }
}

#[tokio::test]
async fn the_id_of_a_file_is_looked_for_where_the_setting_says() {
    let stage = Stage::new().await;
    uploaded(&stage).await;
    assert_eq!(process(&stage, &format!("{UPLOAD}?fileId=1")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(status(&stage, &format!("{STATUS}/9")).await.1["status"], 1);
    stage.set_faults(&json!({"bulk": {"file_id_in": "query"}}));
    assert_eq!(process(&stage, &format!("{UPLOAD}/1")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(stage.sandbox.summary().links, 0);
    let begun = process(&stage, &format!("{UPLOAD}?fileId=1")).await.1;
    assert_eq!(begun["data"]["status"], "IN_PROGRESS");
    let running = status(&stage, &format!("{STATUS}?fileId=1")).await.1;
    assert_eq!(running["data"]["status"], "IN_PROGRESS");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_says_why() {
    let stage = Stage::new().await;
    let missing = upload(&stage, "sheet", "rows.csv", ROWS).send().await.unwrap();
    assert_eq!(read(missing).await.0, StatusCode::BAD_REQUEST);
    for (name, content, word) in [
        ("rows.xlsx", ROWS, "Only .csv"),
        ("rows.csv", "reference\nrow-1\n", "merchantRefId, amount"),
        ("rows.csv", "amount,custMobile\n1\n", "line"),
    ] {
        let body = read(upload(&stage, "file", name, content).send().await.unwrap()).await.1;
        assert_eq!(body["status"], 1);
        assert!(body["msg"].as_str().unwrap().contains(word), "{body}");
    }
    let stranger = stage.http.post(stage.url(UPLOAD)).header("pid", MERCHANT);
    assert_eq!(stranger.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}
