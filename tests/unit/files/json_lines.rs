//! JSON lines: an intent on each line.

use serde_json::json;

use super::Paid;

fn line(reference: &str) -> String {
    format!(
        "{{\"merchantRefId\":\"{reference}\",\"amount\":100.50,\"description\":\"x\",\
         \"custMobile\":\"9876543210\",\"metadata\":{{\"order\":\"0042\"}}}}"
    )
}

#[test]
fn each_line_is_sent_as_it_is() {
    // By its content, not by its name.
    let paid = Paid::new("pay.txt", format!("\n{}\r\n\n {} \n", line("a-1"), line("a-2")));
    let batch = paid.batch();
    let bodies: Vec<_> = batch.rows().map(|row| row.unwrap().result.unwrap().body).collect();
    assert_eq!(bodies, [line("a-1"), line("a-2")], "no digit passes through a number");
    let rows: Vec<_> = paid.sent().into_iter().map(|(row, _)| row).collect();
    assert_eq!(rows, [2, 4]);
}

#[test]
fn a_line_that_is_no_intent_is_reported_by_its_number() {
    let text = [
        line("a-1"),
        "{\"merchantRefId\": \"a-2\"".to_owned(),
        line("a-3").replace("100.50", "1e2"),
        line("a-4").replace("custMobile", "custmobile"),
        line("a-5").replace("\"amount\":", "\"amount\":1,\"amount\":"),
        line("a-1"),
        "\"a-7\"".to_owned(),
    ];
    assert_eq!(
        Paid::new("pay.jsonl", text.join("\n")).errors(),
        [
            "row 1: merchantRefId is the same as in row 6",
            "row 2: is not a JSON object: it breaks at line 1, column 23",
            "row 3: amount must be digits with at most two decimals, such as 100.50",
            "row 4: custmobile is not a field of an intent",
            "row 4: custMobile or custEmail is needed: at least one of them",
            "row 5: amount is given more than once",
            "row 6: merchantRefId is the same as in row 1",
            "row 7: is not a JSON object: it breaks at line 1, column 5",
        ]
    );
}

#[test]
fn fields_may_have_other_names() {
    let text = line("a-1").replace("custMobile", "phone").replace("\"metadata\"", "\"extra\"");
    let paid = Paid::new("pay.jsonl", text).mapped(&["phone=custMobile", "extra="]);
    let expected = json!({
        "merchantRefId": "a-1", "amount": 100.5, "description": "x", "custMobile": "9876543210"
    });
    assert_eq!(paid.sent()[0].1, expected);
    let paid = Paid::new("pay.jsonl", line("a-1")).mapped(&["phone=metadata.phone"]);
    assert!(paid.tried().err().unwrap().is_usage());
}

#[test]
fn what_is_json_but_no_lines_of_it_is_refused() {
    let array = Paid::new("pay.json", format!("[\n{},\n{}]", line("a-1"), line("a-2")));
    assert!(array.refusal().starts_with("it is one array of JSON"), "{}", array.refusal());
    let endless = format!("{}\n{{\"a\":\"{}\"}}\n", line("a-1"), "x".repeat(1024 * 1024));
    let refusal = Paid::new("pay.jsonl", endless).refusal();
    assert!(refusal.starts_with("line 2 is longer than 1024 KiB"), "{refusal}");
    let latin = [line("a-1").as_bytes(), b"\n{\"a\":\"\xe9\"}"].concat();
    let refusal = Paid::new("pay.jsonl", latin).refusal();
    assert!(refusal.starts_with("line 2 is not UTF-8"), "{refusal}");
}
