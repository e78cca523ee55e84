//! PayU's envelope in every shape.

use smartsend::domain::call::{Data, Envelope};
use smartsend::domain::customer::Private;
use smartsend::payu::wire::envelope;

fn read(body: &str) -> Envelope {
    envelope(body.as_bytes()).unwrap_or_else(|| panic!("no envelope: {body}"))
}

fn texts(envelope: &Envelope) -> Vec<&str> {
    envelope.texts.iter().map(Private::expose).collect()
}

#[test]
fn a_created_link_is_read() {
    let read = read(
        r#"{"status":0,"msg":"Success","code":null,
            "data":{"link":"https://test.payumoney.com/smartPay?id=a%2Bb","linkId":"a+b/c=="}}"#,
    );
    assert_eq!((read.status, read.codes.as_slice(), texts(&read)), (0, &[][..], vec!["Success"]));
    let data = Data {
        link: Some(Private::new("https://test.payumoney.com/smartPay?id=a%2Bb")),
        link_id: Some(Private::new("a+b/c==")),
        ..Data::default()
    };
    assert_eq!(read.data, data);
}

#[test]
fn found_details_are_read_with_numbers_as_they_were_written() {
    let read = read(
        r#"{"status":0,"msg":null,"code":null,"data":{"merchantRefId":"order-1","payoutMerchantId":1111312,
            "smartSendStatus":"PENDING","addedOn":"2023-12-19T06:10:37.000+0000",
            "expiryDate":"2023-12-25T06:10:37.250+0000","description":"Refund","linkId":
            "0b6c1f7e-5a52-4c1c-9d3f-0c7a4a1de001","amount":25.0,"transferType":null,"txnStatus":"IN PROGRESS",
            "custName":"Asha","custEmail":"a@example.com","custMobile":9999999999,"msg":"Success",
            "link":"https://test.payumoney.com/url/AbCdEf012345","txnSource":"SMART_SEND","extra":{"a":[1]}}}"#,
    );
    assert_eq!(read.status, 0);
    assert_eq!(
        read.data,
        Data {
            reference: Some("order-1".to_owned()),
            link: Some(Private::new("https://test.payumoney.com/url/AbCdEf012345")),
            link_id: Some(Private::new("0b6c1f7e-5a52-4c1c-9d3f-0c7a4a1de001")),
            expiry: Some("2023-12-25T06:10:37.250Z".parse().unwrap()),
            link_status: Some("PENDING".to_owned()),
            payment_status: Some("IN PROGRESS".to_owned()),
            amount: Some("25.0".to_owned()),
            mobile: Some(Private::new("9999999999")),
            email: Some(Private::new("a@example.com")),
        }
    );
}

#[test]
fn details_of_an_unknown_reference_are_nothing_but_the_reference() {
    let read = read(
        r#"{"status":1,"msg":"Smart Send Record not found with merchant reference id - X. Kindly fetch details after some time.",
            "code":null,"data":{"merchantRefId":"X","payoutMerchantId":1,"smartSendStatus":null,"amount":null,
            "link":null,"custEmail":"","expiryDate":null,"msg":null}}"#,
    );
    assert_eq!((read.status, read.codes.len()), (1, 0));
    assert_eq!(read.data, Data { reference: Some("X".to_owned()), ..Data::default() });
}

#[test]
fn numbers_are_read_by_their_value_in_any_notation_of_json() {
    for (body, status, codes) in [
        (r#"{"status":0.0}"#, 0, vec![]),
        (r#"{"status":-0}"#, 0, vec![]),
        (r#"{"status":"1.0","code":1103.0}"#, 1, vec![1103]),
        (r#"{"status":1e0,"code":[1.103e3,"11.05E2"]}"#, 1, vec![1103, 1105]),
        (r#"{"status":1,"code":1103.5}"#, 1, vec![]),
    ] {
        let read = read(body);
        assert_eq!((read.status, read.codes), (status, codes), "{body}");
    }
}

#[test]
fn codes_and_texts_are_found_wherever_the_pages_put_them() {
    for (body, codes, words) in [
        (
            r#"{"status":1,"msg":"Fail","code":null,"data":[{"code":1108,"message":"custMobile or custEmail is required"},{"code":"1105","message":""}]}"#,
            vec![1108, 1105],
            vec!["Fail", "custMobile or custEmail is required"],
        ),
        (
            r#"{"status":1,"msg":"SmartPay Link not found","code":1112,"data":null}"#,
            vec![1112],
            vec!["SmartPay Link not found"],
        ),
        (
            r#"{"status":1,"msg":null,"code":null,"data":[{"batchId":"1","merchantRefId":"x","error":"bad","code":[1004, "1005", null]}]}"#,
            vec![1004, 1005],
            vec!["bad"],
        ),
        (r#"{"status":"1","msg":"no","code":"1103"}"#, vec![1103], vec!["no"]),
        (r#"{"status":1,"code":[1115]}"#, vec![1115], vec![]),
        (r#"{"status":1,"code":"","error":"Duplicate"}"#, vec![], vec!["Duplicate"]),
        (r#"{"status":1,"code":{"a":1},"msg":7,"data":"x"}"#, vec![], vec!["7"]),
        (r#"{"status":1,"data":{"code":1125,"msg":"dup"}}"#, vec![1125], vec!["dup"]),
        (
            r#"{"status":1,"data":[null, 5, "x", [7, null, null, null], {"code": 1101}]}"#,
            vec![1101],
            vec![],
        ),
    ] {
        let read = read(body);
        assert_eq!((read.status, read.codes.clone(), texts(&read)), (1, codes, words), "{body}");
        assert_eq!(read.data, Data::default(), "{body}");
    }
}

#[test]
fn what_is_not_one_whole_envelope_is_none() {
    for body in [
        "",
        " ",
        "null",
        "[]",
        r#""status""#,
        r#"[0,{"link":"https://x"}]"#, // serde would read a struct by position
        r#"{"msg":"Success","data":{"link":"https://x"}}"#,
        r#"{"status":null,"data":{}}"#,
        r#"{"status":true}"#,
        r#"{"status":2}"#,
        r#"{"status":0.5}"#,
        r#"{"status":"0x0"}"#,
        r#"{"status":1e999999999999}"#,
        r#"{"status":[0]}"#,
        r#"{"timestamp":"2024-01-30T09:03:39.698+0000","status":401,"error":"Unauthorized","message":"Access is denied","path":"/payout"}"#,
        r#"{"status":0,"msg":"Success",}"#, // as PayU's samples print it
        r#"{"status":0} trailing"#,
        r#"{"status":0}{"status":1}"#,
        r#"{"status":0,"status":1}"#,
        r#"{"status":0,"data":{"link":"https://a","link":"https://b"}}"#,
        r#"{"status":0,"data":{"link":"https:/"#,
        "<html><body>502 Bad Gateway</body></html>",
        "\u{feff}{\"status\":0}",
    ] {
        assert_eq!(envelope(body.as_bytes()), None, "{body}");
    }
    assert_eq!(envelope(b"{\"status\":0,\"msg\":\"\xff\"}"), None);
    assert_eq!(envelope("[".repeat(100_000).as_bytes()), None);
}

#[test]
fn a_field_of_another_type_is_absent() {
    let read = read(
        r#"{"status":0,"data":{"link":["https://x"],"linkId":true,"amount":{"v":1},"expiryDate":"soon",
            "custMobile":"\ud800","merchantRefId":12}}"#,
    );
    assert_eq!(read.data, Data { reference: Some("12".to_owned()), ..Data::default() });
}

#[test]
fn an_amount_keeps_every_digit() {
    for text in ["123456789012345678.01", "1.0", "1e2", "-5"] {
        let bare = read(&format!(r#"{{"status":0,"data":{{"amount":{text}}}}}"#));
        let quoted = read(&format!(r#"{{"status":0,"data":{{"amount":"{text}"}}}}"#));
        assert_eq!(bare.data.amount.as_deref(), Some(text));
        assert_eq!(quoted.data.amount.as_deref(), Some(text));
    }
}

#[test]
fn dates_are_read_with_and_without_a_colon() {
    for date in ["2023-12-19T06:10:37.000+0000", "2023-12-19T11:40:37+0530", "2023-12-19T06:10:37Z"]
    {
        let read = read(&format!(r#"{{"status":0,"data":{{"expiryDate":"{date}"}}}}"#));
        assert_eq!(read.data.expiry, Some("2023-12-19T06:10:37Z".parse().unwrap()), "{date}");
    }
}

/// The decimals are read by a library that takes more than JSON does.
#[test]
fn what_is_not_a_json_number_is_neither_a_status_nor_a_code() {
    for odd in ["0______1", "1_1_0_3", "１", "0x1", "1 1"] {
        let status = format!(r#"{{"status":"{odd}"}}"#);
        assert_eq!(envelope(status.as_bytes()), None, "{odd}");
        assert_eq!(read(&format!(r#"{{"status":1,"code":"{odd}"}}"#)).codes, [0; 0], "{odd}");
    }
}
