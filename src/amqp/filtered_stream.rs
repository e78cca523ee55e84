//! A stream whose bytes from the broker are filtered before lapin reads them.

use std::future::{self, Future};
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::Stream;
use lapin::AsyncTcpStream;

use super::envelope::EnvelopeFilter;
use super::server::{Server, StartReader};

/// How many bytes are read at once.
const READ_MAX: usize = 64 * 1024;

/// A plain or TLS stream as lapin opens it.
pub(super) type OpenedStream = AsyncTcpStream<<Tokio as Reactor>::TcpStream>;

pub(super) struct FilteredStream {
    stream: OpenedStream,
    start: StartReader,
    filter: EnvelopeFilter,
    unfiltered: Box<[u8]>,
    readable: Vec<u8>,
    /// How much of `readable` was read.
    read: usize,
}

impl FilteredStream {
    /// `frame_max` is what lapin proposes to the broker, and `server` becomes what that says it is.
    pub(super) fn new(stream: OpenedStream, frame_max: u32, server: Arc<OnceLock<Server>>) -> Self {
        Self {
            stream,
            start: StartReader::new(server),
            filter: EnvelopeFilter::new(frame_max),
            unfiltered: vec![0; READ_MAX].into_boxed_slice(),
            readable: Vec::new(),
            read: 0,
        }
    }
}

impl AsyncRead for FilteredStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, start, filter, unfiltered, readable, read } = &mut *self;
        while *read == readable.len() {
            readable.clear();
            *read = 0;
            let count = ready!(Pin::new(&mut *stream).poll_read(cx, unfiltered))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            let bytes = unfiltered.get(..count).unwrap_or_default();
            start.read(bytes);
            filter.filter(bytes, readable);
        }
        let count = readable.get(*read..).unwrap_or_default().read(into)?;
        *read = read.saturating_add(count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for FilteredStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}

/// Tokio's reactor with filtered streams. lapin takes no other stream than its reactor's.
#[derive(Clone, Debug)]
pub(super) struct FilteredReactor(Tokio);

/// The current runtime, for a connection on a filtered stream.
pub(super) fn runtime() -> Runtime<RuntimeParts<Tokio, FilteredReactor>> {
    let tokio = Tokio::current();
    Runtime::new(RuntimeParts::new(tokio.clone(), FilteredReactor(tokio)))
}

impl Reactor for FilteredReactor {
    type TcpStream = FilteredStream;
    type Sleep = <Tokio as Reactor>::Sleep;

    /// lapin registers no sockets.
    fn register<H: Read + Write + Send + 'static>(
        &self,
        _socket: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<FilteredStream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.sleep(duration)
    }

    fn interval(&self, duration: Duration) -> impl Stream<Item = Instant> + Send + 'static {
        self.0.interval(duration)
    }

    /// Connections are made elsewhere, with TLS where that is asked for.
    fn tcp_connect_addr(
        &self,
        _address: SocketAddr,
    ) -> impl Future<Output = io::Result<FilteredStream>> + Send + 'static {
        future::ready(Err(io::ErrorKind::Unsupported.into()))
    }
}
