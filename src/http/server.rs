//! A server for HTTP/1.1 that no client can hold up.
//!
//! The time for the head of a request, the age of a connection and the number of connections are
//! all limited. `axum::serve` has no setting for any of them. A body is bounded by axum's
//! extractors (`DefaultBodyLimit`, 2 MB).

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// For the head of a request, from the first moment at which the client could have sent it. So it
/// is also how long a kept connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a failed accept, which is mostly "too many open files".
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all clients together may use.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at once; the next one waits to be accepted.
    pub connections: usize,
    /// The age at which a connection takes no further request. It bounds slow bodies and clients
    /// that do not read their answers.
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
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    while let Some((stream, place)) =
        stop.run_until_cancelled(accept(&listener, Arc::clone(&places))).await
    {
        let (stream, routes) = connect(stream);
        let stop = stop.clone();
        connections.spawn(async move {
            let _place = place;
            serve_connection(stream, routes, limits, stop).await;
        });
        while connections.try_join_next().is_some() {} // or the set would grow for ever
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    places: Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    let place = places.acquire_owned().await.ok(); // the semaphore is never closed
    loop {
        match listener.accept().await {
            Ok((stream, _)) if stream.set_nodelay(true).is_ok() => return (stream, place),
            Ok(_) => {} // the client is gone
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve_connection<S>(
    stream: S,
    routes: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let service = TowerToHyperService::new(routes);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // An error is the client's: it is gone, was too slow, or does not speak HTTP.
        _ended = connection.as_mut() => return,
        () = stop.cancelled() => {}
        () = sleep(limits.connection_age) => {}
    }
    connection.as_mut().graceful_shutdown();
    timeout(limits.grace, connection).await.ok();
}
