//! A proxy before a broker that reads AMQP, and ends a connection at the stage that a test names.
//!
//! It passes whole frames on. At the frame that it waits for, which it does not pass on, it ends
//! the connection: with the words of an operator who closes it (`connection.close`, 320), or
//! without any. Frames: AMQP 0-9-1, 2.3.5.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Who sends a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The worker.
    Client,
    /// RabbitMQ.
    Server,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The client is told why, as `rabbitmqctl close_connection` does.
    Closed,
    /// The socket ends.
    Cut,
}

/// A frame that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    /// The method's name.
    pub(crate) name: &'static str,
    /// Who sends it.
    pub(crate) from: Side,
    /// The class and the method, by their numbers.
    pub(crate) method: (u16, u16),
}

/// The proxy; it ends with the value.
pub(crate) struct Stages {
    port: u16,
    trap: Arc<Trap>,
    cuts: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

struct Trap {
    armed: Mutex<Option<(Stage, Manner)>>,
    sprung: watch::Sender<u64>,
}

impl Stages {
    /// Listens on a free port before `target`.
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let trap = Arc::new(Trap { armed: Mutex::default(), sprung: watch::Sender::new(0) });
        let (cuts, cut) = watch::channel(0);
        let for_each = Arc::clone(&trap);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (trap, mut cut) = (Arc::clone(&for_each), cut.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(target).await else { return };
                    tokio::select! {
                        () = serve(client, server, &trap) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { port, trap, cuts, accepting }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection now, and the first one that comes to the stage, then. Returns how
    /// often that has happened before, for [`Self::sprung`].
    pub(crate) fn end_at(&self, stage: Stage, manner: Manner) -> u64 {
        *self.trap.armed.lock().unwrap() = Some((stage, manner));
        self.cuts.send_modify(|cuts| *cuts += 1);
        *self.trap.sprung.borrow()
    }

    /// Waits until a connection has ended at its stage once more.
    pub(crate) async fn sprung(&self, before: u64) {
        let mut sprung = self.trap.sprung.subscribe();
        sprung.wait_for(|count| *count > before).await.unwrap();
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Trap {
    /// Whether the connection ends at this frame.
    fn springs(&self, from: Side, frame: &[u8]) -> Option<Manner> {
        let mut armed = self.armed.lock().unwrap();
        let (stage, manner) = (*armed)?;
        if stage.from != from || method(frame) != Some(stage.method) {
            return None;
        }
        *armed = None;
        self.sprung.send_modify(|count| *count += 1);
        Some(manner)
    }
}

struct Direction {
    from: Side,
    read: OwnedReadHalf,
    buffer: BytesMut,
}

impl Direction {
    fn new(from: Side, read: OwnedReadHalf) -> Self {
        Self { from, read, buffer: BytesMut::new() }
    }

    /// The next frame; `None` at the end. Dropping this future loses nothing.
    async fn next(&mut self) -> Option<(Side, Bytes)> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer) {
                return Some((self.from, frame));
            }
            if self.read.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }
}

async fn serve(client: TcpStream, server: TcpStream, trap: &Trap) {
    let (from_client, mut to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let mut from_client = Direction::new(Side::Client, from_client);
    let mut from_server = Direction::new(Side::Server, from_server);
    loop {
        let next = tokio::select! {
            next = from_client.next() => next,
            next = from_server.next() => next,
        };
        let Some((from, frame)) = next else { return };
        match trap.springs(from, &frame) {
            Some(Manner::Cut) => return,
            Some(Manner::Closed) => return say_closed(&mut to_client, &mut from_client).await,
            None => {}
        }
        let to = if from == Side::Client { &mut to_server } else { &mut to_client };
        if to.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// Closes the connection as RabbitMQ does, and waits until the client has understood.
async fn say_closed(to_client: &mut OwnedWriteHalf, from_client: &mut Direction) {
    const TEXT: &[u8] = b"CONNECTION_FORCED - by the test";
    let mut payload = vec![0, 10, 0, 50]; // connection.close
    payload.extend(320_u16.to_be_bytes());
    payload.push(u8::try_from(TEXT.len()).unwrap());
    payload.extend(TEXT);
    payload.extend([0, 0, 0, 0]); // no method of the client's is to blame
    let mut frame = vec![1, 0, 0]; // a method, on channel 0
    frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    frame.extend(payload);
    frame.push(0xCE);
    if to_client.write_all(&frame).await.is_err() {
        return;
    }
    while let Some((_, frame)) = from_client.next().await {
        if method(&frame) == Some((10, 51)) {
            return; // connection.close-ok
        }
    }
}

fn take_frame(buffer: &mut BytesMut) -> Option<Bytes> {
    let length = if *buffer.first()? == b'A' {
        8 // the protocol header that a client begins with
    } else {
        let size: [u8; 4] = buffer.get(3..7)?.try_into().unwrap();
        7 + usize::try_from(u32::from_be_bytes(size)).unwrap() + 1
    };
    (buffer.len() >= length).then(|| buffer.split_to(length).freeze())
}

fn method(frame: &[u8]) -> Option<(u16, u16)> {
    let number = |at: usize| Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
    if *frame.first()? != 1 {
        return None;
    }
    Some((number(7)?, number(9)?))
}
