//! One HTTP exchange on its way through the faults.
//!
//! An endpoint only says what happens when nothing goes wrong. Here that is done, or not, or later,
//! and it is answered, or not. A real server does not stop working because its client went away:
//! once a request was read, its effect comes even if nobody waits for the answer.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::cuttable_stream::{Cut, CutHandle};
use super::fault_injector::FaultInjector;
use super::faults::{BlockedForm, Fault};
use super::ledger::{EntryHandle, NewRequest};
use super::request_kind::RequestKind;
use super::response::PayuResponse;
use super::state::{Caller, SandboxState};

pub(super) struct HttpExchange {
    pub(super) state: Arc<SandboxState>,
    pub(super) injector: Arc<FaultInjector>,
    pub(super) fault: Option<Fault>,
    kind: RequestKind,
    path: Cow<'static, str>,
    caller: Caller,
    entry: EntryHandle,
    latency: Duration,
    error_status: u16,
}

/// What the client sees.
enum Transmission {
    Whole(PayuResponse),
    WholeThenClose(PayuResponse),
    CutShort(PayuResponse),
    SlowDrip(PayuResponse, Duration),
    Close,
    Reset,
    Stall,
}

impl HttpExchange {
    /// Enters a request into the ledger and draws its fault.
    pub(super) fn begin(
        state: &Arc<SandboxState>,
        request: NewRequest<'_>,
        path: impl Into<Cow<'static, str>>,
        caller: Caller,
    ) -> Self {
        let kind = request.kind;
        let mut ledger = state.ledger();
        let injector = state.injector();
        let own_error = injector.error_of(kind, request.reference);
        let limit = injector.faults.rate_limit_per_second;
        let entry = ledger.enter(state.clock.now_us(), request, limit);
        let is_blocked = injector.faults.account.blocked.is_some();
        let own_fault = is_blocked.then_some(Fault::Blocked);
        let own_fault = own_fault.or_else(|| own_error.map(|_| Fault::ErrorBefore));
        let fault = own_fault.or_else(|| injector.fault(kind, entry.number));
        let fault = fault.filter(|_| !entry.is_over_limit);
        ledger.set_fault(entry, fault);
        drop(ledger);
        let latency = injector.latency(kind, entry.number);
        let error_status = own_error.unwrap_or(injector.faults.error_status);
        Self {
            state: state.clone(),
            injector,
            fault,
            kind,
            path: path.into(),
            caller,
            entry,
            latency,
            error_status,
        }
    }

    /// Meets this fault instead of the one that was drawn.
    pub(super) fn meeting(mut self, fault: Option<Fault>) -> Self {
        if fault.is_some() && !self.entry.is_over_limit && self.fault != Some(Fault::Blocked) {
            self.fault = fault;
            self.state.ledger().set_fault(self.entry, fault);
        }
        self
    }

    /// Has the effect that its fault allows, and responds as its fault allows.
    pub(super) async fn run<E>(self, connection: CutHandle, effect: E) -> Response
    where
        E: FnOnce(&Self) -> PayuResponse + Send + 'static,
    {
        let stop = self.state.stop.clone();
        let transmission = if self.latency.is_zero() {
            self.transmission(effect)
        } else {
            let work = async move {
                tokio::time::sleep(self.latency).await;
                self.transmission(effect)
            };
            tokio::spawn(work).await.unwrap_or(Transmission::Close)
        };
        transmission.send(&connection, stop).await
    }

    fn transmission<E>(self, effect: E) -> Transmission
    where
        E: FnOnce(&Self) -> PayuResponse + Send + 'static,
    {
        let faults = &self.injector.faults;
        let whole = |response| Transmission::Whole(self.recorded(response));
        if self.entry.is_over_limit {
            return whole(PayuResponse::throttled(faults));
        }
        let Some(fault) = self.fault else {
            return whole(self.act(effect));
        };
        match fault {
            Fault::LostBefore => Transmission::Close,
            Fault::ResetBefore => Transmission::Reset,
            Fault::StallBefore => Transmission::Stall,
            Fault::LostAfter => self.act_unseen(effect, Transmission::Close),
            Fault::ResetAfter => self.act_unseen(effect, Transmission::Reset),
            Fault::StallAfter => self.act_unseen(effect, Transmission::Stall),
            Fault::ErrorBefore => whole(self.error()),
            Fault::ErrorAfter => {
                let error = whole(self.error());
                self.act_unseen(effect, error)
            }
            Fault::Garbage => {
                let garbage = whole(PayuResponse::garbage(faults));
                self.act_unseen(effect, garbage)
            }
            Fault::CutShort => Transmission::CutShort(self.recorded(self.act(effect))),
            Fault::SlowDrip => {
                let pause = Duration::from_millis(faults.slow_drip_ms);
                Transmission::SlowDrip(self.recorded(self.act(effect)), pause)
            }
            Fault::CloseAfter => Transmission::WholeThenClose(self.recorded(self.act(effect))),
            Fault::ForeignLink => whole(self.act(effect)), // which looks at the fault itself
            Fault::ExpiredToken => {
                if let Caller::Authorized { bearer, .. } = &self.caller {
                    self.state.tokens().revoke(bearer);
                }
                whole(self.unauthorized())
            }
            Fault::Throttle => whole(PayuResponse::throttled(faults)),
            Fault::Refuse | Fault::Reject => whole(self.fail(fault)),
            Fault::Blocked => self.blocked(),
        }
    }

    fn act(&self, effect: impl FnOnce(&Self) -> PayuResponse) -> PayuResponse {
        match self.caller {
            Caller::Unauthorized => self.unauthorized(),
            Caller::Anyone | Caller::Authorized { .. } => effect(self),
        }
    }

    /// Takes effect, perhaps late, and sends something other than the response.
    fn act_unseen<E>(self, effect: E, seen: Transmission) -> Transmission
    where
        E: FnOnce(&Self) -> PayuResponse + Send + 'static,
    {
        let delay = Duration::from_millis(self.injector.faults.late_effect_ms);
        if delay.is_zero() {
            let _unseen = self.act(effect);
            return seen;
        }
        let stop = self.state.stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            tokio::time::sleep(delay).await;
            let _unseen = self.act(effect);
        }));
        seen
    }

    fn unauthorized(&self) -> PayuResponse {
        self.spring(StatusCode::UNAUTHORIZED, "Access is denied")
    }

    fn error(&self) -> PayuResponse {
        PayuResponse::error(self.error_status, self.state.clock.now_us(), &self.path)
    }

    fn blocked(&self) -> Transmission {
        let text = "Access is denied";
        let response = match self.injector.faults.account.blocked {
            None | Some(BlockedForm::Reset) => return Transmission::Reset,
            Some(BlockedForm::Html) => PayuResponse::page(StatusCode::FORBIDDEN),
            Some(BlockedForm::Spring) => self.spring(StatusCode::FORBIDDEN, text),
            Some(BlockedForm::Unauthorized) => self.unauthorized(),
            Some(BlockedForm::Envelope) => self.refusal(None, text),
        };
        Transmission::Whole(self.recorded(response))
    }

    fn fail(&self, fault: Fault) -> PayuResponse {
        self.act(|exchange| exchange.failure("", exchange.injector.refusal_code(self.kind, fault)))
    }

    /// PayU's envelope for something that was not done, as its kind of call writes it.
    pub(super) fn failure(&self, reference: &str, code: u16) -> PayuResponse {
        let faults = &self.injector.faults;
        PayuResponse::coded_failure(faults, self.injector.shape(self.kind), reference, &[code])
    }

    /// The same, in words of its own, and perhaps without a code.
    pub(super) fn refusal(&self, code: Option<u16>, text: &str) -> PayuResponse {
        let status = self.injector.faults.failure_http_status;
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        PayuResponse::failure::<()>(status, Some(text), code, None)
    }

    pub(super) fn spring(&self, status: StatusCode, text: &str) -> PayuResponse {
        PayuResponse::spring(self.state.clock.now_us(), status, text, &self.path)
    }

    pub(super) fn missing_header(&self, name: &str) -> PayuResponse {
        let text = format!("Missing request header '{name}' for method parameter of type String");
        self.spring(StatusCode::BAD_REQUEST, &text)
    }

    pub(super) fn missing_parameter(&self, name: &str) -> PayuResponse {
        let text = format!("Required String parameter '{name}' is not present");
        self.spring(StatusCode::BAD_REQUEST, &text)
    }

    /// Enters the response into the ledger.
    fn recorded(&self, response: PayuResponse) -> PayuResponse {
        let mut ledger = self.state.ledger();
        ledger.set_response(self.entry, response.status.as_u16(), response.code);
        response
    }
}

impl Transmission {
    async fn send(self, connection: &CutHandle, stop: CancellationToken) -> Response {
        match self {
            Self::Whole(response) => return response.into_response(),
            Self::WholeThenClose(response) => {
                connection.cut(Cut::CloseAfter);
                return response.into_response();
            }
            Self::CutShort(response) => return cut_short(response),
            Self::SlowDrip(response, pause) => return drip(response, pause, stop),
            Self::Close => connection.cut(Cut::Close),
            Self::Reset => connection.cut(Cut::Reset),
            Self::Stall => {
                stop.cancelled().await; // if the client goes first, this future is dropped
                connection.cut(Cut::Close);
            }
        }
        Response::new(Body::empty()) // the cut connection never carries it
    }
}

/// A head that promises the whole body, half of the body, and the end of the connection.
fn cut_short(response: PayuResponse) -> Response {
    let length = response.body.len();
    let half = response.body.slice(..length.div_ceil(2));
    let parts = stream::unfold(Some(half), |half| async move {
        let Some(half) = half else {
            tokio::task::yield_now().await; // the server writes the half before it sees the error
            return Some((Err(io::Error::from(ErrorKind::ConnectionAborted)), None));
        };
        Some((Ok(half), None))
    });
    with_length(length, response.with_body(Body::from_stream(parts)))
}

/// A byte, a pause, a byte.
fn drip(response: PayuResponse, pause: Duration, stop: CancellationToken) -> Response {
    let length = response.body.len();
    let rest = (response.body.clone(), stop);
    let bytes = stream::unfold(rest, move |(mut rest, stop)| async move {
        if rest.is_empty() {
            return None;
        }
        let is_stopped = tokio::time::timeout(pause, stop.cancelled()).await.is_ok();
        let part: io::Result<Bytes> = if is_stopped {
            Err(ErrorKind::ConnectionAborted.into())
        } else {
            Ok(rest.split_to(1))
        };
        Some((part, (rest, stop)))
    });
    with_length(length, response.with_body(Body::from_stream(bytes)))
}

fn with_length(length: usize, mut response: Response) -> Response {
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}
