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

/// The requests of one account.
pub(in crate::payu) struct V1 {
    create_url: Url,
    /// It already names the account.
    details_url: Url,
    payout_merchant_id: HeaderValue,
}

impl V1 {
    /// `None` if the configured base takes no path, or the account's id does not fit into a header.
    pub(in crate::payu) fn new(merchant: &Merchant) -> Option<Self> {
        let id = &merchant.account.payout_merchant_id;
        let mut details_url = below(&merchant.api_url, &["merchant", "smartSend", "details"])?;
        details_url.query_pairs_mut().append_pair("payoutMerchantId", id);
        Some(Self {
            create_url: below(&merchant.api_url, &["smartPay"])?,
            details_url,
            payout_merchant_id: HeaderValue::from_str(id).ok()?,
        })
    }

    /// The request for a link; `None` if it cannot be built.
    pub(in crate::payu) fn create(&self, token: &Token, intent: &Intent) -> Option<Request> {
        let mut request = Request::new(Method::POST, self.create_url.clone());
        self.sign(request.headers_mut(), token)?;
        *request.body_mut() = Some(Body::from(wire::create_body(intent)?));
        Some(request)
    }

    /// The lookup of a reference; `None` if it cannot be built.
    pub(in crate::payu) fn lookup(&self, token: &Token, reference: &Reference) -> Option<Request> {
        let mut url = self.details_url.clone();
        url.query_pairs_mut().append_pair("merchantRefId", reference.as_str());
        let mut request = Request::new(Method::GET, url);
        self.sign(request.headers_mut(), token)?;
        Some(request)
    }

    fn sign(&self, headers: &mut HeaderMap, token: &Token) -> Option<()> {
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", token.bearer.expose())).ok()?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        headers.insert(PAYOUT_MERCHANT_ID, self.payout_merchant_id.clone());
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
