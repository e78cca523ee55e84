//! What is no good file is told by row and column, and nothing of it is sent.

use super::ground::{Ground, QUEUE};

const HEADER: &str =
    "merchantRefId,amount,description,custName,custMobile,custEmail,metadata.order";

/// A folder in which no broker is needed, because no file gets so far.
fn offline() -> Ground {
    Ground::at("amqp://guest:guest@127.0.0.1:1/%2f", "", &["default"], "http://127.0.0.1:1")
}

async fn refused(text: &str) -> String {
    let ground = offline();
    ground.write("pay.csv", text);
    let told = ground.submit(&["pay.csv"]).await;
    assert_eq!((told.code, told.out.as_str()), (1, ""), "{told:?}");
    assert!(told.err.contains("nothing was sent"), "{told:?}");
    told.err
}

async fn refused_rows(rows: &str) -> Vec<String> {
    let err = refused(&format!("{HEADER}\n{rows}")).await;
    err.lines().filter(|line| line.starts_with("row ")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_cell_is_reported_and_nothing_is_sent() {
    let ground = Ground::with(&["default"]).await;
    let long = "x".repeat(257);
    ground.write(
        "pay.csv",
        &format!(
            "{HEADER}\n\
             good-1,100.50,Refund,Asha Rao,9999999999,asha@example.com,1\n\
             bad 2,1e2,Refund,,9999999999,,\n\
             bad-3,1000.01,Refund,,9999999999,,\n\
             bad-4,5,,Asha Rao,12345,not-asha@,{long}\n\
             bad-5,5,Refund,,,,\n"
        ),
    );
    let told = ground.submit(&["pay.csv"]).await;
    let rows: Vec<_> = told.err.lines().collect();
    let reference = "merchantRefId may contain only letters, digits, '_' and '-'";
    let expected = [
        &*format!("row 3: {reference}"),
        "row 3: amount must be digits with at most two decimals, such as 100.50",
        "row 4: amount is above the merchant's max_amount, 1000.00",
        "row 5: description is missing",
        "row 5: custMobile must be 10 digits, with or without +91 before them",
        "row 5: custEmail must be one e-mail address, such as name@example.com",
        "row 5: metadata.order must have values of at most 256 characters",
        "row 6: custMobile or custEmail is needed: at least one of them",
        "4 of 5 rows are bad: nothing was sent; correct them, or send only the good rows with --skip-bad",
    ];
    assert_eq!(rows, expected);
    assert_eq!(told.code, 1);
    assert!(!told.err.contains("not-asha") && !told.err.contains("12345"));
    assert_eq!(ground.depth(QUEUE).await, 0);
}

#[tokio::test]
async fn rows_are_numbered_as_a_spreadsheet_shows_them() {
    let told = refused_rows(
        "a-1,1,\"two\r\nlines\",,9999999999,,\"a\nb\nc\"\r\n\r\n\na-2,x,Refund,,9999999999,,\n,,,,,,\n\n",
    )
    .await;
    let control = "row 2: description must not contain control characters";
    let amount = "row 5: amount must be digits with at most two decimals, such as 100.50";
    assert_eq!(told, [control, amount]);
}

#[tokio::test]
async fn a_reference_that_stands_twice_is_bad_both_times() {
    let told = refused_rows(
        "a-1,1,Refund,,9999999999,,\na-2,1,Refund,,9999999999,,\na-1,2,Refund,,9999999999,,\n",
    )
    .await;
    assert_eq!(
        told,
        [
            "row 2: merchantRefId is the same as in row 4",
            "row 4: merchantRefId is the same as in row 2"
        ]
    );
}

#[tokio::test]
async fn a_quotation_mark_without_its_partner_swallows_no_row_in_silence() {
    let told = refused_rows("a-1,1,Refund,,9999999999,,\"open\na-2,1,Refund,,9999999999,,\n").await;
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("row 2: has a quotation mark without its partner"), "{told:?}");
}

#[tokio::test]
async fn a_row_that_is_not_as_wide_as_the_header_is_bad() {
    let told = refused_rows("a-1,1,Refund, again,,9999999999,,\na-2,1,Refund\n").await;
    assert!(told[0].starts_with("row 2: has 8 cells, but the header has 7"), "{told:?}");
    assert!(told[1].starts_with("row 3: has 3 cells, but the header has 7"), "{told:?}");
}

#[tokio::test]
async fn columns_that_mean_nothing_or_two_things_are_reported_at_once() {
    let err = refused("merchantRefId,amount,custemail,amount,colour,9876543210\na,1,,1,,\n").await;
    for expected in [
        "column C is not a field of an intent; write custEmail",
        "columns B and D are both amount",
        "column E, colour, is not a field of an intent",
        "column F is not a field of an intent",
        "the column description is missing",
    ] {
        assert!(err.lines().any(|line| line.ends_with(expected)), "{expected} is not in {err}");
    }
    assert!(!err.contains("9876543210"), "a header can be a person's data: {err}");
}

#[tokio::test]
async fn a_file_without_a_header_shows_none_of_its_cells() {
    let err = refused("a-1,10.00,Refund,Asha\n").await;
    assert!(err.contains("the first row must name the columns") && !err.contains("Asha"), "{err}");
}

#[tokio::test]
async fn a_file_in_another_form_says_how_to_save_it() {
    let err = refused("merchantRefId;amount;description\na;1;b\n").await;
    assert!(err.contains("not separated by commas"), "{err}");
    assert!(refused("").await.contains("it is empty"));
    let ground = offline();
    std::fs::write(ground.path("pay.csv"), b"merchantRefId,amount\na,1\nb,\xe9\n").unwrap();
    let told = ground.submit(&["pay.csv"]).await;
    assert_eq!(told.code, 1);
    assert!(told.err.contains("line 3 is not UTF-8; save the file as \"CSV UTF-8\""), "{told:?}");
}

#[tokio::test]
async fn a_field_of_v2_is_refused_for_v1_as_the_worker_would() {
    let err = refused(
        "merchantRefId,amount,description,custMobile,disableApprovalFlow\n\
         a-1,1,Refund,9999999999,TRUE\na-2,1,Refund,9999999999,\n",
    )
    .await;
    let rows: Vec<_> = err.lines().filter(|line| line.starts_with("row ")).collect();
    assert_eq!(rows, ["row 2: disableApprovalFlow is only for merchants with api = \"v2\""]);
}
