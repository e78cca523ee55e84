//! What all requests share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use tokio_util::sync::CancellationToken;

use super::bulk_files::BulkFiles;
use super::clock::SandboxClock;
use super::fault_injector::FaultInjector;
use super::faults::{Faults, FaultsError};
use super::ledger::Ledger;
use super::ledger::entries::LedgerEntries;
use super::ledger::summary::LedgerSummary;
use super::settings::SandboxSettings;
use super::token_store::TokenStore;

pub(super) struct SandboxState {
    pub(super) settings: SandboxSettings,
    pub(super) clock: SandboxClock,
    pub(super) stop: CancellationToken,
    injector: RwLock<Arc<FaultInjector>>,
    ledger: Mutex<Ledger>,
    tokens: Mutex<TokenStore>,
    bulk_files: Mutex<BulkFiles>,
}

/// Who sent a request.
pub(super) enum Caller {
    /// The endpoint asks for no token.
    Anyone,
    /// The client of a live token that is good for the merchant.
    Authorized {
        bearer: String,
        client: Arc<str>,
    },
    Unauthorized,
}

impl SandboxState {
    pub(super) fn new(settings: SandboxSettings) -> Result<Self, FaultsError> {
        let injector = FaultInjector::new(settings.faults.clone())?;
        let clock = SandboxClock::start();
        let mut ledger = Ledger::default();
        ledger.set_life(clock.now_us(), settings.faults.life.clone());
        Ok(Self {
            settings,
            clock,
            stop: CancellationToken::new(),
            injector: RwLock::new(Arc::new(injector)),
            ledger: Mutex::new(ledger),
            tokens: Mutex::default(),
            bulk_files: Mutex::default(),
        })
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn entries(&self) -> LedgerEntries {
        let snapshot = self.ledger().snapshot(self.clock.now_us());
        snapshot.into_entries() // without the lock, since this takes a while
    }

    pub(super) fn summary(&self) -> LedgerSummary {
        self.ledger().summary(self.clock.now_us())
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, TokenStore> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bulk_files(&self) -> MutexGuard<'_, BulkFiles> {
        self.bulk_files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn injector(&self) -> Arc<FaultInjector> {
        self.injector.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_faults(&self, faults: Faults) -> Result<(), FaultsError> {
        let injector = Arc::new(FaultInjector::new(faults)?);
        let mut ledger = self.ledger(); // held, so that no request is numbered for the old faults
        ledger.set_life(self.clock.now_us(), injector.faults.life.clone());
        *self.injector.write().unwrap_or_else(PoisonError::into_inner) = injector;
        ledger.renumber();
        Ok(())
    }

    pub(super) fn caller(&self, headers: &HeaderMap, merchant: Option<&str>) -> Caller {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let parts = value.and_then(|value| value.split_once(' '));
        // PayU's samples write both `Bearer` and `bearer`.
        let bearer = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, bearer)) = bearer else {
            return Caller::Unauthorized;
        };
        let client = self.tokens().client(bearer, self.clock.now_us());
        match client.filter(|client| self.settings.is_client_of(client, merchant)) {
            Some(client) => Caller::Authorized { bearer: bearer.to_owned(), client },
            None => Caller::Unauthorized,
        }
    }
}

impl Caller {
    pub(super) fn client(&self) -> Option<Arc<str>> {
        match self {
            Self::Authorized { client, .. } => Some(client.clone()),
            Self::Anyone | Self::Unauthorized => None,
        }
    }
}
