//! A server for HTTP/1.1 that no client can hold up.
//!
//! The time for a whole request, the age of a connection and the number of connections are all
//! limited, and a client that is waited for gives its place up to a new one when there is no other.
//! `axum::serve` has a setting for none of them.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse as _;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::places::{Answering, Place, Places};

/// For a whole request, head and body, from the first moment at which the client could have sent
/// it. So it is also how long a kept connection may be idle.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// The largest body of a request.
const BODY_SIZE_MAX: usize = 2 << 20;

/// The pause after a failed accept, which is mostly "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all clients together may use.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at once. The next one takes the place of the one that has kept the server
    /// waiting longest; while all are answered, it waits to be served.
    pub connections: usize,
    /// The age at which a connection takes no further request. It bounds clients that do not read
    /// their answers.
    pub connection_age: Duration,
    /// The time that an exchange under way still gets when its connection is too old or the server
    /// stops.
    pub grace: Duration,
}

/// Serves until `stop`, and then for the exchanges under way at most [`ConnectionLimits::grace`]
/// longer. `connect` gives each connection its stream and its routes.
pub async fn serve<S>(
    listener: TcpListener,
    limits: ConnectionLimits,
    stop: CancellationToken,
    connect: impl Fn(TcpStream) -> (S, Router),
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let places = Places::new(limits.connections);
    let mut connections = JoinSet::new();
    while let Some((stream, place)) = stop.run_until_cancelled(accept(&listener, &places)).await {
        let (stream, routes) = connect(stream);
        connections.spawn(serve_connection(stream, routes, limits, place, stop.clone()));
        while connections.try_join_next().is_some() {} // or the set would grow for ever
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(listener: &TcpListener, places: &Arc<Places>) -> (TcpStream, Arc<Place>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if stream.set_nodelay(true).is_ok() => {
                return (stream, places.take().await);
            }
            Ok(_) => {} // the client is gone
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_connection<S>(
    stream: S,
    routes: Router,
    limits: ConnectionLimits,
    place: Arc<Place>,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(|request| answer(request, routes.clone(), Arc::clone(&place)));
    let mut builder = http1::Builder::new();
    builder.header_read_timeout(None); // the place has one for the whole request
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // An error is the client's: it is gone, or does not speak HTTP.
        _ended = connection.as_mut() => return,
        () = place.lost(REQUEST_TIMEOUT) => return,
        () = stop.cancelled() => {}
        () = sleep(limits.connection_age) => {}
    }
    connection.as_mut().graceful_shutdown();
    timeout(limits.grace, connection).await.ok();
}

/// Answers a request once it is whole.
async fn answer(
    request: Request<Incoming>,
    routes: TowerToHyperService<Router>,
    place: Arc<Place>,
) -> Result<Response<Answer>, Infallible> {
    let (head, body) = request.into_parts();
    let body = to_bytes(Body::new(body), BODY_SIZE_MAX).await;
    let answering = place.answer();
    let response = match body {
        Ok(body) => routes.call(Request::from_parts(head, Body::from(body))).await?,
        // It is too large; or the client is gone, and nobody reads this.
        Err(_) => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
    };
    Ok(response.map(|body| Answer { body, _answering: answering }))
}

/// The body of an answer, which counts as being answered until all of it was handed over.
struct Answer {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
