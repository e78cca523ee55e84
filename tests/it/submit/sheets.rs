//! The errors of a bad file are reported by row and column, and nothing of it is sent.

use smartsend::actor::Actor;

use super::ground::{Ground, QUEUE};

const HEADER: &str =
    "merchantRefId,amount,description,custName,custMobile,custEmail,metadata.order";

/// A folder for which no broker is needed, because no file gets that far.
fn offline() -> Ground {
    Ground::at("amqp://guest:guest@127.0.0.1:1/%2f", "", &["default"], "http://127.0.0.1:1")
}

async fn refused(text: &str) -> String {
    let ground = offline();
    ground.write("pay.csv", text);
    let ended = ground.submit(&["pay.csv"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{ended:?}");
    assert!(ended.err.contains("nothing was sent"), "{ended:?}");
    ended.err
}

async fn refused_rows(rows: &str) -> Vec<String> {
    let err = refused(&format!("{HEADER}\n{rows}")).await;
    let is_error = |line: &&str| line.starts_with("row") && line.contains(": ");
    err.lines().filter(is_error).map(str::to_owned).collect()
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
    let ended = ground.submit(&["pay.csv"]).await;
    let rows: Vec<_> = ended.err.lines().filter(|line| line.contains("row")).collect();
    let actor = Actor::of_process(None);
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
        "the bad rows are in pay.bad.csv: mend and send them",
        &*format!("1 of 5 rows, 100.50 rupees, for the merchant default (account 0), {actor}"),
        "4 of 5 rows are bad: nothing was sent; correct them, or send only the good rows with --skip-bad",
    ];
    assert_eq!(rows, expected);
    assert_eq!(ended.code, 1);
    assert!(!ended.err.contains("not-asha") && !ended.err.contains("12345"));
    assert_eq!(ground.depth(QUEUE).await, 0);
}

#[tokio::test]
async fn rows_are_numbered_as_a_spreadsheet_shows_them() {
    let errors = refused_rows(
        "a-1,1,\"two\r\nlines\",,9999999999,,\"a\nb\nc\"\r\n\r\n\na-2,x,Refund,,9999999999,,\n,,,,,,\n\n",
    )
    .await;
    let control = "row 2: description must not contain control characters";
    let metadata = "row 2: metadata.order must not have control characters in its values";
    let amount = "row 5: amount must be digits with at most two decimals, such as 100.50";
    assert_eq!(errors, [control, metadata, amount]);
}

#[tokio::test]
async fn a_reference_that_stands_twice_is_bad_both_times() {
    let errors = refused_rows(
        "a-1,1,Refund,,9999999999,,\na-2,1,Refund,,9999999999,,\na-1,2,Refund,,9999999999,,\n",
    )
    .await;
    assert_eq!(
        errors,
        [
            "row 2: merchantRefId is the same as in row 4",
            "row 4: merchantRefId is the same as in row 2"
        ]
    );
}

#[tokio::test]
async fn a_quotation_mark_without_its_partner_swallows_no_row_in_silence() {
    let errors =
        refused_rows("a-1,1,Refund,,9999999999,,\"open\na-2,1,Refund,,9999999999,,\n").await;
    assert_eq!(errors.len(), 1);
    assert!(errors[0].starts_with("row 2: has a quotation mark without its partner"), "{errors:?}");
}

#[tokio::test]
async fn a_row_that_is_not_as_wide_as_the_header_is_bad() {
    let errors = refused_rows("a-1,1,Refund, again,,9999999999,,\na-2,1,Refund\n").await;
    assert!(errors[0].starts_with("row 2: has 8 cells, but the header has 7"), "{errors:?}");
    assert!(errors[1].starts_with("row 3: has 3 cells, but the header has 7"), "{errors:?}");
}

#[tokio::test]
async fn columns_that_mean_nothing_or_two_things_are_reported_at_once() {
    let err = refused("merchantRefId,amount,custemail,amount,colour,9876543210\na,1,,1,,\n").await;
    for expected in [
        "column C differs from custEmail only in case; write custEmail",
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
    assert!(refused("").await.contains("it is empty"));
    let ground = offline();
    std::fs::write(ground.path("pay.csv"), b"merchantRefId,amount\na,1\nb,\xe9\n").unwrap();
    let ended = ground.submit(&["pay.csv"]).await;
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("row 3 is not UTF-8; save the file as \"CSV UTF-8\""), "{ended:?}");
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

#[tokio::test]
async fn the_same_error_of_many_rows_is_one_line() {
    let rows = (2..=9).map(|row| match row {
        5 => "a-5,1,Refund,,9999999999,,\n".to_owned(),
        7 => "a-7,0,Refund,,12345,,\n".to_owned(),
        row => format!("a-{row},0,Refund,,9999999999,,\n"),
    });
    let errors = refused_rows(&rows.collect::<String>()).await;
    let mobile = "row 7: custMobile must be 10 digits, with or without +91 before them";
    assert_eq!(errors, ["rows 2-4, 6-9: amount must be more than 0", mobile]);
    let errors = refused_rows(&"a-1,1,Refund,,9999999999,,\n".repeat(4)).await;
    assert_eq!(
        errors,
        [
            "row 2: merchantRefId is the same as in row 3",
            "rows 3-5: merchantRefId is the same as in row 2"
        ]
    );
}

#[tokio::test]
async fn what_is_above_the_column_names_is_named_for_what_it_is() {
    let names = "merchantRefId,amount,description,custMobile\na-1,1,Refund,9999999999\n";
    for hint in ["sep=,\n", "SEP=;\r\n", "\"sep=;\"\n"] {
        let err = refused(&format!("{hint}{names}")).await;
        assert!(err.contains("its first line, sep=, only shows Excel how"), "{hint}: {err}");
    }
    for (title, row) in [("r-1,10,Refund,9999999999\n", 2), ("Refunds\na,,b,c,d\n\n2026\n", 5)] {
        let err = refused(&format!("{title}{names}")).await;
        let expected = format!(
            "row {row} names the columns, and the first row must; delete the rows above it"
        );
        assert!(err.contains(&expected), "{err}");
    }
}

#[tokio::test]
async fn a_name_that_is_nearly_one_is_named_for_what_it_is() {
    let err = refused(
        "MERCHANTREFID,Amount,descrip\u{ad}tion,cust\u{a0}Mobile,Metadata.order,col\u{200b}our\na,1,b,c,d,e\n",
    )
    .await;
    let errors: Vec<_> = err.lines().map(|line| line.trim_start_matches("pay.csv: ")).collect();
    assert_eq!(
        errors,
        [
            "column A differs from merchantRefId only in case; write merchantRefId",
            "column B differs from amount only in case; write amount",
            "column C has the invisible character U+00AD in its name; write description",
            "column D has the invisible character U+00A0 in its name; write custMobile",
            "column E differs from metadata.KEY only in case",
            "column F has the invisible character U+200B in its name",
            "nothing was sent",
        ]
    );
}

#[tokio::test]
async fn what_nobody_wrote_into_a_cell_is_named_for_what_it_is() {
    let errors = refused_rows(
        "a\u{200b}-2,1,Refund,,9999999999,,\n\
         a-3,1\u{a0}000,Refund,,9999999999,,\n\
         a-4,1,\u{2003}\u{2060} ,,9999999999, ,\u{feff}\n\
         a-5,1,05\u{202e}50,,9999999999,,\u{2066}x\n\
         a-6,#REF!,Refund for #N/A,########,9999999999,,Err:508\n\
         1.9E+18,1,Refund,,9.2E+11,,\n\
         a-8 ,1,Refund,,9999999999,,\n",
    )
    .await;
    assert_eq!(
        errors,
        [
            "row 2: merchantRefId has the invisible character U+200B; delete it",
            "row 3: amount has the invisible character U+00A0; delete it",
            "row 4: description has nothing in it that can be seen; fill it in, or empty it",
            "row 4: custEmail has nothing in it that can be seen; fill it in, or empty it",
            "row 4: metadata.order has nothing in it that can be seen; fill it in, or empty it",
            "row 5: description has U+202E, which changes the order in which it is shown; delete it",
            "row 5: metadata.order has U+2066, which changes the order in which it is shown; delete it",
            "row 6: amount has #REF!, which a spreadsheet writes in place of a value",
            "row 6: description has #N/A, which a spreadsheet writes in place of a value",
            "row 6: custName has ###, which a spreadsheet writes in place of a value",
            "row 6: metadata.order has Err:, which a spreadsheet writes in place of a value",
            "row 7: merchantRefId has a number that a spreadsheet has shortened, as 1.9E+18; format \
             the column as text, and fill it in again",
            "row 7: custMobile has a number that a spreadsheet has shortened, as 1.9E+18; format \
             the column as text, and fill it in again",
            "row 8: merchantRefId begins or ends with a blank; delete it",
        ]
    );
}
