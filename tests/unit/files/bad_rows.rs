//! `FILE.bad.csv`: the bad rows, to be mended and submitted as they are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;
use smartsend::batch::Input;

use super::workbook::{number, one, text};
use super::{HEADER, Paid};

/// The file of bad rows, without its byte order mark.
fn bad(paid: &Paid) -> (std::path::PathBuf, String) {
    let path = paid.batch().write_bad_rows().unwrap().expect("there are bad rows");
    let text = fs::read_to_string(&path).unwrap();
    (path, text.trim_start_matches('\u{feff}').to_owned())
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn it_has_the_bad_rows_with_the_same_columns_and_their_errors() {
    let text = "Mobile No.;merchantRefId;amount;description\n\
                9876543210;a-1;1;Refund\n\
                +919876543210;a-2;0;=1+1\n\
                9876543211;a-1;2;\"Refund; late\"\n\
                9876543212;a-4;1\n";
    let paid = Paid::csv(text).mapped(&["Mobile No.=custMobile"]);
    let (path, bad_rows) = bad(&paid);
    assert_eq!(path, paid.path("pay.bad.csv"));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        bad_rows,
        "Mobile No.;merchantRefId;amount;description;error\n\
         9876543210;a-1;1;Refund;merchantRefId is the same as in row 4\n\
         '+919876543210;a-2;0;'=1+1;amount must be more than 0\n\
         9876543211;a-1;2;\"Refund; late\";merchantRefId is the same as in row 2\n\
         9876543212;a-4;1;;\"has 3 cells, but the header has 4; a cell that holds the character \
         between cells must be in quotation marks\"\n"
    );

    // Mended, and taken with the errors still in it.
    let mended = bad_rows.replace(";a-1;1", ";b-1;1").replace(";0;", ";3;");
    let mended = Paid::csv(mended).mapped(&["Mobile No.=custMobile"]);
    assert_eq!(mended.field("merchantRefId"), ["b-1", "a-2", "a-1"]);
    assert_eq!(mended.field("custMobile")[1], "+919876543210");
    assert_eq!(mended.field("description")[1], "=1+1", "what was made harmless is as it was");
    assert_eq!(mended.errors(), ["row 5: description is missing"]);
}

#[test]
fn an_apostrophe_is_a_person_s_where_no_error_column_is() {
    let paid = Paid::csv(format!("{HEADER}a-1,1,'=1,9876543210\n"));
    assert_eq!(paid.field("description"), ["'=1"]);
}

#[test]
fn one_that_may_be_half_mended_is_not_replaced() {
    let paid = Paid::csv(format!("{HEADER}a-1,0,Refund,9876543210\n"));
    let (first, _) = bad(&paid);
    assert_eq!(bad(&paid).0, first, "the same rows again");
    fs::write(&first, "a person's work").unwrap();
    let (second, _) = bad(&paid);
    assert_eq!(second, paid.path("pay.bad.2.csv"));
    assert_eq!(fs::read_to_string(&first).unwrap(), "a person's work");
    assert_eq!(names(paid.dir.path()), ["pay.bad.2.csv", "pay.bad.csv", "pay.csv"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_reported_before_anything_is_sent() {
    let paid = Paid::csv(format!("{HEADER}a-1,0,Refund,9876543210\n"));
    let gone = Input::at("/proc/self/pay.csv");
    let batch = smartsend::batch::Batch::read(&paid.input, &paid.merchant).unwrap();
    drop(batch);
    assert!(smartsend::batch::Batch::read(&gone, &paid.merchant).is_err());
    let batch = paid.batch();
    fs::remove_dir_all(paid.dir.path()).unwrap();
    let error = batch.write_bad_rows().unwrap_err().to_string();
    assert!(error.contains("cannot write ") && error.ends_with("; nothing was sent"), "{error}");
}

#[test]
fn the_bad_lines_of_json_are_lines_of_json() {
    let good = "{\"merchantRefId\":\"a-1\",\"amount\":\"1\",\"description\":\"x\",\"custMobile\":\"9876543210\"}";
    let wrong = good.replace("a-1", "a-2").replace("\"1\"", "0.00");
    let paid = Paid::new("pay.jsonl", format!("{good}\n{wrong}\n{{}}\nnot json\n"));
    let (path, text) = bad(&paid);
    assert_eq!(path, paid.path("pay.bad.jsonl"));
    let lines: Vec<&str> = text.lines().collect();
    let rest = wrong.strip_prefix('{').unwrap();
    assert_eq!(lines[0], format!("{{\"error\":\"amount must be more than 0\",{rest}"));
    assert!(
        lines[1].starts_with("{\"error\":\"merchantRefId is missing; ")
            && lines[1].ends_with("\"}")
    );
    assert_eq!(lines[2], "not json");
    let mended = Paid::new("pay.bad.jsonl", lines[0].replace("0.00", "2.50"));
    assert_eq!(mended.errors(), Vec::<String>::new());
}

#[test]
fn the_bad_rows_of_a_sheet_are_csv() {
    let names = ["merchantRefId", "amount", "description", "custMobile"];
    let row = |reference: &str, amount: &str| {
        vec![text(reference), number(amount), text("Refund"), text("9876543210")]
    };
    let paid = Paid::new("pay.xlsx", one(&names, &[row("a-1", "0.125"), row("a-2", "1")]));
    let (path, rows) = bad(&paid);
    assert_eq!(path, paid.path("pay.xlsx.bad.csv"));
    let error = "amount is a number: the cell holds 0.125; round it or make it text";
    assert_eq!(rows, format!("{},error\na-1,0.125,Refund,9876543210,{error}\n", names.join(",")));
}

/// In CSV a reference is text, so nothing would show that its last digits are made up.
#[test]
fn a_number_that_lost_digits_is_not_paid_from_there_before_it_is_mended() {
    let names = ["merchantRefId", "amount", "description", "custMobile"];
    let row = [number("1234567890123456789"), number("1"), text("Refund"), text("9876543210")];
    let paid = Paid::new("pay.xlsx", one(&names, &[row.to_vec()]));
    let (_, rows) = bad(&paid);
    assert!(rows.contains("\n1.23456789012346E+18,1,Refund,"), "{rows}");
    let row = paid.batch().rows().next().unwrap().unwrap();
    assert_eq!(row.reference(), None, "the report names no reference that is not the row's");
    let shortened = "row 2: merchantRefId has a number that a spreadsheet has shortened, as \
                     1.9E+18; format the column as text, and fill it in again";
    assert_eq!(Paid::csv(&rows).errors(), [shortened]);
    let mended = Paid::csv(rows.replace("1.23456789012346E+18", "1234567890123456789"));
    assert_eq!(mended.field("merchantRefId"), ["1234567890123456789"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// The bad rows of the bad rows are the bad rows.
    #[test]
    fn nothing_is_lost_on_the_way_there_and_back(
        texts in prop::collection::vec("[=+@'\"a,\\-]{0,6}", 1..6),
    ) {
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["merchantRefId", "amount", "description", "metadata.note"]).unwrap();
        for (number, text) in texts.iter().enumerate() {
            // There is no way to reach the customer, so each row is bad.
            csv.write_record([&*format!("a-{number}"), "1", "x", text]).unwrap();
        }
        let paid = Paid::csv(csv.into_inner().unwrap());
        let (_, once) = bad(&paid);
        let again = Paid::csv(&once);
        prop_assert_eq!(&bad(&again).1, &once);
        let added = once.replace("description,metadata", "custMobile,metadata");
        let mended = Paid::csv(added.replace(",x,", ",9876543210,"))
            .mapped(&[]);
        prop_assert!(mended.tried().is_err(), "the description is missing now");
        let names = "merchantRefId,amount,custMobile,metadata.note";
        let mended = once.replace("merchantRefId,amount,description,metadata.note", names);
        let mended = mended.replace(",x,", ",9876543210,").replace("\na-", "\nb-");
        let mapped = Paid::csv(mended.replace("metadata.note", "description"));
        let expected: Vec<&String> = texts.iter().filter(|text| !text.is_empty()).collect();
        let sent = mapped.field("description");
        prop_assert_eq!(sent.iter().collect::<Vec<_>>(), expected);
    }
}
