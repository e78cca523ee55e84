//! Smart Send V1: the requests that create a link and look a reference up.
//!
//! Paths, headers and fields are those of PayU's pages "Create Smart Send Link" and "Get Smart
//! Send Details".

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Request};
use url::Url;

use crate::config::Merchant;
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;
use crate::ports::Token;

use crate::payu::wire;

const PAYOUT_MERCHANT_ID: HeaderName = HeaderName::from_static("payoutmerchantid");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The requests of one account. Each is `None` if it cannot be built, which no configured account
/// leads to: `config` has checked `api`, `api_url` and `payout_merchant_id`.
pub(in crate::payu) struct V1 {
    api_url: Url,
    payout_merchant_id: String,
}

impl V1 {
    pub(in crate::payu) fn new(merchant: &Merchant) -> Self {
        let payout_merchant_id = merchant.account.payout_merchant_id.clone();
        Self { api_url: merchant.api_url.clone(), payout_merchant_id }
    }

    pub(in crate::payu) fn create(&self, token: &Token, intent: &Intent) -> Option<Request> {
        let mut request = Request::new(Method::POST, below(&self.api_url, &["smartPay"])?);
        self.sign(request.headers_mut(), token)?;
        *request.body_mut() = Some(Body::from(wire::create_body(intent)?));
        Some(request)
    }

    pub(in crate::payu) fn lookup(&self, token: &Token, reference: &Reference) -> Option<Request> {
        let mut url = below(&self.api_url, &["merchant", "smartSend", "details"])?;
        url.query_pairs_mut()
            .append_pair("payoutMerchantId", &self.payout_merchant_id)
            .append_pair("merchantRefId", reference.as_str());
        let mut request = Request::new(Method::GET, url);
        self.sign(request.headers_mut(), token)?;
        Some(request)
    }

    fn sign(&self, headers: &mut HeaderMap, token: &Token) -> Option<()> {
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", token.bearer.expose())).ok()?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(PAYOUT_MERCHANT_ID, self.payout_merchant_id.parse().ok()?);
        // PayU's sample sends it with the lookup too, though that has no body.
        headers.insert(CONTENT_TYPE, JSON);
        Some(())
    }
}

/// `base` with more path, whether or not it ends with a slash.
fn below(base: &Url, path: &[&str]) -> Option<Url> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}
