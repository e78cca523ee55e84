//! The whole ledger, written out.

use std::sync::Arc;

use serde::Serialize;

use super::{Ledger, ReferenceState, RequestEntry};
use crate::sandbox::life::{Actor, LinkStatus};
use crate::sandbox::link::{ApiVersion, StoredLink};

/// In the order of arrival.
#[derive(Debug, Clone, Serialize)]
pub struct LedgerEntries {
    pub requests: Vec<RequestEntry>,
    pub links: Vec<LinkEntry>,
    /// One for each reference that has a link.
    pub messages: Vec<MessageEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkEntry {
    /// The payout merchant id.
    pub merchant: Arc<str>,
    /// The `merchantRefId`.
    pub reference: Arc<str>,
    pub api: ApiVersion,
    /// With two decimals.
    pub amount: String,
    /// What the payee opens.
    pub link: String,
    /// The `linkId` of the create.
    pub link_id: String,
    /// Microseconds since 1970.
    pub made_at_us: u64,
    /// Microseconds since 1970, in the link's own time.
    pub expires_at_us: u64,
    /// What two of PayU's calls take, and no response has.
    pub smart_send_id: u64,
    pub status: LinkStatus,
    /// The payout's own status.
    pub txn_status: Option<Arc<str>>,
    /// What has changed since the link was made.
    pub history: Vec<ChangeEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeEntry {
    /// Microseconds since 1970.
    pub at_us: u64,
    pub by: Actor,
    pub status: LinkStatus,
    pub txn_status: Option<Arc<str>>,
    pub expires_at_us: u64,
}

/// The messages to one payee: each link is announced once, by SMS, e-mail or both, and one that
/// waits for approval perhaps later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageEntry {
    /// The payout merchant id.
    pub merchant: Arc<str>,
    /// The `merchantRefId`.
    pub reference: Arc<str>,
    /// Announcements, each by one or both channels.
    pub messages: u32,
    pub sms: u32,
    pub emails: u32,
}

/// A copy of what [`LedgerEntries`] are made from: to copy is quick, to write out is not.
pub(in crate::sandbox) struct LedgerSnapshot {
    requests: Vec<RequestEntry>,
    references: Vec<(Arc<str>, Arc<str>, ReferenceState)>,
}

impl Ledger {
    pub(in crate::sandbox) fn snapshot(&mut self, now_us: u64) -> LedgerSnapshot {
        self.expire_all(now_us);
        let mut references = Vec::new();
        for (merchant, state) in &self.merchants {
            for (reference, state) in &state.references {
                if !state.links.is_empty() {
                    references.push((merchant.clone(), reference.clone(), state.clone()));
                }
            }
        }
        LedgerSnapshot { requests: self.requests.clone(), references }
    }
}

impl LedgerSnapshot {
    pub(in crate::sandbox) fn into_entries(mut self) -> LedgerEntries {
        self.references.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let (mut links, mut messages) = (Vec::new(), Vec::new());
        for (merchant, reference, state) in self.references {
            let entry = |link| LinkEntry::new(&merchant, &reference, link);
            links.extend(state.links.iter().map(entry));
            let ReferenceState { messages: count, sms, emails, .. } = state;
            messages.push(MessageEntry { merchant, reference, messages: count, sms, emails });
        }
        links.sort_by_key(|link| link.made_at_us);
        LedgerEntries { requests: self.requests, links, messages }
    }
}

impl LinkEntry {
    pub(in crate::sandbox) fn new(
        merchant: &Arc<str>,
        reference: &Arc<str>,
        link: &StoredLink,
    ) -> Self {
        let state = link.state();
        let history = link.history.iter().map(|change| ChangeEntry {
            at_us: change.at_us,
            by: change.by,
            status: change.state.status,
            txn_status: change.state.txn_status.clone(),
            expires_at_us: change.state.expires_at_us,
        });
        Self {
            merchant: merchant.clone(),
            reference: reference.clone(),
            api: link.api,
            amount: link.amount(),
            link: link.url(),
            link_id: link.id(),
            made_at_us: link.made_at_us,
            expires_at_us: state.expires_at_us,
            smart_send_id: link.smart_send_id(),
            status: state.status,
            txn_status: state.txn_status,
            history: history.collect(),
        }
    }
}
