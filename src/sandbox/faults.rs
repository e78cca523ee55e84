//! The document that configures how the sandbox misbehaves.
//!
//! It holds the shares of requests that go wrong, and a choice for each point that PayU's
//! documentation leaves open. All of it can be changed while the sandbox runs.

mod accounts;
mod commands;
mod forms;
mod lives;

use std::collections::BTreeMap;
use std::iter;

use axum::http::HeaderValue;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

pub use self::accounts::AccountSettings;
pub use self::commands::{
    BulkSettings, CancelSettings, CommandFaults, ExtendRule, ExtendSettings, FileIdPlace,
    FirstCancel, ReferencePlace,
};
pub use self::forms::{
    AmountForm, BlockedForm, CodedFailure, CustomerForm, FailureShape, LinkIdForm, ThrottleBody,
    ThrottleFault,
};
pub use self::lives::{ApprovalFlow, ApprovalSettings, LifeSettings, StatusSettings};

/// What goes wrong with one request; the keys of [`Faults`] describe each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    LostBefore,
    LostAfter,
    ResetBefore,
    ResetAfter,
    StallBefore,
    StallAfter,
    ErrorBefore,
    ErrorAfter,
    Garbage,
    CutShort,
    SlowDrip,
    CloseAfter,
    ExpiredToken,
    ForeignLink,
    Throttle,
    Refuse,
    Reject,
    Blocked,
}

/// `PUT /sandbox/faults`, and `--faults FILE`.
///
/// A share is between 0 and 1; the shares of one endpoint exclude each other, so their sum is
/// at most 1. Keys without a prefix are about creates. *After* means that the link was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the document")]
pub struct Faults {
    /// With the number of a request it decides which fault the request meets.
    pub seed: u64,
    /// Waits this long before a create has any effect.
    pub latency_ms: u64,
    /// Waits up to this much longer.
    pub latency_jitter_ms: u64,
    /// Closes the connection; no link.
    pub lost_before: f64,
    /// Closes the connection after the link is made.
    pub lost_after: f64,
    /// Resets the connection; no link.
    pub reset_before: f64,
    /// Resets the connection after the link is made.
    pub reset_after: f64,
    /// Never answers; no link.
    pub stall_before: f64,
    /// Never answers, after the link is made.
    pub stall_after: f64,
    /// Answers `error_status`; no link.
    pub error_before: f64,
    /// Answers `error_status` after the link is made.
    pub error_after: f64,
    /// The status of all errors of the server.
    pub error_status: u16,
    /// Answers each create of these references with an error of this status; no link.
    pub error_statuses: BTreeMap<String, u16>,
    /// Answers 200 with `garbage_body` after the link is made.
    pub garbage: f64,
    /// The body of garbage; a page of HTML if it is null.
    pub garbage_body: Option<String>,
    /// Closes the connection in the middle of the answer's body, after the link is made.
    pub cut_short: f64,
    /// Answers a byte at a time, after the link is made.
    pub slow_drip: f64,
    /// The time between two such bytes.
    pub slow_drip_ms: u64,
    /// Answers, and then closes the connection that it promised to keep.
    pub close_after: f64,
    /// Revokes the token that the create came with, and answers 401; no link.
    pub expired_token: f64,
    /// Makes a link on a host that is not PayU's.
    pub foreign_link: f64,
    /// Answers 429; no link. Its `retry_after` and `body` hold for all 429.
    pub throttle: ThrottleFault,
    /// Answers a failure with a code that may depend on the day; no link.
    pub refuse: CodedFailure,
    /// Answers a failure with a code that depends on the fields alone; no link.
    pub reject: CodedFailure,
    /// With a fault *after*: the link is made only this much later.
    pub late_effect_ms: u64,
    /// Makes one more link with each create, whatever its reference.
    pub naive: bool,
    /// Answers 429 to requests of a merchant above this many in any second; not to those for tokens.
    pub rate_limit_per_second: Option<u32>,
    /// Where links point to.
    pub link_host: String,
    /// The code for a reference that has a link: PayU lists 1103, 1115 and 1125.
    pub duplicate_code: u16,
    /// Answers a create for such a reference with the link that it has, whatever else it says.
    pub duplicate_returns_link: bool,
    /// Where a failure of a create has its code.
    pub failure_shape: FailureShape,
    /// The HTTP status of a failure of a create, a cancel or an extension.
    pub failure_http_status: u16,
    /// Whether V2 turns away a create without the keys `custMobile`, `custEmail` and `expiryDate`,
    /// which one of PayU's OpenAPI files lists as required; an empty text is enough.
    pub v2_all_keys: bool,

    /// Waits this long before a lookup.
    pub details_latency_ms: u64,
    /// Answers `error_status`.
    pub details_error: f64,
    /// Closes the connection.
    pub details_lost: f64,
    /// Never answers.
    pub details_stall: f64,
    /// Answers 200 with `garbage_body`.
    pub details_garbage: f64,
    /// Answers 429.
    pub details_throttle: f64,
    /// Revokes the token that the lookup came with, and answers 401.
    pub details_expired_token: f64,
    /// Hides links that are younger than this from details.
    pub details_lag_ms: u64,
    /// Hides all links from details: PayU does not say that those of V1 are shown.
    pub details_blind: bool,
    /// The HTTP status of "not found".
    pub details_not_found_status: u16,
    /// The `smartSendStatus` that details show for all links; their own if it is null.
    pub details_status: Option<String>,
    /// The `smartSendStatus` that details show for single references.
    pub statuses: BTreeMap<String, String>,
    /// Whether details contain the link.
    pub details_link: bool,
    /// Which `linkId` details give.
    pub details_link_id: LinkIdForm,
    /// How details write the amount.
    pub details_amount: AmountForm,
    /// How much details show of the customer.
    pub details_customer: CustomerForm,

    /// Waits this long before a token is issued.
    pub token_latency_ms: u64,
    /// Answers `error_status`.
    pub token_error: f64,
    /// Never answers.
    pub token_stall: f64,
    /// Answers 200 with `garbage_body`.
    pub token_garbage: f64,
    /// The life of a token.
    pub token_life_s: u64,
    /// Issues a live token again, with the life that remains.
    pub token_reuse: bool,
    /// Replaces the refresh token at each refresh.
    pub refresh_rotates: bool,
    /// Ends a client's or a user's other tokens when one is issued.
    pub token_ends_others: bool,

    /// How links age.
    pub life: LifeSettings,
    /// Whether fresh links wait for an approver.
    pub approval: ApprovalSettings,
    /// What goes wrong with cancels; it has the shares of creates.
    pub cancel_faults: CommandFaults,
    pub cancel: CancelSettings,
    /// What goes wrong with extensions; it has the shares of creates.
    pub extend_faults: CommandFaults,
    pub extend: ExtendSettings,
    pub v2_status: StatusSettings,
    /// What the merchants' accounts hold, and who may call.
    pub account: AccountSettings,
    /// What goes wrong with the processing of bulk files; it has the shares of creates.
    pub bulk_faults: CommandFaults,
    pub bulk: BulkSettings,
    /// Whether the amounts that `smartsend sandbox --help` lists do what it says there.
    pub magic_amounts: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot use these faults: {0}")]
pub struct FaultsError(pub(super) String);

impl Faults {
    /// Parses the document; every key is optional. The values are checked when it is used.
    pub fn parse(json: &[u8]) -> Result<Self, FaultsError> {
        serde_json::from_slice(json).map_err(|e| FaultsError(e.to_string()))
    }

    /// The keys of the document, and those of the settings in it as `life.speed`.
    pub fn names() -> Vec<String> {
        let document = serde_json::to_value(Self::default()).unwrap_or_default();
        let names = |(key, value): (&String, &Value)| match value.as_object() {
            Some(settings) if !settings.is_empty() && !key.ends_with("_faults") => {
                settings.keys().map(|name| format!("{key}.{name}")).collect()
            }
            _ => vec![key.clone()],
        };
        document.as_object().into_iter().flatten().flat_map(names).collect()
    }

    /// The keys of those in the document whose names end in `_faults`.
    pub fn command_names() -> Vec<String> {
        let document = serde_json::to_value(CommandFaults::default()).unwrap_or_default();
        document.as_object().into_iter().flat_map(|keys| keys.keys().cloned()).collect()
    }

    /// Checks what the types do not. [`FaultInjector`](super::fault_injector) checks the shares.
    pub(super) fn check(&self) -> Result<(), FaultsError> {
        let wrong = |text: &str| Err(FaultsError(text.to_owned()));
        let mut errors = iter::once(&self.error_status).chain(self.error_statuses.values());
        if !errors.all(|status| (300..=599).contains(status)) {
            return wrong("error_status and error_statuses must be from 300 to 599");
        }
        for status in [self.failure_http_status, self.details_not_found_status] {
            if !(200..=599).contains(&status) {
                return wrong(
                    "failure_http_status and details_not_found_status must be from 200 to 599",
                );
            }
        }
        let url = Url::parse(&self.link_host);
        if !url.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
            return wrong("link_host must be such as https://test.payumoney.com");
        }
        if self.life.speed == 0 {
            return wrong("life.speed must be at least 1");
        }
        if !self.account.is_right() {
            return wrong("account.balance must be an amount such as 94003 or \"94003.50\"");
        }
        let retry_after = self.throttle.retry_after.as_deref().map(HeaderValue::from_str);
        if retry_after.is_some_and(|value| value.is_err()) {
            return wrong("throttle.retry_after must be a text that fits in a header");
        }
        Ok(())
    }
}

/// No faults, and the samples of the documentation read literally.
impl Default for Faults {
    fn default() -> Self {
        Self {
            seed: 1,
            latency_ms: 0,
            latency_jitter_ms: 0,
            lost_before: 0.0,
            lost_after: 0.0,
            reset_before: 0.0,
            reset_after: 0.0,
            stall_before: 0.0,
            stall_after: 0.0,
            error_before: 0.0,
            error_after: 0.0,
            error_status: 502,
            error_statuses: BTreeMap::new(),
            garbage: 0.0,
            garbage_body: None,
            cut_short: 0.0,
            slow_drip: 0.0,
            slow_drip_ms: 500,
            close_after: 0.0,
            expired_token: 0.0,
            foreign_link: 0.0,
            throttle: ThrottleFault::default(),
            refuse: CodedFailure::default(),
            reject: CodedFailure { share: 0.0, code: 1105 },
            late_effect_ms: 0,
            naive: false,
            rate_limit_per_second: None,
            link_host: "https://test.payumoney.com".to_owned(),
            duplicate_code: 1103,
            duplicate_returns_link: false,
            failure_shape: FailureShape::DataArray,
            failure_http_status: 200,
            v2_all_keys: false,
            details_latency_ms: 0,
            details_error: 0.0,
            details_lost: 0.0,
            details_stall: 0.0,
            details_garbage: 0.0,
            details_throttle: 0.0,
            details_expired_token: 0.0,
            details_lag_ms: 0,
            details_blind: false,
            details_not_found_status: 200,
            details_status: None,
            statuses: BTreeMap::new(),
            details_link: true,
            details_link_id: LinkIdForm::Uuid,
            details_amount: AmountForm::Number,
            details_customer: CustomerForm::Full,
            token_latency_ms: 0,
            token_error: 0.0,
            token_stall: 0.0,
            token_garbage: 0.0,
            token_life_s: 7199,
            token_reuse: true,
            refresh_rotates: false,
            token_ends_others: false,
            life: LifeSettings::default(),
            approval: ApprovalSettings::default(),
            cancel_faults: CommandFaults::default(),
            cancel: CancelSettings::default(),
            extend_faults: CommandFaults::default(),
            extend: ExtendSettings::default(),
            v2_status: StatusSettings::default(),
            account: AccountSettings::default(),
            bulk_faults: CommandFaults::default(),
            bulk: BulkSettings::default(),
            magic_amounts: false,
        }
    }
}
