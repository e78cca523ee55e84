//! A double is money only if nothing is lost by saying so.

use proptest::prelude::*;

use super::Paid;
use super::workbook::{Sheet, file, number, one, text};

const NAMES: [&str; 4] = ["merchantRefId", "amount", "description", "custMobile"];

/// A row whose cells of these columns are others.
fn with(reference: &str, other: &[(usize, String)]) -> Vec<String> {
    let mut row = vec![text(reference), number("100.5"), text("Refund"), text("9876543210")];
    for (column, cell) in other {
        row[*column].clone_from(cell);
    }
    row
}

fn xlsx(rows: &[Vec<String>]) -> Paid {
    Paid::new("pay.xlsx", one(&NAMES, rows))
}

#[test]
fn cells_of_every_kind_are_read_by_what_their_column_holds() {
    let paid = xlsx(&[
        with("a-1", &[]),
        with("a-2", &[(1, text("1,00,000.50"))]),
        with("a-3", &[(1, number("99999.99")), (3, number("9876543210"))]),
        with("", &[(0, number("100234")), (2, number("12.75"))]),
        with("a-5", &[(1, number("1e2")), (3, number("919876543211"))]),
    ]);
    assert_eq!(paid.errors(), Vec::<String>::new());
    assert_eq!(paid.field("amount"), ["100.5", "100000.50", "99999.99", "100.5", "100"]);
    assert_eq!(paid.field("merchantRefId"), ["a-1", "a-2", "a-3", "100234", "a-5"]);
    assert_eq!(paid.field("custMobile")[2..], ["9876543210", "9876543210", "+919876543211"]);
    assert_eq!(paid.field("description")[3], "12.75");
    let rows: Vec<_> = paid.sent().into_iter().map(|(row, _)| row).collect();
    assert_eq!(rows, [2, 3, 4, 5, 6]);
}

#[test]
fn a_number_that_lost_digits_or_has_too_many_is_refused_and_named() {
    let paid = xlsx(&[
        with("a-1", &[(1, number("0.30000000000000004"))]),
        with("a-2", &[(1, number("1000000000000"))]),
        with("", &[(0, number("1234567890123456"))]),
        with("a-4", &[(3, number("9876543210.5"))]),
        with("a-5", &[(1, number("-5"))]),
        with("1.9E+18", &[(1, text("1.9E+18"))]),
        with("a-7", &[(1, number("1e300"))]),
        with("a-8", &[(3, number("929876543210"))]),
    ]);
    let digits = "is a number of more than 15 digits, and a spreadsheet keeps no more; format the \
                  column as text, and fill it in again";
    let shortened = "has a number that a spreadsheet has shortened, as 1.9E+18; format the column \
                     as text, and fill it in again";
    let too_many = "is a number of more than 12 digits before its point; make it text";
    assert_eq!(
        paid.errors(),
        [
            "row 2: amount is a number: the cell holds 0.30000000000000004; round it or make it text"
                .to_owned(),
            format!("rows 3, 8: amount {too_many}"),
            format!("row 4: merchantRefId {digits}"),
            "row 5: custMobile is a number with decimals; write all digits of the mobile number as \
             text"
                .to_owned(),
            "row 6: amount must be digits with at most two decimals, such as 100.50".to_owned(),
            format!("row 7: merchantRefId {shortened}"),
            format!("row 7: amount {shortened}"),
            "row 9: custMobile must be 10 digits, with or without +91 before them".to_owned(),
        ]
    );
}

#[test]
fn dates_errors_and_formulas_are_named_for_what_they_are() {
    let names = ["merchantRefId", "amount", "description", "custMobile", "deadline"];
    let row = |reference: &str, amount: &str, deadline: String| {
        let (amount, mobile) = (amount.to_owned(), text("9876543210"));
        vec![text(reference), amount, text("Refund"), mobile, deadline]
    };
    let paid = Paid::new(
        "pay.xlsx",
        one(
            &names,
            &[
                row("a-1", "n|<v>1</v>", "n#1|<v>46000.5</v>".to_owned()),
                row("a-2", "e|<v>#REF!</v>", text("2099-01-01T00:00:00+05:30")),
                row("a-3", "n|<f>B2*2</f><v>2</v>", String::new()),
                row("a-4", "n|<f>B2*2</f>", String::new()),
                row("a-5", "str|<f>T(B2)</f><v>7.50</v>", text("tomorrow")),
            ],
        ),
    );
    assert_eq!(
        paid.errors(),
        [
            "row 2: deadline is a date of the spreadsheet, which has no time zone; write it as text \
             with its offset, such as 2026-11-25T18:30:00Z",
            "row 3: amount has #REF!, which a spreadsheet writes in place of a value",
            "row 5: amount has a formula whose result is not in the file; open the file in a \
             spreadsheet program, and save it again",
            "row 6: deadline must be a time by RFC 3339, such as 2026-11-25T18:30:00Z",
        ]
    );
    assert_eq!(paid.field("amount"), ["2"]);
    let actor = smartsend::actor::Actor::new("asha".to_owned(), None);
    let batch = paid.batch();
    let shown = batch.preview(&actor, None, Err("x".to_owned())).to_string();
    assert!(shown.contains("row 4: amount is a formula, of which the result"), "{shown}");
}

#[test]
fn a_sheet_is_chosen_where_there_are_several() {
    let header: Vec<String> = NAMES.iter().map(|name| text(name)).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let (may, june) = (with("may", &[]), with("june", &[]));
    let [may, june] = [&may, &june].map(|row| row.iter().map(String::as_str).collect::<Vec<_>>());
    let sheet = |name, row| Sheet::visible(name, &[&header, row]);
    let hidden = |name, row| Sheet { state: "hidden", ..sheet(name, row) };

    let mut paid = Paid::new("pay.xlsx", file(&[sheet("May", &may), sheet("June", &june)]));
    let error = paid.tried().err().unwrap();
    assert!(
        error.is_usage() && error.to_string().contains("several sheets: May, June;"),
        "{error}"
    );
    paid.input.sheet = Some("June".to_owned());
    assert_eq!(paid.field("merchantRefId"), ["june"]);
    paid.input.sheet = Some("july".to_owned());
    assert_eq!(paid.refusal(), "it has no sheet july; it has: May, June");

    let mut paid = Paid::new("pay.xlsx", file(&[hidden("May", &may), sheet("June", &june)]));
    assert_eq!(paid.field("merchantRefId"), ["june"], "the only one that is visible");
    let actor = smartsend::actor::Actor::new("asha".to_owned(), None);
    let batch = paid.batch();
    let shown = batch.preview(&actor, None, Err("x".to_owned())).to_string();
    assert!(shown.contains("of 2 sheets (1 hidden), only June is read"), "{shown}");
    assert!(shown.contains("rows that are hidden, as by a filter, are read"), "{shown}");
    drop(batch);
    paid.input.sheet = Some("May".to_owned());
    assert_eq!(paid.field("merchantRefId"), ["may"], "whoever names a hidden one knows of it");
}

#[test]
fn rows_keep_their_numbers_below_a_title_and_around_gaps() {
    let header: Vec<String> = NAMES.iter().map(|name| text(name)).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let (title, bad) = (text("Refunds of May"), with("a 1", &[]));
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    let wide = [&bad[..], &["", "n|<v>7</v>"]].concat();
    let rows = vec![(2, vec![&*title]), (5, header), (9, bad), (12, wide), (20, vec!["", ""])];
    let paid = Paid::new("pay.xlsx", file(&[Sheet { name: "A", state: "visible", rows }]));
    assert_eq!(
        paid.errors(),
        [
            "row 9: merchantRefId may contain only letters, digits, '_' and '-'",
            "row 12: has a value in column F, which has no name",
        ]
    );
}

#[test]
fn what_is_no_sound_xlsx_is_refused_without_a_panic() {
    let whole = one(&NAMES, &[with("a-1", &[])]);
    for cut in [4, 30, whole.len() / 2, whole.len() - 1] {
        let refusal = Paid::new("pay.xlsx", &whole[..cut]).refusal();
        assert!(refusal.contains("is not an XLSX file, or a damaged one"), "{cut}: {refusal}");
    }
    let old = Paid::new("pay.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on");
    assert!(old.refusal().contains("it is an XLS file, or protected"), "{}", old.refusal());

    let header: Vec<String> = NAMES.iter().map(|name| text(name)).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let row = with("a-1", &[]);
    let row: Vec<&str> = row.iter().map(String::as_str).collect();
    let rows = vec![(1, header.clone()), (3, row.clone()), (2, row)];
    let paid = Paid::new("pay.xlsx", file(&[Sheet { name: "A", state: "visible", rows }]));
    assert!(paid.refusal().starts_with("row 2 comes after row 3"), "{}", paid.refusal());

    let spill = [text("a-1"), "e|<v>#SPILL!</v>".to_owned()].to_vec();
    let refusal = xlsx(&[spill]).refusal();
    assert!(refusal.starts_with("below row 1 a cell has #SPILL!"), "{refusal}");
    let mut paid = xlsx(&[with("a-1", &[])]);
    paid.input.delimiter = Some(";".parse().unwrap());
    assert!(paid.tried().err().unwrap().is_usage());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Every amount that a spreadsheet can hold exactly enough comes out as it was typed.
    #[test]
    fn an_amount_that_is_a_double_is_what_was_typed(paise in 1_u64..=20_000_000) {
        let typed = match (paise / 100, paise % 100) {
            (rupees, 0) => rupees.to_string(),
            (rupees, paise) => format!("{rupees}.{paise:02}").trim_end_matches('0').to_owned(),
        };
        let double: f64 = typed.parse().unwrap();
        // As Excel writes it: 17 significant digits.
        let stored = format!("{double:.16e}");
        let paid = xlsx(&[with("a-1", &[(1, number(&stored))])]);
        prop_assert_eq!(paid.field("amount"), [typed]);
    }
}
