//! One payout account, from the file's text to the types that the worker uses.

use std::num::NonZeroU32;
use std::time::Duration;

use url::Url;

use super::address;
use super::error::Findings;
use super::schema::{self, CancelAs, GrantType, InDoubt};
use super::secret::{Secret, Source, Vault};
use crate::admission::rate_limiter::Rate;
use crate::admission::{DividedLimits, Limits};
use crate::domain::account::{Account, is_merchant_name};
use crate::domain::amount::Amount;
use crate::domain::classify::ClassifyRules;
use crate::domain::link::LinkHosts;
use crate::domain::publisher_guard::PublisherGuard;
use crate::domain::spending::SpendLimits;

/// A burst that is allowed at any rate: with 1, every late wake-up is a request lost for good.
const BURST_ALWAYS: u32 = 2;

/// `[merchants.NAME]`: one payout account with its queue, rate and token.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// Also the routing key and a part of the queue's name.
    pub name: String,
    pub account: Account,
    pub api_url: Url,
    pub auth_url: Url,
    pub grant: Grant,
    /// What each of its queues may send.
    pub limits: DividedLimits,
    /// Calls in flight at once, of all its queues together.
    pub concurrency: NonZeroU32,
    /// For DNS, TCP and TLS.
    pub connect_timeout: Duration,
    /// For a whole call.
    pub timeout: Duration,
    pub cancel_as: CancelAs,
    pub max_amount: Amount,
    pub spend_limits: SpendLimits,
    pub publisher_guard: PublisherGuard,
    pub in_doubt: InDoubt,
    pub rules: ClassifyRules,
    /// Whether this account is the sandbox: http and any link host, and only loopback addresses.
    pub sandbox: bool,
}

/// How a token is obtained (RFC 6749, 4.4 and 4.3, with PayU's fields).
#[derive(Clone, Debug)]
pub enum Grant {
    ClientCredentials {
        client_id: String,
        client_secret: Secret,
    },
    /// With refresh.
    Password {
        /// PayU's public client id.
        client_id: String,
        /// The registered mobile or e-mail.
        username: Secret,
        password: Secret,
    },
}

impl schema::Merchant {
    /// The merchant, unless something is wrong with it.
    pub(super) fn checked(
        mut self,
        name: &str,
        vault: &Vault<'_>,
        findings: &mut Findings,
    ) -> Option<Merchant> {
        let key = |leaf: &str| format!("merchants.{name}.{leaf}");
        if !is_merchant_name(name) {
            let reason = "a merchant's name is at most 32 of a-z 0-9 and single _ between them, \
                          and begins with a letter";
            findings.refuse(&format!("merchants.{name}"), reason);
        }
        self.sandbox_fits(&key, findings);
        let grant = self.grant(&key, vault, findings);
        let publisher_guard = self.publisher_guard(&key, vault, findings);
        let id = self.payout_merchant_id;
        let id = findings.required(&key("payout_merchant_id"), id, "PayU's id, in quotes");
        let api =
            findings.required(&key("api"), self.api, "api = \"v2\", or \"v1\" for the older API");
        let rate = self.rate_per_second;
        let rate = findings.required(&key("rate_per_second"), rate, "the rate, such as 10");
        let what = "an amount such as \"200000.00\"";
        let max_amount = findings.required(&key("max_amount"), self.max_amount, what);

        let rate = Rate { per_second: rate?, burst: self.burst };
        let burst_max = rate.per_second.get().max(BURST_ALWAYS);
        // A burst above a second's worth is another rate in disguise.
        if rate.burst.get() > burst_max {
            let reason = format!(
                "it must be at most rate_per_second, or {BURST_ALWAYS}, but {} is more than \
                 {burst_max}",
                rate.burst
            );
            findings.refuse(&key("burst"), reason);
        }
        let Self { concurrency, max_retry_after, .. } = self;
        let whole = Limits { rate, concurrency: concurrency.get(), max_retry_after };
        let limits = match self.commands_per_second {
            None => DividedLimits::undivided(whole),
            Some(commands) => DividedLimits::divided(whole, commands)?,
        };
        let link_hosts =
            if self.sandbox { LinkHosts::Any } else { LinkHosts::Only(self.link_hosts) };
        Some(Merchant {
            name: name.to_owned(),
            account: Account { payout_merchant_id: id?, api: api? },
            api_url: self.api_url,
            auth_url: self.auth_url,
            grant: grant?,
            limits,
            concurrency,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            cancel_as: self.cancel_as,
            max_amount: max_amount?,
            spend_limits: SpendLimits { per_hour: self.max_per_hour, per_day: self.max_per_day },
            publisher_guard,
            in_doubt: self.in_doubt,
            rules: ClassifyRules { rejects: self.reject_codes, link_hosts },
            sandbox: self.sandbox,
        })
    }

    fn sandbox_fits(&self, key: &impl Fn(&str) -> String, findings: &mut Findings) {
        if findings.is_wrong(&key("sandbox")) {
            return;
        }
        for (leaf, url) in [("api_url", &self.api_url), ("auth_url", &self.auth_url)] {
            let reason = if self.sandbox && !address::is_loopback(url) {
                "with sandbox = true it must lead to this machine, such as \
                 http://127.0.0.1:8090/payout"
            } else if !self.sandbox && url.scheme() != "https" {
                "it must begin with https://; only sandbox = true allows http"
            } else {
                continue;
            };
            findings.refuse(&key(leaf), reason);
        }
        if !self.sandbox && self.link_hosts.is_empty() {
            let reason = "it must name at least one host, or no link could be published";
            findings.refuse(&key("link_hosts"), reason);
        }
    }

    fn publisher_guard(
        &mut self,
        key: &impl Fn(&str) -> String,
        vault: &Vault<'_>,
        findings: &mut Findings,
    ) -> PublisherGuard {
        let mut signing_keys = Vec::new();
        for (n, source) in std::mem::take(&mut self.signing_keys).into_iter().enumerate() {
            match vault.signing_key(source) {
                Ok(signing_key) => signing_keys.push(signing_key),
                Err(reason) => findings.refuse(&format!("{}[{n}]", key("signing_keys")), reason),
            }
        }
        PublisherGuard { publishers: std::mem::take(&mut self.publishers), signing_keys }
    }

    fn grant(
        &mut self,
        key: &impl Fn(&str) -> String,
        vault: &Vault<'_>,
        findings: &mut Findings,
    ) -> Option<Grant> {
        let client_id = self.client_id.take();
        let what = "the id that PayU gave for this account";
        let client_id = findings.required(&key("client_id"), client_id, what);
        // Without a grant it is unknown which secrets are needed.
        if findings.is_wrong(&key("grant")) {
            return None;
        }
        let mut secret = |leaf: &str, source: Option<Source>, grant: GrantType| {
            let reason = if grant == self.grant {
                match vault.open(source) {
                    Ok(secret) => return Some(secret),
                    Err(reason) => reason,
                }
            } else {
                source.map(|_| "it belongs to the other grant; leave it out".to_owned())?
            };
            findings.refuse(&key(leaf), reason);
            None
        };
        let client_secret =
            secret("client_secret", self.client_secret.take(), GrantType::ClientCredentials);
        let username = secret("username", self.username.take(), GrantType::Password);
        let password = secret("password", self.password.take(), GrantType::Password);
        Some(match self.grant {
            GrantType::ClientCredentials => {
                Grant::ClientCredentials { client_id: client_id?, client_secret: client_secret? }
            }
            GrantType::Password => {
                Grant::Password { client_id: client_id?, username: username?, password: password? }
            }
        })
    }
}
