//! What the documentation leaves open about the life of a link.

use serde::{Deserialize, Serialize};

/// How links age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LifeSettings {
    /// How many seconds of a link's life pass in a second.
    pub speed: u64,
    /// How late the job is that expires links, in their own time. In PayU's sample it took three
    /// seconds.
    pub expiry_late_ms: u64,
    /// Whether a payee can claim a link between its date and the job.
    pub late_claims: bool,
}

/// The approval flow of PayU's dashboard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApprovalSettings {
    pub flow: ApprovalFlow,
    /// Whether create and details give a link that waits.
    pub shows_link: bool,
    /// Whether the payee of a link that waits is notified only when it is approved.
    pub holds_message: bool,
    /// Whether a payee can claim a link that waits.
    pub claims: bool,
}

/// V2's status call.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusSettings {
    /// Whether it wants a token, which PayU's samples for it lack.
    pub wants_token: bool,
    /// Whether it is gone, as its page is from PayU's index.
    pub is_gone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalFlow {
    #[default]
    Off,
    /// A create with `disableApprovalFlow` does without.
    Optional,
    /// A create with `disableApprovalFlow` fails with 1126.
    Required,
}

impl Default for LifeSettings {
    fn default() -> Self {
        Self { speed: 1, expiry_late_ms: 3_000, late_claims: true }
    }
}

impl Default for ApprovalSettings {
    fn default() -> Self {
        Self { flow: ApprovalFlow::Off, shows_link: true, holds_message: true, claims: false }
    }
}
