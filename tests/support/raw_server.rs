//! A server that does what a script says, byte by byte, and writes down what reached it.
//!
//! No HTTP library stands between: what is cut, is cut where the script says. Each connection has
//! a thread of its own, so a script may block.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::canary;

/// One thing that a connection does.
#[derive(Clone)]
pub(crate) enum Step {
    /// Reads no more than the request line.
    ReadRequestLine,
    /// Reads a whole request and writes it down.
    ReadRequest,
    /// Writes these bytes.
    Write(Vec<u8>),
    /// Writes these bytes one at a time, with a pause before each, until the peer is gone.
    Drip(Vec<u8>, Duration),
    /// Writes these bytes again and again, with a pause before each time, until the peer is gone.
    Flood(Vec<u8>, Duration),
    /// Reads and writes nothing more until the peer is gone.
    Stall,
    /// Ends the connection.
    Close,
    /// Ends it with RST instead of FIN.
    Reset,
}

/// A request that was read whole.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The request line and the headers.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

/// What the server has written down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Connections that were accepted.
    pub(crate) opened: usize,
    /// Connections that have ended.
    pub(crate) closed: usize,
    /// Requests, in the order in which they were read to their end.
    pub(crate) seen: Vec<Seen>,
}

/// The server; it stops listening when it is dropped.
pub(crate) struct RawServer {
    address: SocketAddr,
    scheme: &'static str,
    log: watch::Sender<Log>,
    stopping: Arc<AtomicBool>,
}

type Behavior = Arc<dyn Fn(usize, &mut Peer<'_>) -> io::Result<()> + Send + Sync>;

/// One connection, as a script sees it.
struct Peer<'a> {
    stream: BufReader<&'a mut dyn ReadWrite>,
    log: &'a watch::Sender<Log>,
    reset: bool,
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// An answer with this status line and body; `headers` ends each of its lines with CRLF.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let size = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {size}\r\n\r\n{body}").into_bytes()
}

impl RawServer {
    /// Each connection does the steps that `script` gives for its number, counted from 0.
    pub(crate) fn scripted(script: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        Self::start(None, steps(script))
    }

    /// Each connection does these steps.
    pub(crate) fn doing(steps: Vec<Step>) -> Self {
        Self::scripted(move |_| steps.clone())
    }

    /// As [`Self::doing`], after a TLS handshake.
    pub(crate) fn doing_over_tls(tls: ServerConfig, script: Vec<Step>) -> Self {
        Self::start(Some(Arc::new(tls)), steps(move |_| script.clone()))
    }

    /// Answers every request on every connection; `reply` gets its number, counted from 0.
    pub(crate) fn answering(
        reply: impl Fn(usize, &Seen) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::deciding(move |number, seen| vec![Step::Write(reply(number, seen))])
    }

    /// Reads request after request, and after each does what `decide` says, until that ends the
    /// connection.
    pub(crate) fn deciding(
        decide: impl Fn(usize, &Seen) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::start(
            None,
            Arc::new(move |_, peer| {
                loop {
                    let (number, seen) = peer.read_request()?;
                    decide(number, &seen).into_iter().try_for_each(|step| peer.does(step))?;
                }
            }),
        )
    }

    fn start(tls: Option<Arc<ServerConfig>>, behavior: Behavior) -> Self {
        canary::watch();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self {
            address,
            scheme: if tls.is_some() { "https" } else { "http" },
            log: watch::Sender::new(Log::default()),
            stopping: Arc::default(),
        };
        let (log, stopping, runtime) =
            (server.log.clone(), server.stopping.clone(), Handle::current());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::Relaxed) {
                    return;
                }
                let stream = stream.unwrap();
                let number = log.borrow().opened;
                log.send_modify(|log| log.opened += 1);
                let (tls, behavior) = (tls.clone(), behavior.clone());
                let (log, runtime) = (log.clone(), runtime.clone());
                std::thread::spawn(move || {
                    serve(stream, tls, &log, &runtime, |peer| behavior(number, peer));
                    log.send_modify(|log| log.closed += 1);
                });
            }
        });
        server
    }

    /// The server's address with a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// What has been written down so far.
    pub(crate) fn log(&self) -> Log {
        self.log.borrow().clone()
    }

    /// Waits until what has been written down is as it should be.
    pub(crate) async fn wait_for(&self, what: &str, is_so: impl FnMut(&Log) -> bool) {
        let mut log = self.log.subscribe();
        let waiting = tokio::time::timeout(Duration::from_secs(10), log.wait_for(is_so)).await;
        assert!(waiting.is_ok(), "the server never saw {what}");
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address)); // wakes `incoming`
    }
}

fn steps(script: impl Fn(usize) -> Vec<Step> + Send + Sync + 'static) -> Behavior {
    Arc::new(move |number, peer| script(number).into_iter().try_for_each(|step| peer.does(step)))
}

fn serve(
    mut stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    log: &watch::Sender<Log>,
    runtime: &Handle,
    behave: impl Fn(&mut Peer<'_>) -> io::Result<()>,
) {
    // A test that forgets a connection must not leave a thread behind for long.
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut over_tls;
    let inner: &mut dyn ReadWrite = match tls {
        Some(config) => {
            let session = ServerConnection::new(config).unwrap();
            over_tls = StreamOwned::new(session, stream.try_clone().unwrap());
            &mut over_tls
        }
        None => &mut stream.try_clone().unwrap(),
    };
    let mut peer = Peer { stream: BufReader::new(inner), log, reset: false };
    // A script that ends early ends with its connection; what was written down shows how far it came.
    let _ended = behave(&mut peer).is_ok();
    if peer.reset {
        reset(stream, runtime);
    } else {
        // Closing with unread bytes would be a reset: say FIN, and read to the end.
        let _is_open = stream.shutdown(Shutdown::Write).is_ok();
        let _is_gone = io::copy(&mut stream, &mut io::sink()).is_err();
    }
}

fn reset(stream: TcpStream, runtime: &Handle) {
    let _in_runtime = runtime.enter();
    stream.set_nonblocking(true).unwrap();
    tokio::net::TcpStream::from_std(stream).unwrap().set_zero_linger().unwrap();
}

/// Blocks this thread; it serves one connection and nothing else.
pub(crate) fn wait(pause: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _timed_out = never.recv_timeout(pause).is_err();
}

impl Peer<'_> {
    fn does(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::ReadRequestLine => self.read_line().map(drop),
            Step::ReadRequest => self.read_request().map(drop),
            Step::Write(bytes) => self.write(&bytes),
            Step::Drip(bytes, pause) => bytes.iter().try_for_each(|byte| {
                wait(pause);
                self.write(&[*byte])
            }),
            Step::Flood(bytes, pause) => loop {
                wait(pause);
                self.write(&bytes)?;
            },
            Step::Stall => io::copy(&mut self.stream, &mut io::sink()).map(drop),
            Step::Close => Err(ErrorKind::ConnectionAborted.into()),
            Step::Reset => {
                self.reset = true;
                Err(ErrorKind::ConnectionReset.into())
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)?;
        self.stream.get_mut().flush()
    }

    fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }

    fn read_request(&mut self) -> io::Result<(usize, Seen)> {
        let mut head = String::new();
        let mut size = 0;
        loop {
            let line = self.read_line()?;
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                size = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; size];
        self.stream.read_exact(&mut body)?;
        let seen = Seen { head, body: String::from_utf8(body).unwrap() };
        let mut number = 0;
        self.log.send_modify(|log| {
            number = log.seen.len();
            log.seen.push(seen.clone());
        });
        Ok((number, seen))
    }
}
