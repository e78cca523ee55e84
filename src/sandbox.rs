//! A stand-in for PayU Smart Send.
//!
//! A worker that moves money cannot be tried on money, and PayU's test account cannot lose an
//! answer on purpose. This server behaves as PayU's documentation says, down to a field that is
//! a number in one place and a string in another, goes wrong on demand, and keeps a ledger of
//! what really happened. It is a second reading of the documentation: it uses none of the
//! worker's code, so that a misreading there cannot hide here.

mod answer;
mod clock;
mod create;
mod cuttable_stream;
mod desk;
mod details;
mod dice;
mod faults;
mod ledger;
mod link;
mod settings;
mod token;
mod visit;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::routing::{get, post};
use axum::{Extension, Router};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::clock::Clock;
use self::cuttable_stream::CuttableStream;
use self::dice::Dice;
use self::ledger::Ledger;
use self::token::Tokens;
use crate::http::server::{self, Limits};

pub use self::dice::Fault;
pub use self::faults::{
    AmountForm, CustomerForm, Failure, FailureShape, Faults, FaultsError, LinkIdForm, Throttle,
    ThrottleBody,
};
pub use self::ledger::{
    Doubled, Entries, Fullest, Kind, LinkEntry, MessageEntry, Name, Request, Summary,
};
pub use self::settings::{Client, Settings};

/// A stalled answer is to last longer than any client waits for it.
const LIMITS: Limits = Limits {
    connections: 1_024,
    connection_age: Duration::from_hours(24),
    grace: Duration::from_secs(2),
};

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("cannot listen there: {0}")]
    Listen(#[from] io::Error),
    /// The faults contradict themselves.
    #[error(transparent)]
    Faults(#[from] FaultsError),
}

/// Starts sandboxes.
#[derive(Debug)]
pub struct Sandbox;

/// A sandbox that runs; it stops when this is dropped.
pub struct Running {
    /// The address that it listens on.
    pub addr: SocketAddr,
    shared: Shared,
    server: JoinHandle<()>,
    _stop: DropGuard,
}

/// What all requests share.
#[derive(Clone)]
struct Shared(Arc<Inner>);

struct Inner {
    settings: Settings,
    clock: Clock,
    stop: CancellationToken,
    plan: RwLock<Arc<Plan>>,
    ledger: Mutex<Ledger>,
    tokens: Mutex<Tokens>,
}

/// The faults, made ready.
#[derive(Debug)]
struct Plan {
    faults: Faults,
    dice: Dice,
    host: Name,
}

/// Who sent a request.
#[derive(Clone)]
enum Party {
    /// Anybody may: the endpoint asks for no token.
    Nobody,
    /// The client of a token that is alive.
    Holder { bearer: String, client: Name },
    /// A client without one.
    Stranger,
}

impl Sandbox {
    /// Listens and serves until stopped.
    pub async fn start(
        addr: impl ToSocketAddrs,
        settings: Settings,
    ) -> Result<Running, StartError> {
        let plan = RwLock::new(Arc::new(Plan::new(settings.faults.clone())?));
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let shared = Shared(Arc::new(Inner {
            settings,
            clock: Clock::start(),
            stop: stop.clone(),
            plan,
            ledger: Mutex::default(),
            tokens: Mutex::default(),
        }));
        let routes = routes(shared.clone());
        let server = tokio::spawn(server::serve(listener, LIMITS, stop.clone(), move |stream| {
            let (stream, cut) = CuttableStream::new(stream);
            (stream, routes.clone().layer(Extension(cut)))
        }));
        Ok(Running { addr, shared, server, _stop: stop.drop_guard() })
    }
}

impl Running {
    /// `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every request, link and message so far.
    pub fn ledger(&self) -> Entries {
        self.shared.entries()
    }

    /// The same in numbers.
    pub fn summary(&self) -> Summary {
        self.shared.ledger().summary()
    }

    /// Forgets all requests, links and messages.
    pub fn clear(&self) {
        self.shared.ledger().clear();
    }

    /// Behaves otherwise from now on; requests are numbered from the start.
    pub fn set_faults(&self, faults: Faults) -> Result<(), FaultsError> {
        self.shared.set_faults(faults)
    }

    /// Closes the listener, ends stalled answers, and waits a moment for the others.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.server.await.ok(); // a panic was printed already
    }
}

impl Plan {
    fn new(faults: Faults) -> Result<Self, FaultsError> {
        let dice = faults.check()?;
        let host = faults.link_host.as_str().into();
        Ok(Self { faults, dice, host })
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self) -> Entries {
        let snapshot = self.ledger().snapshot();
        snapshot.into_entries() // the lock is free again: this takes a while
    }

    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plan(&self) -> Arc<Plan> {
        self.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_faults(&self, faults: Faults) -> Result<(), FaultsError> {
        let plan = Arc::new(Plan::new(faults)?);
        let mut ledger = self.ledger(); // held, so that no request gets a number of the old plan
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
        ledger.renumber();
        Ok(())
    }

    fn party(&self, headers: &HeaderMap, merchant: Option<&str>) -> Party {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let parts = value.and_then(|value| value.split_once(' '));
        // PayU's samples write both `Bearer` and `bearer`.
        let bearer = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some((_, bearer)) = bearer else {
            return Party::Stranger;
        };
        let client = self.tokens().client(bearer, self.clock.now_us());
        match client.filter(|client| self.settings.serves(client, merchant)) {
            Some(client) => Party::Holder { bearer: bearer.to_owned(), client },
            None => Party::Stranger,
        }
    }
}

impl std::ops::Deref for Shared {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Party {
    fn client(&self) -> Option<Name> {
        match self {
            Self::Holder { client, .. } => Some(client.clone()),
            Self::Nobody | Self::Stranger => None,
        }
    }

    fn revoke(&self, shared: &Shared) {
        match self {
            Self::Holder { bearer, .. } => shared.tokens().revoke(bearer),
            Self::Nobody | Self::Stranger => {}
        }
    }
}

fn routes(shared: Shared) -> Router {
    Router::new()
        .route(token::PATH, post(token::token))
        .route(create::PATH, post(create::create))
        .route(details::PATH, get(details::details))
        .route("/sandbox/ledger", get(desk::ledger).delete(desk::clear))
        .route("/sandbox/faults", get(desk::faults).put(desk::set_faults))
        .method_not_allowed_fallback(desk::elsewhere)
        .fallback(desk::elsewhere)
        .with_state(shared)
}
