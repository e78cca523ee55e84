//! Which request meets which fault.
//!
//! Chance would make a failed run impossible to repeat. So the requests of each kind are numbered,
//! and the number and the seed alone decide; traffic of another kind does not shift the faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::faults::{CommandFaults, FailureShape, Fault, Faults, FaultsError};
use super::request_kind::RequestKind;
use super::splitmix64::splitmix64;

/// A share is compared with this many bits of a draw: all that the digits of a float hold.
const SHARE_BITS: u32 = 53;

/// The faults of one kind of request, each with the upper end of the draws that meet it.
type Thresholds = Vec<(u64, Fault)>;

#[derive(Debug)]
pub(super) struct FaultInjector {
    pub(super) faults: Faults,
    pub(super) link_host: Arc<str>,
    thresholds: BTreeMap<RequestKind, Thresholds>,
}

impl FaultInjector {
    pub(super) fn new(faults: Faults) -> Result<Self, FaultsError> {
        faults.check()?;
        let create = [
            (Fault::LostBefore, faults.lost_before),
            (Fault::LostAfter, faults.lost_after),
            (Fault::ResetBefore, faults.reset_before),
            (Fault::ResetAfter, faults.reset_after),
            (Fault::StallBefore, faults.stall_before),
            (Fault::StallAfter, faults.stall_after),
            (Fault::ErrorBefore, faults.error_before),
            (Fault::ErrorAfter, faults.error_after),
            (Fault::Garbage, faults.garbage),
            (Fault::CutShort, faults.cut_short),
            (Fault::SlowDrip, faults.slow_drip),
            (Fault::CloseAfter, faults.close_after),
            (Fault::ExpiredToken, faults.expired_token),
            (Fault::ForeignLink, faults.foreign_link),
            (Fault::Throttle, faults.throttle.share),
            (Fault::Refuse, faults.refuse.share),
            (Fault::Reject, faults.reject.share),
        ];
        let details = [
            (Fault::ErrorBefore, faults.details_error),
            (Fault::LostBefore, faults.details_lost),
            (Fault::StallBefore, faults.details_stall),
            (Fault::Garbage, faults.details_garbage),
            (Fault::Throttle, faults.details_throttle),
            (Fault::ExpiredToken, faults.details_expired_token),
        ];
        let token = [
            (Fault::ErrorBefore, faults.token_error),
            (Fault::StallBefore, faults.token_stall),
            (Fault::Garbage, faults.token_garbage),
        ];
        let cancels = faults.cancel_faults.shares();
        let extensions = faults.extend_faults.shares();
        let bulk_files = faults.bulk_faults.shares();
        let thresholds = BTreeMap::from([
            (RequestKind::Create, thresholds("creates", &create)?),
            (RequestKind::Details, thresholds("details", &details)?),
            (RequestKind::Token, thresholds("tokens", &token)?),
            (RequestKind::Cancel, thresholds("cancels", &cancels)?),
            (RequestKind::Extend, thresholds("extensions", &extensions)?),
            (RequestKind::BulkProcess, thresholds("bulk files", &bulk_files)?),
        ]);
        Ok(Self { link_host: faults.link_host.as_str().into(), thresholds, faults })
    }

    /// The fault of the `number`th request of a kind.
    pub(super) fn fault(&self, kind: RequestKind, number: u64) -> Option<Fault> {
        let thresholds = self.thresholds.get(&kind)?;
        let draw = splitmix64(self.stream(kind, 0), number) >> (u64::BITS - SHARE_BITS);
        thresholds.iter().find(|(end, _)| draw < *end).map(|(_, fault)| *fault)
    }

    /// The error that every create of a reference meets.
    pub(super) fn error_of(&self, kind: RequestKind, reference: Option<&str>) -> Option<u16> {
        let reference = reference.filter(|_| kind == RequestKind::Create)?;
        self.faults.error_statuses.get(reference).copied()
    }

    /// The code of a request that is refused or rejected whatever it says.
    pub(super) fn refusal_code(&self, kind: RequestKind, fault: Fault) -> u16 {
        let of_create =
            if fault == Fault::Reject { &self.faults.reject } else { &self.faults.refuse };
        self.command_faults(kind).map_or(of_create.code, |faults| faults.refuse_code)
    }

    /// Where a failure has its code: at the top level, in all of PayU's samples but those of creates.
    pub(super) fn shape(&self, kind: RequestKind) -> FailureShape {
        if kind == RequestKind::Create {
            self.faults.failure_shape
        } else if kind == RequestKind::Extend {
            self.faults.extend.failure_shape
        } else {
            FailureShape::TopLevel
        }
    }

    /// How long the `number`th request of a kind waits before it has any effect.
    pub(super) fn latency(&self, kind: RequestKind, number: u64) -> Duration {
        let faults = &self.faults;
        let (latency_ms, jitter_ms) = if kind == RequestKind::Create {
            (faults.latency_ms, faults.latency_jitter_ms)
        } else if kind == RequestKind::Details {
            (faults.details_latency_ms, 0)
        } else if kind == RequestKind::Token {
            (faults.token_latency_ms, 0)
        } else {
            (self.command_faults(kind).map_or(0, |faults| faults.latency_ms), 0)
        };
        let draw = splitmix64(self.stream(kind, 1), number);
        let jitter_ms = draw.checked_rem(jitter_ms.saturating_add(1)).unwrap_or_default();
        Duration::from_millis(latency_ms.saturating_add(jitter_ms))
    }

    fn command_faults(&self, kind: RequestKind) -> Option<&CommandFaults> {
        let faults = &self.faults;
        let commands = [
            (RequestKind::Cancel, &faults.cancel_faults),
            (RequestKind::Extend, &faults.extend_faults),
            (RequestKind::BulkProcess, &faults.bulk_faults),
        ];
        commands.into_iter().find(|(command, _)| *command == kind).map(|(_, faults)| faults)
    }

    fn stream(&self, kind: RequestKind, purpose: u64) -> u64 {
        splitmix64(self.faults.seed, (kind as u64).wrapping_mul(16).wrapping_add(purpose))
    }
}

fn thresholds(of: &str, shares: &[(Fault, f64)]) -> Result<Thresholds, FaultsError> {
    let mut end = 0_u64;
    let mut thresholds = Vec::new();
    for &(fault, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            let text = format!("a share must be from 0 to 1, and one of {of} is {share}");
            return Err(FaultsError(text));
        }
        if share > 0.0 {
            end = end.saturating_add(width(share));
            thresholds.push((end, fault));
        }
    }
    // Tenths are not exact in binary: ten of them may come out a hair above one.
    if end > (1 << SHARE_BITS) + 1_000 {
        return Err(FaultsError(format!("the shares of {of} must add up to 1 at most")));
    }
    Ok(thresholds)
}

#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share from 0 to 1, checked by the caller; no money is counted by it"
)]
fn width(share: f64) -> u64 {
    (share * (1_u64 << SHARE_BITS) as f64) as u64
}
