//! One request on its way through the faults.
//!
//! An endpoint says only what it does when nothing goes wrong; here it is done, or not, or
//! later, and answered, or not. A real server does not stop working because its client went
//! away: once a request was read, its effect comes even if nobody waits for the answer.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Response, StatusCode};
use futures_util::stream;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::cuttable_stream::Cut;
use super::dice::Fault;
use super::ledger::{Arrival, Kind, Ticket};
use super::{Party, Plan, Shared};

/// See the module.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) shared: Shared,
    pub(super) plan: Arc<Plan>,
    pub(super) fault: Option<Fault>,
    path: &'static str,
    party: Party,
    ticket: Ticket,
    latency: Duration,
}

/// What the client sees.
enum Reply {
    Answer(Answer),
    AnswerThenClose(Answer),
    CutShort(Answer),
    Drip(Answer, Duration),
    Close,
    Reset,
    Stall,
}

impl Visit {
    /// Enters a request into the ledger and draws its fault.
    pub(super) fn arrive(
        shared: &Shared,
        arrival: Arrival<'_>,
        path: &'static str,
        party: Party,
    ) -> Self {
        let kind = arrival.kind;
        let mut ledger = shared.ledger();
        let plan = shared.plan();
        let limit = plan.faults.rate_limit_per_second;
        let ticket = ledger.arrive(shared.clock.now_us(), arrival, limit);
        let fault = plan.dice.fault(kind, ticket.number).filter(|_| !ticket.over_limit);
        ledger.met(ticket, fault);
        drop(ledger);
        let faults = &plan.faults;
        let (latency_ms, jitter_ms) = match kind {
            Kind::Create => (faults.latency_ms, faults.latency_jitter_ms),
            Kind::Details => (faults.details_latency_ms, 0),
            Kind::Token => (faults.token_latency_ms, 0),
            Kind::Other => (0, 0),
        };
        let jitter = plan.dice.jitter(kind, ticket.number, jitter_ms);
        let latency = Duration::from_millis(latency_ms).saturating_add(jitter);
        Self { shared: shared.clone(), plan, fault, path, party, ticket, latency }
    }

    /// Does what the request asks for, as far as its fault allows, and answers likewise.
    pub(super) async fn serve<E>(self, cut: Cut, effect: E) -> Response<Body>
    where
        E: FnOnce(&Self) -> Answer + Send + 'static,
    {
        let stop = self.shared.stop.clone();
        let reply = if self.latency.is_zero() {
            self.reply(effect)
        } else {
            let work = async move {
                tokio::time::sleep(self.latency).await;
                self.reply(effect)
            };
            tokio::spawn(work).await.unwrap_or(Reply::Close)
        };
        reply.give(&cut, stop).await
    }

    fn reply(self, effect: impl FnOnce(&Self) -> Answer + Send + 'static) -> Reply {
        if self.ticket.over_limit {
            return Reply::Answer(self.note(Answer::throttled(&self.plan.faults.throttle)));
        }
        let faults = &self.plan.faults;
        let Some(fault) = self.fault else {
            return Reply::Answer(self.note(self.act(effect)));
        };
        match fault {
            Fault::LostBefore => Reply::Close,
            Fault::ResetBefore => Reply::Reset,
            Fault::StallBefore => Reply::Stall,
            Fault::LostAfter => self.act_unseen(effect, Reply::Close),
            Fault::ResetAfter => self.act_unseen(effect, Reply::Reset),
            Fault::StallAfter => self.act_unseen(effect, Reply::Stall),
            Fault::ErrorBefore => Reply::Answer(self.note(self.error())),
            Fault::ErrorAfter => {
                let error = self.note(self.error());
                self.act_unseen(effect, Reply::Answer(error))
            }
            Fault::Garbage => {
                let garbage = self.note(Answer::garbage(faults));
                self.act_unseen(effect, Reply::Answer(garbage))
            }
            Fault::CutShort => Reply::CutShort(self.note(self.act(effect))),
            Fault::SlowDrip => {
                let pause = Duration::from_millis(faults.slow_drip_ms);
                Reply::Drip(self.note(self.act(effect)), pause)
            }
            Fault::CloseAfter => Reply::AnswerThenClose(self.note(self.act(effect))),
            Fault::ForeignLink => Reply::Answer(self.note(self.act(effect))),
            Fault::ExpiredToken => {
                self.party.revoke(&self.shared);
                Reply::Answer(self.note(self.unauthorized()))
            }
            Fault::Throttle => Reply::Answer(self.note(Answer::throttled(&faults.throttle))),
            Fault::Refuse => Reply::Answer(self.note(self.fail(faults.refuse.code))),
            Fault::Reject => Reply::Answer(self.note(self.fail(faults.reject.code))),
        }
    }

    fn act(&self, effect: impl FnOnce(&Self) -> Answer) -> Answer {
        if matches!(self.party, Party::Stranger) { self.unauthorized() } else { effect(self) }
    }

    /// Acts, perhaps late, when the client will not hear of it.
    fn act_unseen(
        self,
        effect: impl FnOnce(&Self) -> Answer + Send + 'static,
        reply: Reply,
    ) -> Reply {
        let delay = Duration::from_millis(self.plan.faults.late_effect_ms);
        if delay.is_zero() {
            let _unseen = self.act(effect);
            return reply;
        }
        let stop = self.shared.stop.clone();
        tokio::spawn(stop.run_until_cancelled_owned(async move {
            tokio::time::sleep(delay).await;
            let _unseen = self.act(effect);
        }));
        reply
    }

    fn unauthorized(&self) -> Answer {
        let now_us = self.shared.clock.now_us();
        Answer::spring(now_us, StatusCode::UNAUTHORIZED, "Access is denied", self.path)
    }

    fn error(&self) -> Answer {
        Answer::error(&self.plan.faults, self.shared.clock.now_us(), self.path)
    }

    fn fail(&self, code: u16) -> Answer {
        self.act(|visit| Answer::failure(&visit.plan.faults, "", &[code]))
    }

    /// Enters an answer into the ledger.
    fn note(&self, answer: Answer) -> Answer {
        self.shared.ledger().answered(self.ticket, answer.status.as_u16(), answer.code);
        answer
    }
}

impl Reply {
    async fn give(self, cut: &Cut, stop: CancellationToken) -> Response<Body> {
        match self {
            Self::Answer(answer) => {
                let body = Body::from(answer.body.clone());
                return answer.into_response(body);
            }
            Self::AnswerThenClose(answer) => {
                cut.close_after();
                let body = Body::from(answer.body.clone());
                return answer.into_response(body);
            }
            Self::CutShort(answer) => return cut_short(answer),
            Self::Drip(answer, pause) => return drip(answer, pause, stop),
            Self::Close => cut.close(),
            Self::Reset => cut.reset(),
            Self::Stall => {
                stop.cancelled().await; // or the client goes, and this future with it
                cut.close();
            }
        }
        Response::new(Body::empty()) // the cut connection never carries it
    }
}

/// A head that promises the whole body, half of the body, and the end of the connection.
fn cut_short(answer: Answer) -> Response<Body> {
    let length = answer.body.len();
    let half = answer.body.slice(..length.div_ceil(2));
    let parts = stream::unfold(Some(half), |half| async move {
        let Some(half) = half else {
            tokio::task::yield_now().await; // the server writes the half before it sees the error
            return Some((Err(io::Error::from(ErrorKind::ConnectionAborted)), None));
        };
        Some((Ok(half), None))
    });
    promising(length, answer, Body::from_stream(parts))
}

/// A byte, a pause, a byte.
fn drip(answer: Answer, pause: Duration, stop: CancellationToken) -> Response<Body> {
    let length = answer.body.len();
    let bytes = stream::unfold((answer.body.clone(), stop), move |(mut left, stop)| async move {
        if left.is_empty() {
            return None;
        }
        let is_stopped = tokio::time::timeout(pause, stop.cancelled()).await.is_ok();
        let part: io::Result<Bytes> = if is_stopped {
            Err(ErrorKind::ConnectionAborted.into())
        } else {
            Ok(left.split_to(1))
        };
        Some((part, (left, stop)))
    });
    promising(length, answer, Body::from_stream(bytes))
}

fn promising(length: usize, answer: Answer, body: Body) -> Response<Body> {
    let mut response = answer.into_response(body);
    response.headers_mut().insert(CONTENT_LENGTH, length.into());
    response
}
