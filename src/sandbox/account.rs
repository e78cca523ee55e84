//! PayU's "Get Account Details": `GET /payout/merchant/getAccountDetail`; and its "Fetch Masked VPAs",
//! which is deprecated: `/payout/payment/fetchMaskedVpa`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::cuttable_stream::CutHandle;
use super::exchange::HttpExchange;
use super::link::{ApiVersion, number_or_text};
use super::merchant_call::MerchantCall;
use super::parameters::Parameters;
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::splitmix64::splitmix64;
use super::state::SandboxState;
use super::token::user_uuid;

pub(super) const PATH: &str = "/payout/merchant/getAccountDetail";
pub(super) const VPA_PATH: &str = "/payout/payment/fetchMaskedVpa";

/// The keys of PayU's sample.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountData<'a> {
    payout_merchant_id: Box<RawValue>,
    uuid: String,
    virtual_account_number: String,
    transferable_amount: u8,
    balance: Box<RawValue>,
    low_balance: bool,
    ifsc: &'a str,
    r#type: &'a str,
    client_id: &'a str,
    transit_account_number: Option<&'a str>,
}

pub(super) async fn account(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    headers: HeaderMap,
) -> Response {
    let effect = |exchange: &HttpExchange, merchant: &str, _: &str| {
        let settings = &exchange.injector.faults.account;
        let data = AccountData {
            payout_merchant_id: number_or_text(merchant),
            uuid: user_uuid(merchant),
            virtual_account_number: format!("PAYUIN{merchant}"),
            transferable_amount: 0,
            balance: settings.balance_json(),
            low_balance: settings.is_low,
            ifsc: "YESB0CMSNOC",
            r#type: "current",
            client_id: "sandbox-public-client",
            transit_account_number: None,
        };
        PayuResponse::success(None, data)
    };
    let call = MerchantCall::new(RequestKind::Account, PATH, ApiVersion::V1);
    call.run(&state, connection, &headers, effect).await
}

/// Takes the number from the query or from the form: PayU's sample sends it by both.
pub(super) async fn masked_vpas(
    State(state): State<Arc<SandboxState>>,
    Extension(connection): Extension<CutHandle>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mobile = Parameters::of_query(query.as_deref()).take("mobileNumber");
    let mobile = mobile.or_else(|| Parameters::of_form(&headers, &body).take("mobileNumber"));
    let effect = move |exchange: &HttpExchange, _: &str, _: &str| match &mobile {
        Some(mobile) => PayuResponse::success(None, vpas_of(mobile)),
        None => exchange.missing_parameter("mobileNumber"),
    };
    let call = MerchantCall::new(RequestKind::Vpas, VPA_PATH, ApiVersion::V1);
    call.run(&state, connection, &headers, effect).await
}

/// Nobody has a number that ends in 0, everybody else two accounts. They stand beside a number, as
/// keys.
fn vpas_of(mobile: &str) -> Option<Value> {
    if mobile.ends_with('0') || mobile.is_empty() {
        return None;
    }
    let masked: String =
        mobile.chars().enumerate().map(|(place, c)| if place % 2 == 0 { c } else { 'x' }).collect();
    let seed = mobile.bytes().fold(0, |seed, byte| splitmix64(seed, byte.into()));
    let token = |number| format!("{:016x}{:05x}", splitmix64(seed, number), number);
    let mut data = BTreeMap::from([("result".to_owned(), json!(1.0))]);
    for (number, bank, name, app) in
        [(1, "okaxis", "", "Google Pay"), (2, "ybl", "A Payee ", "PhonePe")]
    {
        let account = json!({"Token": token(number), "name": name, "App_Name": app});
        data.insert(format!("{masked}@{bank}"), account);
    }
    Some(json!(data))
}
