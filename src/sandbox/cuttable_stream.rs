//! A TCP stream that a handler can cut.
//!
//! An HTTP server keeps its handlers away from the socket, so they cannot play the failures that
//! lose money: a response that never comes though the link was made. Here a handler marks its
//! connection, and the mark takes effect when the server next writes, as soon as the handler
//! returns.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// A close (FIN) instead of the response.
    Close,
    /// A reset (RST) instead of the response.
    Reset,
    /// A close right after the response, which has promised to keep the connection.
    CloseAfter,
}

/// What a handler may do to its connection, once.
#[derive(Debug, Clone, Default)]
pub(super) struct CutHandle(Arc<OnceLock<Cut>>);

impl CutHandle {
    pub(super) fn cut(&self, cut: Cut) {
        self.0.set(cut).ok(); // the first cut ends the connection
    }
}

#[derive(Debug)]
pub(super) struct CuttableStream {
    stream: TcpStream,
    handle: CutHandle,
}

impl CuttableStream {
    pub(super) fn new(stream: TcpStream) -> (Self, CutHandle) {
        let handle = CutHandle::default();
        (Self { stream, handle: handle.clone() }, handle)
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.handle.0.get() == Some(&Cut::CloseAfter) {
            return Poll::Ready(Ok(())); // an end of file, so the server closes
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.handle.0.get() {
            Some(Cut::Close) => Poll::Ready(Err(ErrorKind::ConnectionAborted.into())),
            Some(Cut::Reset) => {
                self.stream.set_zero_linger()?; // the close that follows is then a reset
                Poll::Ready(Err(ErrorKind::ConnectionReset.into()))
            }
            Some(Cut::CloseAfter) | None => Pin::new(&mut self.stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
