//! One HTTP exchange, done once.
//!
//! reqwest's defaults are unsafe for money: no timeouts, ten redirects followed (307 and 308 post
//! the body again), requests sent again behind the caller's back, proxies taken from the
//! environment, bodies of any size. Each of them is turned off here, by name.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Request, Response, redirect, retry};

use crate::config::Merchant;
use crate::domain::call::{NoAnswer, RetryAfter};

use super::retry_after;
use super::transport_error::{self, TransportError};

/// The largest answer that is read; PayU's samples are below 2 KiB.
const BODY_SIZE_MAX: usize = 64 * 1024;

/// How long a connection may be idle and still be reused. It has to be shorter than the server's
/// keep-alive, or a request is written while the server closes; 5 s is the shortest default in
/// wide use (Node.js, `server.keepAliveTimeout`).
const IDLE_MAX: Duration = Duration::from_secs(4);

/// The connections of one merchant.
pub(super) struct Client {
    http: reqwest::Client,
}

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) retry_after: Option<RetryAfter>,
    /// `Date`: the server's clock.
    pub(super) date: Option<Timestamp>,
    pub(super) body: Vec<u8>,
}

/// An exchange without a whole answer.
pub(super) struct Failed {
    pub(super) error: TransportError,
    /// In words, without an address.
    pub(super) causes: String,
}

impl Failed {
    fn by(cause: &reqwest::Error, error: TransportError) -> Self {
        Self { error, causes: transport_error::causes(cause) }
    }
}

impl Client {
    pub(super) fn new(merchant: &Merchant) -> Result<Self, reqwest::Error> {
        let idle_connections = usize::try_from(merchant.concurrency.get()).unwrap_or(usize::MAX);
        let http = reqwest::Client::builder()
            .user_agent(concat!("smartsend/", env!("CARGO_PKG_VERSION")))
            // Without the header a server may compress all the same (RFC 9110, 12.5.3).
            .default_headers(
                [(ACCEPT_ENCODING, HeaderValue::from_static("identity"))].into_iter().collect(),
            )
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            .https_only(!merchant.sandbox)
            // On HTTP/2 a dead connection can outlive the call that it failed; on HTTP/1 a call
            // that is abandoned takes its connection with it.
            .http1_only()
            .connect_timeout(merchant.connect_timeout)
            .timeout(merchant.timeout)
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(idle_connections)
            .build()?;
        Ok(Self { http })
    }

    pub(super) async fn exchange(&self, request: Request) -> Result<Reply, Failed> {
        let mut response = match self.http.execute(request).await {
            Ok(response) => response,
            Err(error) => return Err(Failed::by(&error, transport_error::before_head(&error))),
        };
        let body = body_of(&mut response).await?;
        Ok(Reply {
            status: response.status().as_u16(),
            retry_after: retry_after_of(response.headers()),
            date: date_of(response.headers()),
            body,
        })
    }
}

async fn body_of(response: &mut Response) -> Result<Vec<u8>, Failed> {
    let too_large = || Failed {
        error: TransportError::NoAnswer(NoAnswer::TooLarge),
        causes: format!("an answer of more than {BODY_SIZE_MAX} bytes"),
    };
    if response.content_length().is_some_and(|size| size > BODY_SIZE_MAX as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_SIZE_MAX => {
                return Err(too_large());
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(Failed::by(&error, transport_error::after_head(&error))),
        }
    }
}

fn retry_after_of(headers: &HeaderMap) -> Option<RetryAfter> {
    let mut values = headers.get_all(reqwest::header::RETRY_AFTER).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None; // two of them contradict or repeat each other; neither is believed
    }
    retry_after::parse(value.to_str().ok()?)
}

fn date_of(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(reqwest::header::DATE)?.to_str().ok()?;
    Timestamp::try_from(httpdate::parse_http_date(date).ok()?).ok()
}
