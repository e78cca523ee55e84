//! A merchant's account, and a payee's masked ones.

use reqwest::{Method, StatusCode};
use serde_json::json;
use smartsend::sandbox::SandboxSettings;

use super::{MERCHANT, Stage, read};

const ACCOUNT: &str = "/payout/merchant/getAccountDetail";
const VPAS: &str = "/payout/payment/fetchMaskedVpa";

#[tokio::test]
async fn an_account_has_the_keys_of_payu_s_sample() {
    let stage = Stage::new().await;
    let (status, mut body) = stage.get(ACCOUNT, &[]).await;
    assert_eq!(status, StatusCode::OK);
    let uuid = body["data"].as_object_mut().unwrap().remove("uuid").unwrap();
    assert!(uuid.as_str().unwrap().starts_with("11e8-5a8f-"), "{uuid}");
    assert_eq!(
        body,
        json!({"status": 0, "msg": null, "code": null, "data": {
            "payoutMerchantId": 1_111_111, "virtualAccountNumber": "PAYUIN1111111",
            "transferableAmount": 0, "balance": 94_003, "lowBalance": false,
            "ifsc": "YESB0CMSNOC", "type": "current", "clientId": "sandbox-public-client",
            "transitAccountNumber": null}})
    );
    assert_eq!(stage.last()["kind"], "account");
}

#[tokio::test]
async fn a_balance_is_written_as_the_setting_has_it() {
    let stage = Stage::new().await;
    for (balance, written) in [
        (json!(0), "0"),
        (json!(-12.5), "-12.5"),
        (json!("94003.50"), "94003.50"),
        (json!("12345678901234567.89"), "12345678901234567.89"),
    ] {
        stage.set_faults(&json!({"account": {"balance": balance, "is_low": true}}));
        let request = stage.http.get(stage.url(ACCOUNT)).bearer_auth(&stage.token);
        let request = request.header("payoutMerchantId", MERCHANT);
        let text = request.send().await.unwrap().text().await.unwrap();
        assert!(text.contains(&format!(r#""balance":{written},"lowBalance":true"#)), "{text}");
    }
}

#[tokio::test]
async fn an_account_is_a_known_merchant_s_own() {
    let merchants = vec!["2222222".to_owned()];
    let settings = SandboxSettings { merchants, ..SandboxSettings::default() };
    let mut stage = Stage::with(settings).await;
    assert_eq!(stage.get(ACCOUNT, &[]).await.1["code"], 1100);
    stage.token = "0".repeat(64);
    assert_eq!(stage.get(ACCOUNT, &[]).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn masked_vpas_are_keys_beside_a_number() {
    let stage = Stage::new().await;
    let mut answers = Vec::new();
    for method in [Method::GET, Method::POST] {
        let url = stage.url(&format!("{VPAS}?mobileNumber=9876543211"));
        let request = stage.http.request(method, url).bearer_auth(&stage.token);
        answers
            .push(read(request.header("payoutMerchantId", MERCHANT).send().await.unwrap()).await);
    }
    let request = stage.http.post(stage.url(VPAS)).bearer_auth(&stage.token);
    let request = request.header("payoutMerchantId", MERCHANT);
    let form = request.form(&[("mobileNumber", "9876543211")]);
    answers.push(read(form.send().await.unwrap()).await);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let data = answers[0].1["data"].as_object().unwrap();
    assert_eq!(answers[0].1["status"], 0);
    assert_eq!(data["result"].to_string(), "1.0");
    let google = &data["9x7x5x3x1x@okaxis"];
    assert_eq!((&google["name"], &google["App_Name"]), (&json!(""), &json!("Google Pay")));
    assert_eq!(google["Token"].as_str().unwrap().len(), 21);
    assert_eq!(data["9x7x5x3x1x@ybl"]["App_Name"], "PhonePe");
    assert_eq!(data.len(), 3);
    let none = stage.get(VPAS, &[("mobileNumber", "9876543210")]).await.1;
    assert_eq!(none, json!({"status": 0, "msg": null, "code": null, "data": null}));
    assert_eq!(stage.get(VPAS, &[]).await.0, StatusCode::BAD_REQUEST);
}
