//! Every default, with its reason.
//!
//! There is none for what money depends on: the account, the API, the credentials, the rate and the
//! largest amount are written by a person, or the worker does not start.

/// A broker on the same machine, as RabbitMQ's packages set it up.
pub(super) const URLS: &[&str] = &["amqp://guest:guest@127.0.0.1:5672/%2f"];
/// The product's name.
pub(super) const PREFIX: &str = "smartsend";
/// Notices a dead peer within 20 s; RabbitMQ advises 5 to 20 s ("Heartbeats").
pub(super) const HEARTBEAT: &str = "10s";
/// A quorum queue confirms in milliseconds; 5 s is a broker in trouble.
pub(super) const CONFIRM_TIMEOUT: &str = "5s";
/// RabbitMQ's own default since 3.8.17 ("Consumers", delivery acknowledgement timeout).
pub(super) const CONSUMER_TIMEOUT: &str = "30m";

/// PayU's production ("Environments" of the payouts documentation).
pub(super) const API_URL: &str = "https://payout.payumoney.com/payout";
/// PayU's production.
pub(super) const AUTH_URL: &str = "https://accounts.payu.in/oauth/token";
/// The grant that needs no person's password.
pub(super) const GRANT: &str = "client_credentials";
/// With burst 1 every late wake-up is a turn lost for good; 2 makes up for it.
pub(super) const BURST: u32 = 2;
/// Enough for 10 requests per second that take 1.5 s each.
pub(super) const CONCURRENCY: u32 = 16;
/// Well below `timeout`, so that a slow connect is known to have sent nothing.
pub(super) const CONNECT_TIMEOUT: &str = "3s";
/// An answer that never comes costs looks, so it is waited for rather long.
pub(super) const TIMEOUT: &str = "20s";
/// A longer `Retry-After` is rather a mistake than a wish.
pub(super) const MAX_PAUSE: &str = "15m";
/// None: a code that is not known is never taken for a failure.
pub(super) const REJECTS: &[&str] = &[];
/// PayU's samples show links on `test.payumoney.com`; its pages name no host of production, and its
/// services live on both domains.
pub(super) const LINK_HOSTS: &[&str] = &["payumoney.com", "payu.in"];
/// Real money.
pub(super) const SANDBOX: bool = false;

/// Longer than a delivery waits in hand for its turn.
pub(super) const HOLD: &str = "60s";
/// From a hiccup to an outage.
pub(super) const DELAYS: &[&str] = &["1s", "5s", "30s", "2m", "10m"];
/// A day, after which a person should know.
pub(super) const MAX_AGE: &str = "24h";

/// Details lags: "kindly fetch details after some time" (PayU, "Details").
pub(super) const SETTLE: &str = "5s";
/// One not-found proves nothing, nor do two that are close together.
pub(super) const LOOKS: u32 = 3;
/// PayU does not say how long details lags, so it is minutes rather than seconds.
pub(super) const QUARANTINE: &str = "5m";
/// The same reference goes again; PayU refuses a second link for it.
pub(super) const ON_NOT_FOUND: &str = "resend";
/// It would double the requests, and the rate is the scarce thing.
pub(super) const LOOK_FIRST: bool = false;

/// Loopback: the pages hold no secrets, but are nobody else's business.
pub(super) const LISTEN: &str = "127.0.0.1:8080";
/// What log collectors read.
pub(super) const FORMAT: &str = "json";
/// Every result and every change of state, and no more.
pub(super) const LEVEL: &str = "info";
/// Covers the last call and its publish, 20s + 5s, with a little room.
pub(super) const DRAIN: &str = "30s";
