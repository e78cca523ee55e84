//! A TCP stream that a handler can cut.
//!
//! An HTTP server protects its handlers from the socket, and so it cannot play the failures
//! that lose money: an answer that never comes though the link was made. Here a handler marks
//! its connection; the mark takes effect when the server next writes, which it does as soon
//! as the handler returns.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

const OPEN: u8 = 0;
const CLOSE: u8 = 1;
const RESET: u8 = 2;
const CLOSE_AFTER: u8 = 3;

/// What a handler may do to its connection.
#[derive(Debug, Clone)]
pub(super) struct Cut(Arc<AtomicU8>);

impl Cut {
    /// Closes (FIN) instead of the answer.
    pub(super) fn close(&self) {
        self.0.store(CLOSE, Ordering::Release);
    }

    /// Resets (RST) instead of the answer.
    pub(super) fn reset(&self) {
        self.0.store(RESET, Ordering::Release);
    }

    /// Closes right after the answer, which has promised to keep the connection.
    pub(super) fn close_after(&self) {
        self.0.store(CLOSE_AFTER, Ordering::Release);
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct CuttableStream {
    stream: TcpStream,
    cut: Cut,
}

impl CuttableStream {
    /// The stream, and the handle that cuts it.
    pub(super) fn new(stream: TcpStream) -> (Self, Cut) {
        let cut = Cut(Arc::new(AtomicU8::new(OPEN)));
        (Self { stream, cut: cut.clone() }, cut)
    }

    fn check(&self) -> io::Result<()> {
        match self.cut.0.load(Ordering::Acquire) {
            CLOSE => Err(ErrorKind::ConnectionAborted.into()),
            RESET => {
                self.stream.set_zero_linger()?; // the close that follows is then a reset
                Err(ErrorKind::ConnectionReset.into())
            }
            _ => Ok(()),
        }
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut.0.load(Ordering::Acquire) == CLOSE_AFTER {
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
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
