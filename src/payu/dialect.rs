//! The requests of one account, in the API that it is configured for.
//!
//! Paths, headers and fields are those of PayU's pages "Create Smart Send Link" (V1 and V2) and "Get
//! Smart Send Details". Both APIs have the same lookup.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Request};
use url::Url;

use super::wire;
use crate::config::Merchant;
use crate::domain::account::{Account, Api};
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;
use crate::ports::Token;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Each request is `None` if it cannot be built, which no configured account leads to: `config` has
/// checked `api_url` and `payout_merchant_id`.
pub(super) struct Dialect {
    api_url: Url,
    account: Account,
}

impl Dialect {
    pub(super) fn new(merchant: &Merchant) -> Self {
        Self { api_url: merchant.api_url.clone(), account: merchant.account.clone() }
    }

    pub(super) fn create(&self, token: &Token, intent: &Intent) -> Option<Request> {
        let path: &[&str] = match self.account.api {
            Api::V1 => &["smartPay"],
            Api::V2 => &["v2", "smartSend", "link"],
        };
        let mut request = Request::new(Method::POST, below(&self.api_url, path)?);
        self.sign(request.headers_mut(), token)?;
        let body = wire::create_body(intent, self.account.api)?;
        *request.body_mut() = Some(Body::from(body));
        Some(request)
    }

    pub(super) fn lookup(&self, token: &Token, reference: &Reference) -> Option<Request> {
        let mut url = below(&self.api_url, &["merchant", "smartSend", "details"])?;
        url.query_pairs_mut()
            .append_pair("payoutMerchantId", &self.account.payout_merchant_id)
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
        let account_header = match self.account.api {
            Api::V1 => HeaderName::from_static("payoutmerchantid"),
            Api::V2 => HeaderName::from_static("pid"),
        };
        headers.insert(account_header, self.account.payout_merchant_id.parse().ok()?);
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
