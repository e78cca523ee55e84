//! The requests of one account, in the API that it is configured for.
//!
//! Paths, headers and fields are those of PayU's pages "Create Smart Send Link" (V1 and V2), "Get
//! Smart Send Details", "Cancel Smart Send Link" and "Extend Smart Send Expiry". Both APIs have the
//! same lookup and the same cancel, which is V1's, and there is no extend but V2's.

mod inquiry;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Request};
use url::Url;

use super::wire;
use crate::config::{CancelAs, Merchant};
use crate::domain::account::{Account, Api};
use crate::domain::command::{Action, Command};
use crate::domain::intent::Intent;
use crate::domain::reference::Reference;
use crate::ports::Token;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Each request is `None` if it cannot be built, which no configured account leads to: `config` has
/// checked `api_url` and `payout_merchant_id`.
pub(super) struct Dialect {
    api_url: Url,
    account: Account,
    cancel_as: CancelAs,
}

impl Dialect {
    pub(super) fn new(merchant: &Merchant) -> Self {
        Self {
            api_url: merchant.api_url.clone(),
            account: merchant.account.clone(),
            cancel_as: merchant.cancel_as,
        }
    }

    pub(super) fn create(&self, token: &Token, intent: &Intent) -> Option<Request> {
        self.create_with(token, wire::create_body(intent, self.account.api)?)
    }

    /// The same without a contact, which PayU's sample of a refusal lacks.
    pub(super) fn create_for_nobody(&self, token: &Token, intent: &Intent) -> Option<Request> {
        self.create_with(token, wire::create_body_for_nobody(intent, self.account.api)?)
    }

    fn create_with(&self, token: &Token, body: Vec<u8>) -> Option<Request> {
        let path: &[&str] = match self.account.api {
            Api::V1 => &["smartPay"],
            Api::V2 => &["v2", "smartSend", "link"],
        };
        let mut request = Request::new(Method::POST, below(&self.api_url, path)?);
        self.sign(request.headers_mut(), token, self.account.api)?;
        *request.body_mut() = Some(Body::from(body));
        Some(request)
    }

    pub(super) fn lookup(&self, token: &Token, reference: &Reference) -> Option<Request> {
        let mut url = below(&self.api_url, &["merchant", "smartSend", "details"])?;
        url.query_pairs_mut()
            .append_pair("payoutMerchantId", &self.account.payout_merchant_id)
            .append_pair("merchantRefId", reference.as_str());
        let mut request = Request::new(Method::GET, url);
        self.sign(request.headers_mut(), token, self.account.api)?;
        Some(request)
    }

    pub(super) fn manage(&self, token: &Token, command: &Command) -> Option<Request> {
        match command.action {
            Action::Cancel => self.cancel(token, &command.reference),
            Action::Extend(expiry) => self.extend(token, &command.reference, expiry),
        }
    }

    /// PayU's two pages differ in how the reference is sent.
    fn cancel(&self, token: &Token, reference: &Reference) -> Option<Request> {
        let mut url = below(&self.api_url, &["smartPay", "cancel"])?;
        if self.cancel_as == CancelAs::Query {
            url.query_pairs_mut().append_pair("merchantRefId", reference.as_str());
        }
        let mut request = Request::new(Method::POST, url);
        self.sign(request.headers_mut(), token, Api::V1)?;
        if self.cancel_as == CancelAs::Form {
            request.headers_mut().insert(CONTENT_TYPE, FORM);
            // A reference has no character that a form escapes.
            *request.body_mut() = Some(Body::from(format!("merchantRefId={reference}")));
        }
        Some(request)
    }

    fn extend(&self, token: &Token, reference: &Reference, expiry: Timestamp) -> Option<Request> {
        let mut url = below(&self.api_url, &["v2", "smartSend", "extendExpiry"])?;
        url.query_pairs_mut()
            .append_pair("merchantRefId", reference.as_str())
            .append_pair("expiryDate", &wire::date(expiry));
        let mut request = Request::new(Method::PUT, url);
        self.sign(request.headers_mut(), token, Api::V2)?;
        request.headers_mut().insert(CONTENT_TYPE, FORM);
        Some(request)
    }

    /// `api` says which header names the account.
    fn sign(&self, headers: &mut HeaderMap, token: &Token, api: Api) -> Option<()> {
        let mut bearer =
            HeaderValue::from_str(&format!("Bearer {}", token.bearer.expose())).ok()?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        let account_header = match api {
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
