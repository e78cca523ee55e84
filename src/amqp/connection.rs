//! One connection to the broker, which ends when it is dropped.
//!
//! lapin gives every connection a thread of its own. An abandoned attempt leaves that thread
//! behind for as long as the peer keeps the socket open, `close` hangs on a connection
//! that the broker has blocked, and lapin ignores `connection_timeout`. So the socket is opened
//! here, under a limit, and a second handle to it is kept: shutting it down ends the thread,
//! whatever lapin waits for.
//!
//! It is opened before lapin hears of the attempt at all: what lapin (4.12) makes for a connection
//! whose socket cannot be opened refers to itself and is never freed, some 10 kB each time.

use std::future::pending;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::tcp::OwnedTLSConfig;
use lapin::types::ShortString;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{AsyncTcpStream, Channel, ConnectionProperties, ErrorKind, Event};
use tokio::time::timeout;

use super::filtered_stream::{self, FilteredStream};
use super::server::Server;
use super::topology::names::short;

/// How long TCP, TLS and the AMQP handshake may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest frame of a connection, which is RabbitMQ's own limit by default. It allows a broker
/// without any, for which lapin would reserve more memory than there is.
const FRAME_MAX: u32 = 131_072;
/// How long the broker may take to answer `connection.close`.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Why there is no connection. It names the host, never the password; what RabbitMQ answers may
/// name the login.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot connect to RabbitMQ at {text}")]
pub struct ConnectError {
    text: String,
    refused: bool,
}

/// An open connection. Dropping it closes its socket.
pub(super) struct Connection {
    client: lapin::Connection,
    socket: Socket,
    channels_opened: AtomicU32,
    /// Host and port.
    host: String,
    /// `None` if it is too long to be a `user_id`.
    login: Option<ShortString>,
    server: Arc<OnceLock<Server>>,
}

/// The second handle to a connection's socket, which is shut when this is dropped.
struct Socket(TcpStream);

impl ConnectError {
    /// One for each host that was tried, as one.
    pub(super) fn all(refusals: &[Self]) -> Self {
        let texts: Vec<_> = refusals.iter().map(|refusal| refusal.text.as_str()).collect();
        let refused = refusals.iter().any(Self::is_refused);
        Self { text: texts.join("; "), refused }
    }

    /// Whether a broker answered and refused, for example because of the login. Otherwise nothing
    /// answered.
    pub fn is_refused(&self) -> bool {
        self.refused
    }
}

impl Connection {
    /// Connects once. `name` is what operators see in RabbitMQ's list of connections.
    /// Without `frame_max` it is as large as RabbitMQ allows by default.
    pub(super) async fn open(
        address: &AMQPUri,
        tls: &OwnedTLSConfig,
        name: &str,
        frame_max: Option<u32>,
    ) -> Result<Self, ConnectError> {
        let host = format!("{}:{}", address.authority.host, address.authority.port);
        let cannot = |reason: String, refused| {
            let text = format!("{host}: {reason}");
            ConnectError { text, refused }
        };
        let mut uri = address.clone();
        uri.query.frame_max = Some(frame_max.unwrap_or(FRAME_MAX));
        match timeout(CONNECT_TIMEOUT, connect(uri, tls, name)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(err)) => {
                let refused = matches!(err.kind(), ErrorKind::ProtocolError(_));
                Err(cannot(reason(&err), refused))
            }
            Err(_) => Err(cannot(format!("no AMQP handshake within {CONNECT_TIMEOUT:?}"), false)),
        }
    }

    pub(super) async fn open_channel(&self) -> lapin::Result<Channel> {
        self.channels_opened.fetch_add(1, Ordering::Relaxed);
        self.client.create_channel().await
    }

    /// Whether half of its channel numbers have been used: then another connection should take over.
    /// lapin (4.12) counts them up, starts over after the last, and then fails for each that the
    /// broker once closed: it keeps the error for as long as the connection lives.
    pub(super) fn is_worn(&self) -> bool {
        let numbers = u32::from(self.client.configuration().channel_max());
        self.channels_opened.load(Ordering::Relaxed) > numbers / 2
    }

    /// Waits for the error that ends it, such as a delivery that lapin cannot parse. lapin does not
    /// fail a pending call then, and of two that wait here at once only one is woken.
    pub(super) async fn error(&self) -> lapin::Error {
        let mut events = pin!(self.client.events_listener());
        loop {
            match events.next().await {
                Some(Event::Error(error)) => return error,
                Some(_) => {}
                None => pending().await,
            }
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn login(&self) -> Option<&ShortString> {
        self.login.as_ref()
    }

    /// What the broker says that it is.
    pub(super) fn server(&self) -> Option<&Server> {
        self.server.get()
    }

    /// The largest frame that the broker takes.
    pub(super) fn frame_max(&self) -> u32 {
        self.client.configuration().frame_max()
    }

    /// Whether it is up, as far as lapin knows.
    pub(super) fn is_up(&self) -> bool {
        self.client.status().connected()
    }

    /// Whether the broker has blocked it (RabbitMQ "Blocked Connection Notifications").
    pub(super) fn is_blocked(&self) -> bool {
        self.client.status().blocked()
    }

    /// Closes it politely if the broker answers soon, and shuts its socket in any case.
    pub(super) async fn close(&self) {
        if self.is_up() && !self.is_blocked() {
            // Whatever the answer is, the socket is shut next.
            timeout(CLOSE_TIMEOUT, self.client.close(200, "OK".into())).await.ok();
        }
        self.socket.end();
    }
}

/// The socket first, then the connection on it.
async fn connect(uri: AMQPUri, tls: &OwnedTLSConfig, name: &str) -> lapin::Result<Connection> {
    let runtime = lapin::runtime::default_runtime()?;
    let host = uri.authority.host.as_str();
    let found: Vec<_> = tokio::net::lookup_host((host, uri.authority.port)).await?.collect();
    let mut stream = AsyncTcpStream::connect(&runtime, found).await?;
    let AsyncTcpStream::Plain(plain) = &stream else {
        return Err(io::Error::from(io::ErrorKind::Unsupported).into());
    };
    let tcp = plain.get_ref();
    tcp.set_nodelay(true)?;
    let socket = Socket(TcpStream::from(tcp.as_fd().try_clone_to_owned()?));
    if uri.scheme == AMQPScheme::AMQPS {
        stream = stream.into_tls(host, tls.as_ref()).await?;
    }
    let properties = ConnectionProperties::default()
        .with_connection_name(name.into())
        .with_client_property("product".into(), "smartsend".into())
        .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
    let server = Arc::default();
    let frame_max = uri.query.frame_max.unwrap_or(FRAME_MAX);
    let stream = FilteredStream::new(stream, frame_max, Arc::clone(&server));
    // lapin calls it again only to reconnect automatically, which is off.
    let stream = Mutex::new(Some(AsyncTcpStream::Plain(stream)));
    let connector = async move |_, _| {
        let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        stream.ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected).into())
    };
    let host = format!("{host}:{}", uri.authority.port);
    let login = short(&uri.authority.userinfo.username).ok();
    let client =
        lapin::Connection::connector(uri, filtered_stream::runtime(), connector, properties);
    let client = client.await?;
    Ok(Connection { client, socket, channels_opened: AtomicU32::new(0), host, login, server })
}

impl Socket {
    fn end(&self) {
        // An error here says that it has ended already.
        self.0.shutdown(Shutdown::Both).ok();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.end();
    }
}

/// lapin's error on one line, and never with an address.
pub(super) fn reason(err: &lapin::Error) -> String {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "lapin's list is open, and every other kind has a text of its own"
    )]
    match err.kind() {
        ErrorKind::ProtocolError(refusal) => refusal.get_message().to_string(),
        ErrorKind::IOError(err) => err.to_string(),
        _ => err.to_string(),
    }
}
