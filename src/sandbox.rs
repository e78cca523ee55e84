//! A stand-in for PayU Smart Send.
//!
//! A worker that moves money cannot be tried on money, and PayU's test account cannot lose an
//! answer on purpose. This server behaves as PayU's documentation says, down to a field that is
//! a number in one place and a string in another, goes wrong on demand, and keeps a ledger of
//! what really happened. It is a second reading of the documentation: it uses none of the
//! worker's code, so that a misreading there cannot hide here.

mod account;
mod admin;
mod bulk;
mod bulk_files;
mod cancel;
mod clock;
mod create;
mod cuttable_stream;
mod desk;
mod details;
mod exchange;
mod extend;
mod fallback;
mod fault_injector;
mod faults;
mod ledger;
mod life;
mod life_clock;
mod link;
mod link_call;
mod magic;
mod merchant_call;
mod parameters;
mod request_kind;
mod response;
mod settings;
mod splitmix64;
mod state;
mod status;
mod token;
mod token_store;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::{get, post, put};
use axum::{Extension, Router};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

use self::cuttable_stream::CuttableStream;
use self::state::SandboxState;
use crate::http::server::{self, ConnectionLimits};

pub use self::desk::ACTIONS as DESK_ACTIONS;
pub use self::faults::{
    AccountSettings, AmountForm, ApprovalFlow, ApprovalSettings, BlockedForm, BulkSettings,
    CancelSettings, CodedFailure, CommandFaults, CustomerForm, ExtendRule, ExtendSettings,
    FailureShape, Fault, Faults, FaultsError, FileIdPlace, FirstCancel, LifeSettings, LinkIdForm,
    ReferencePlace, StatusSettings, ThrottleBody, ThrottleFault,
};
pub use self::ledger::RequestEntry;
pub use self::ledger::entries::{ChangeEntry, LedgerEntries, LinkEntry, MessageEntry};
pub use self::ledger::summary::{
    DoubledReference, DoubledReferences, FullestSecond, LedgerSummary,
};
pub use self::life::{Actor, LinkStatus};
pub use self::link::ApiVersion;
pub use self::magic::{MAGIC_AMOUNTS, MagicAmount};
pub use self::request_kind::RequestKind;
pub use self::settings::{OAuthClient, SandboxSettings};

/// A stalled answer has to last longer than any client waits for it.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: 1_024,
    connection_age: Duration::from_hours(24),
    grace: Duration::from_secs(2),
};

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on this address: {0}")]
    Listen(#[from] io::Error),
    #[error(transparent)]
    Faults(#[from] FaultsError),
}

/// A running sandbox; it stops when this is dropped.
pub struct Sandbox {
    /// The address that it listens on.
    pub addr: SocketAddr,
    state: Arc<SandboxState>,
    server: JoinHandle<()>,
    _stop: DropGuard,
}

impl Sandbox {
    /// Listens and serves.
    pub async fn start(
        addr: impl ToSocketAddrs,
        settings: SandboxSettings,
    ) -> Result<Self, StartError> {
        let state = Arc::new(SandboxState::new(settings)?);
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let (routes, stop) = (routes(state.clone()), state.stop.clone());
        let server = tokio::spawn(server::serve(listener, LIMITS, stop.clone(), move |stream| {
            let (stream, connection) = CuttableStream::new(stream);
            (stream, routes.clone().layer(Extension(connection)))
        }));
        Ok(Self { addr, state, server, _stop: stop.drop_guard() })
    }

    /// `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn ledger(&self) -> LedgerEntries {
        self.state.entries()
    }

    pub fn summary(&self) -> LedgerSummary {
        self.state.summary()
    }

    /// Deletes all requests, links and messages from the ledger.
    pub fn clear(&self) {
        self.state.ledger().clear();
    }

    /// Replaces the faults, and numbers requests from the start again.
    pub fn set_faults(&self, faults: Faults) -> Result<(), FaultsError> {
        self.state.set_faults(faults)
    }

    /// Closes the listener, ends stalled answers, and waits a moment for the others.
    pub async fn stop(self) {
        self.state.stop.cancel();
        self.server.await.ok(); // a panic there has been printed
    }
}

fn routes(state: Arc<SandboxState>) -> Router {
    Router::new()
        .route(token::PATH, post(token::token))
        .route(create::V1_PATH, post(create::create))
        .route(create::V2_PATH, post(create::create))
        .route(details::PATH, get(details::details))
        .route(cancel::PATH, post(cancel::by_reference))
        .route(cancel::ID_PATH, put(cancel::by_id))
        .route(extend::PATH, put(extend::by_reference))
        .route(extend::ID_PATH, put(extend::by_id))
        .route(status::V1_PATH, get(status::status))
        .route(status::V2_PATH, get(status::status))
        .route(account::PATH, get(account::account))
        .route(account::VPA_PATH, get(account::masked_vpas).post(account::masked_vpas))
        .route(bulk::UPLOAD_PATH, post(bulk::upload).put(bulk::process))
        .route(bulk::PROCESS_PATH, put(bulk::process))
        .route(bulk::STATUS_PATH, get(bulk::status))
        .route(bulk::STATUS_ID_PATH, get(bulk::status))
        .route("/sandbox/desk", post(desk::desk))
        .route("/sandbox/ledger", get(admin::ledger).delete(admin::clear))
        .route("/sandbox/faults", get(admin::faults).put(admin::set_faults))
        .method_not_allowed_fallback(fallback::wrong_method)
        .fallback(fallback::unknown_path)
        .with_state(state)
}
