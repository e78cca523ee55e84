//! CSV from whichever program.

use proptest::prelude::*;
use smartsend::actor::Actor;

use super::{HEADER, Paid};

#[test]
fn any_delimiter_is_found_from_the_column_names() {
    for sign in [",", ";", "\t", "|"] {
        let rows =
            "merchantRefId,amount,description,custMobile\na-1,1,\"Refund, late; x|y\",9876543210\n";
        let row = rows.replace("\"Refund, late; x|y\"", "@").replace(',', sign);
        let paid = Paid::csv(row.replace('@', "\"Refund, late; x|y\""));
        assert_eq!(paid.field("description"), ["Refund, late; x|y"], "{sign}");
    }
    // Not guessed: given.
    let names = "merchantRefId:amount:description:custMobile\na-1:1:Refund:9876543210\n";
    let mut paid = Paid::csv(names);
    assert!(paid.refusal().contains("the first row must name the columns"));
    paid.input.delimiter = Some(":".parse().unwrap());
    assert_eq!(paid.field("merchantRefId"), ["a-1"]);
    for wrong in ["", ",,", "a", "\"", "\n", "é"] {
        assert!(wrong.parse::<smartsend::batch::Delimiter>().is_err(), "{wrong:?}");
    }
}

#[test]
fn columns_have_the_names_that_the_sheet_gives_them() {
    let text = "Ref=No;Mobile No.;Amount (Rs);Purpose;Remarks\n\
                a-1;98765 43210;1,00,000.50;Refund;call back\n";
    let mapping = [
        "Ref=No=merchantRefId",
        "Mobile No.=custMobile",
        "Amount (Rs)=amount",
        "Purpose=description",
        "Remarks=",
    ];
    let paid = Paid::csv(text).mapped(&mapping);
    let [(2, sent)] = &paid.sent()[..] else { panic!("one row") };
    let expected = serde_json::json!({
        "merchantRefId": "a-1", "custMobile": "9876543210", "amount": "100000.50",
        "description": "Refund"
    });
    assert_eq!(*sent, expected);
    let refusal = Paid::csv(text).mapped(&mapping[..4]).refusal();
    assert!(refusal.contains("column E, Remarks, is not a field of an intent"), "{refusal}");
    assert!(refusal.contains("--map \"COLUMN=\" leaves it out"), "{refusal}");
    let refusal = Paid::csv(HEADER).mapped(&["Notes="]).refusal();
    assert_eq!(refusal, "there is no column Notes, which --map names");
    for wrong in ["custMobile", "=custMobile", "a=custmobile", "a=metadata", "a=error"] {
        assert!(wrong.parse::<smartsend::batch::Mapped>().is_err(), "{wrong}");
    }
}

#[test]
fn a_title_above_the_column_names_is_passed_over_with_a_note() {
    let actor = Actor::new("asha".to_owned(), None);
    for (title, row) in [("Refunds of May\n", 3), ("Refunds,,\n\n2026-11-29,,12.50,\n", 5)] {
        let paid = Paid::csv(format!("{title}{HEADER}a-1,1,Refund,9876543210\n"));
        assert_eq!(paid.sent()[0].0, row);
        let batch = paid.batch();
        let shown = batch.preview(&actor, None, Err("x".to_owned())).to_string();
        assert!(shown.contains("above the column names, and not read"), "{shown}");
    }
    // What could be intents is not left out.
    let refusal = Paid::csv(format!("a-0,1,Refund,9876543210\n{HEADER}")).refusal();
    assert!(refusal.starts_with("row 2 names the columns, and the first row must"), "{refusal}");
    let refusal = Paid::csv("Refunds\nmerchantrefid,amount,description\n").refusal();
    assert!(refusal.starts_with("row 2 names the columns:\ncolumn A differs"), "{refusal}");
}

/// The first thing that finance meets: a title, and names of its own.
#[test]
fn columns_with_other_names_are_refused_with_the_way_to_name_them() {
    let text =
        "Refunds of May\nRef No.,Amount (Rs.),Narration,Mobile No.\na-1,1,error,9876543210\n";
    let advice = "--map \"COLUMN=FIELD\" says which field a column holds";
    let refusal = Paid::csv(text).refusal();
    assert!(refusal.contains("it names none") && refusal.contains(advice), "{refusal}");
    let refusal = Paid::csv(text).mapped(&["Ref No=merchantRefId"]).refusal();
    assert!(refusal.contains("there is no column Ref No, which --map names"), "{refusal}");
    let some = Paid::csv(text).mapped(&["Ref No.=merchantRefId", "Narration=description"]);
    let refusal = some.refusal();
    assert!(refusal.starts_with("row 2 seems to name the columns:\n"), "{refusal}");
    for words in
        ["column B is not a field", "column D is not", "the column amount is missing", advice]
    {
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
}

#[test]
fn grouping_is_read_only_where_it_is_well_formed_and_with_a_note() {
    let amounts = [
        ("1,00,000.50", "100000.50"),
        ("100,000", "100000"),
        ("1,000.5", "1000.5"),
        ("₹ 12,345.00", "12345.00"),
        ("₹7", "7"),
    ];
    let rows = amounts.iter().enumerate();
    let rows = rows.map(|(n, (amount, _))| format!("a-{n},\"{amount}\",Refund,987654321{n}\n"));
    let paid = Paid::csv(format!("{HEADER}{}", rows.collect::<String>()));
    assert_eq!(paid.field("amount"), amounts.map(|(_, plain)| plain));
    let batch = paid.batch();
    let actor = Actor::new("asha".to_owned(), None);
    let shown = batch.preview(&actor, None, Err("x".to_owned())).to_string();
    assert!(shown.contains("rows 2-6: amount is read without its commas"), "{shown}");

    let wrong = [
        "1,00",
        "10,00,00",
        "1,0000",
        ",100",
        "1,,000",
        "0,100",
        "1.234,56",
        "₹",
        "$5",
        "1,00,000.505",
    ];
    for wrong in wrong {
        let paid = Paid::csv(format!("{HEADER}a-1,\"{wrong}\",Refund,9876543210\n"));
        assert!(paid.errors()[0].starts_with("row 2: amount "), "{wrong}: {:?}", paid.errors());
    }
}

#[test]
fn a_mobile_number_may_be_written_in_parts() {
    for (written, read) in [
        ("+91 98765 43210", "+919876543210"),
        ("98765-43210", "9876543210"),
        ("+91-9876543210", "+919876543210"),
        ("+919876543210", "+919876543210"),
    ] {
        let paid = Paid::csv(format!("{HEADER}a-1,1,Refund,{written}\n"));
        assert_eq!(paid.field("custMobile"), [read]);
    }
    for wrong in
        ["+91 98765 4321", "98765/43210", "call 9876543210", "- 9876543210", "+ 919876543210"]
    {
        let paid = Paid::csv(format!("{HEADER}a-1,1,Refund,{wrong}\n"));
        assert_eq!(paid.batch().bad_row_count(), 1, "{wrong}");
    }
}

#[test]
fn a_text_is_decoded_as_it_says_or_refused() {
    let rows = format!("{HEADER}a-1,1,Café für Zoë,9876543210\n");
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(&rows);
    let mut paid = Paid::csv(&latin);
    assert_eq!(
        paid.refusal(),
        "row 2 is not UTF-8; save the file as \"CSV UTF-8\", or name its encoding, such as \
         --encoding windows-1252"
    );
    paid.input.encoding = Some("windows-1252".parse().unwrap());
    assert_eq!(paid.field("description"), ["Café für Zoë"]);
    assert!("nothing".parse::<smartsend::batch::Encoding>().is_err());

    // Excel's "Unicode text" says what it is.
    let wide: Vec<u8> = rows.replace(',', "\t").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let paid = Paid::new("pay.txt", [&b"\xff\xfe"[..], &wide].concat());
    assert_eq!(paid.field("description"), ["Café für Zoë"]);
    // Far below what is looked at for the column names.
    let many = "a-1,1,Refund,9876543210\n".repeat(5000);
    let paid = Paid::csv([HEADER.as_bytes(), many.as_bytes(), b"z,1,\xff,9876543210\n"].concat());
    assert!(paid.refusal().starts_with("row 5002 is not UTF-8"), "{}", paid.refusal());
    let cut = Paid::csv([HEADER.as_bytes(), b"a-1,1,Caf\xc3"].concat());
    assert!(cut.refusal().starts_with("row 2 is not UTF-8"), "{}", cut.refusal());
}

#[test]
fn a_row_without_end_does_not_fill_the_memory() {
    let rest = "a-2,1,Refund,9876543210\n".repeat(60_000);
    let refusal = Paid::csv(format!("{HEADER}a-1,1,\"Refund,9876543210\n{rest}")).refusal();
    assert!(refusal.starts_with("row 2 is longer than 1024 KiB; a quotation mark"), "{refusal}");
}

#[test]
fn a_file_without_rows_or_columns_is_refused() {
    for empty in ["", "\n\n", "\u{feff}", ",,,\n"] {
        let refusal = Paid::csv(empty).refusal();
        assert!(refusal.starts_with("it is empty"), "{empty:?}: {refusal}");
    }
    assert_eq!(Paid::csv(HEADER).batch().row_count(), 0);
    let mut paid = Paid::csv("a-1,10.00,Refund,9876543210\n");
    assert!(paid.refusal().contains("it names none") && !paid.refusal().contains("9876"));
    paid.input.sheet = Some("May".to_owned());
    assert!(paid.tried().err().unwrap().is_usage());
}

#[test]
fn errors_of_very_many_kinds_are_cut_and_counted() {
    let rows = (0..500).map(|n| format!("a-{},1,Refund,9876543210\n", n / 2));
    let paid = Paid::csv(format!("{HEADER}{}", rows.collect::<String>()));
    let errors = paid.errors();
    assert_eq!(
        (errors.len(), errors.last().map(String::as_str)),
        (101, Some("and 400 more errors"))
    );
    let rows = (0..100).map(|n| format!("a-{n},{},Refund,9876543210\n", n % 2));
    let paid = Paid::csv(format!("{HEADER}{}", rows.collect::<String>()));
    assert_eq!(paid.errors().len(), 1);
    assert!(paid.errors()[0].contains("38, 40 and 30 more: amount"), "{:?}", paid.errors());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// What a writer of CSV wrote is what is read, whatever the cells hold.
    #[test]
    fn what_was_written_is_read(
        texts in prop::collection::vec("[a-zA-Z,;|'\"₹éअ ]{0,12}x", 1..8),
        sign in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        is_windows in any::<bool>(),
    ) {
        let mut csv = csv::WriterBuilder::new();
        let ends = if is_windows { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut csv = csv.delimiter(sign).terminator(ends).from_writer(Vec::new());
        csv.write_record(["description", "merchantRefId", "amount", "custMobile"]).unwrap();
        let texts: Vec<String> = texts.iter().map(|text| format!("x{text}")).collect();
        for (number, text) in texts.iter().enumerate() {
            csv.write_record([text, &format!("a-{number}"), "1", "9876543210"]).unwrap();
        }
        let paid = Paid::csv(csv.into_inner().unwrap());
        prop_assert_eq!(paid.field("description"), texts);
    }
}
