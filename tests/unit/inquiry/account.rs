//! `account`: PayU's sample, and whatever else may stand there.

use serde_json::{Value, json};

use smartsend::domain::amount::{Amount, Total};
use smartsend::inquiry::{Balance, Vpas};
use smartsend::payu::wire;

const SAMPLE: &str = r#"{"status":0,"msg":null,"code":null,"data":{"payoutMerchantId":1111312,"uuid":"11e8-5a8f-b1f0-6d0a","virtualAccountNumber":"PAYUIN1111312","transferableAmount":0,"balance":94003,"lowBalance":false,"ifsc":"YESB0CMSNOC","type":"current","clientId":"0000aaaa","transitAccountNumber":null}}"#;

fn balance(body: &str) -> Option<Balance> {
    let detail = wire::account_detail(body.as_bytes())?;
    Some(Balance { merchant: "default".to_owned(), detail })
}

#[test]
fn the_balance_is_shown_and_the_account_masked() {
    let sample = balance(SAMPLE).unwrap();
    assert_eq!(
        sample.table(),
        "merchant      default\n\
         payout id     1111312\n\
         account       *********1312\n\
         balance       94003.00\n\
         low balance   no\n\
         transferable  0.00\n"
    );
    let shown: Value = serde_json::from_str(&sample.json()).unwrap();
    let expected = json!({
        "merchant": "default",
        "payoutMerchantId": "1111312",
        "virtualAccountNumber": "*********1312",
        "balance": "94003.00",
        "lowBalance": false,
        "transferableAmount": "0.00",
    });
    assert_eq!(shown, expected);
    for private in ["11e8", "0000aaaa", "PAYUIN", "YESB"] {
        assert!(!sample.table().contains(private) && !sample.json().contains(private), "{private}");
        assert!(!format!("{sample:?}").contains(private), "{private}");
    }
}

#[test]
fn a_low_balance_is_said_plainly() {
    let low = balance(&SAMPLE.replace("\"lowBalance\":false", "\"lowBalance\":true")).unwrap();
    let said = "low balance   YES: not enough for the next payout";
    assert!(low.table().contains(said), "{}", low.table());
    let unsaid = balance(&SAMPLE.replace("\"lowBalance\":false", "\"lowBalance\":null")).unwrap();
    assert!(unsaid.table().contains("low balance   -\n"), "{}", unsaid.table());
}

#[test]
fn a_balance_that_is_less_than_a_sum_is_reported_and_none_is_never_nothing() {
    let sum = Total::default().plus(Amount::parse("94003").unwrap());
    for (written, is_less) in [
        ("94003", Some(false)),
        ("94002.99", Some(true)),
        ("\"94003.00\"", Some(false)),
        ("0", Some(true)),
        ("-1", Some(true)),
        ("\"unknown\"", None),
    ] {
        let body = SAMPLE.replace("\"balance\":94003", &format!("\"balance\":{written}"));
        let is_shown = balance(&body).map(|balance| balance.is_less_than(sum));
        assert_eq!(is_shown.flatten(), is_less, "{written}");
    }
}

#[test]
fn money_is_what_was_written_to_the_last_digit() {
    for (written, shown) in [
        ("94003", "94003.00"),
        ("94003.5", "94003.50"),
        ("\"94003.50\"", "94003.50"),
        ("94003.500", "94003.50"),
        ("9.4003e4", "94003.00"),
        ("0", "0.00"),
        ("-12.3", "-12.30"),
        ("0.005", "0.005"),
        ("123456789012345678.01", "123456789012345678.01"),
        ("\"1_0\"", "1_0"),
        ("\"much\\u001b\"", "much?"),
        ("1e400", "1e400"),
    ] {
        let body = SAMPLE.replace("94003", written);
        let shown = format!("balance       {shown}\n");
        assert!(balance(&body).unwrap().table().contains(&shown), "{written}");
    }
}

#[test]
fn what_is_not_an_account_is_not_taken_for_one() {
    for body in [
        "",
        "<html>",
        r#"{"status":0,"data":null}"#,
        r#"{"status":0,"data":{"payoutMerchantId":1111312}}"#,
        r#"{"status":0,"data":["1","2","3","4","5"]}"#,
        r#"{"status":0,"data":{"balance":1,"balance":2}}"#,
        r#"{"status":0,"data":{"balance":true}}"#,
        r#"{"status":1,"msg":"x","data":{"balance":1}}"#,
        r#"{"data":{"balance":1}}"#,
    ] {
        assert!(balance(body).is_none(), "{body}");
    }
}

#[test]
fn vpas_are_the_keys_of_an_answer() {
    let body = r#"{"status":0,"msg":null,"code":null,"data":{"result":1.0,"98xxxx10@ybl":{"Token":"t0k","name":"A Payee ","App_Name":"PhonePe"},"98xxxx10@okaxis":{"Token":"t0l","name":"","App_Name":"Google Pay"}}}"#;
    let vpas = Vpas(wire::masked_vpas(body.as_bytes()).unwrap());
    assert_eq!(vpas.table(), "98xxxx10@okaxis  Google Pay  -\n98xxxx10@ybl  PhonePe  A Payee\n");
    let shown: Value = serde_json::from_str(&vpas.json()).unwrap();
    let expected = json!({ "vpas": [
        { "vpa": "98xxxx10@okaxis", "app": "Google Pay", "name": null },
        { "vpa": "98xxxx10@ybl", "app": "PhonePe", "name": "A Payee" },
    ] });
    assert_eq!(shown, expected);
    let none = wire::masked_vpas(br#"{"status":0,"msg":null,"code":null,"data":null}"#);
    assert_eq!(none, Some(Vec::new()));
    assert_eq!(wire::masked_vpas(br#"{"status":1,"data":null}"#), None);
}
