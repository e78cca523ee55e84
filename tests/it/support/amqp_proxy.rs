//! The proxy between a worker and its broker. It sees every frame, and at any of them it can stop
//! everything or end the connection.
//!
//! It keeps its port while it is down, so that an address stays good.

pub(crate) mod frame;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::brake::{Brake, Hold, Mode};
pub(crate) use frame::{Frame, Says};

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the worker.
    ToBroker,
    /// To the worker.
    ToWorker,
}

/// When something is seen of a frame, an answer or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// It is whole here, and nothing of it has been passed on.
    Before,
    /// Its last byte has been passed on.
    After,
}

/// A frame that is seen.
pub(crate) struct Seen<'a> {
    /// The connection's number, from 0.
    pub(crate) connection: usize,
    /// Where it goes.
    pub(crate) way: Way,
    /// Before or after.
    pub(crate) when: When,
    /// The frame.
    pub(crate) frame: &'a Frame,
}

/// What is done at a frame. One that is [`Seen`] before can be the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Pass,
    /// Pulls the brake on all connections.
    Stop,
    /// Ends the connection without a word.
    Cut,
    /// Ends the connection with the words of an operator who closes it (`connection.close`, 320).
    Close,
}

impl From<bool> for Act {
    fn from(stops: bool) -> Self {
        if stops { Self::Stop } else { Self::Pass }
    }
}

/// Sees every frame twice.
type Watcher = Arc<dyn Fn(&Seen<'_>) -> Act + Send + Sync>;

/// The proxy; it ends with the value. It needs a tokio runtime.
pub(crate) struct AmqpProxy {
    port: u16,
    brake: Brake,
    accepted: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

/// One connection.
struct Connection {
    number: usize,
    brake: Brake,
    watcher: Watcher,
    to_worker: Mutex<OwnedWriteHalf>,
    /// The worker has been sent the close of its connection.
    is_closing: AtomicBool,
}

impl AmqpProxy {
    /// Listens on a free port before `target`.
    pub(crate) async fn start<A: Into<Act>>(
        target: SocketAddr,
        brake: &Brake,
        watcher: impl Fn(&Seen<'_>) -> A + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let watcher: Watcher = Arc::new(move |seen: &Seen<'_>| watcher(seen).into());
        let accepted = Arc::<AtomicUsize>::default();
        let (count, for_each) = (Arc::clone(&accepted), brake.clone());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, target, number, for_each.clone(), Arc::clone(&watcher)));
            }
        });
        Self { port, brake: brake.clone(), accepted, accepting }
    }

    /// One that has its own brake, and watches for nothing.
    pub(crate) async fn plain(target: SocketAddr, mode: Mode) -> Self {
        let brake = Brake::default();
        brake.set(mode);
        Self::start(target, &brake, |_: &Seen<'_>| Act::Pass).await
    }

    /// Changes what it does with every connection.
    pub(crate) fn set(&self, mode: Mode) {
        self.brake.set(mode);
    }

    /// How many connections it has taken.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for AmqpProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    client: TcpStream,
    target: SocketAddr,
    number: usize,
    brake: Brake,
    watcher: Watcher,
) {
    let hold = brake.hold();
    let mut watching = hold.clone();
    let passing = async {
        // A connection that is held from the beginning gets to no broker.
        if !hold.clone().may_pass().await {
            return;
        }
        let Ok(server) = TcpStream::connect(target).await else { return };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from_worker, to_worker) = client.into_split();
        let (from_broker, to_broker) = server.into_split();
        let connection = Connection {
            number,
            brake: brake.clone(),
            watcher,
            to_worker: Mutex::new(to_worker),
            is_closing: AtomicBool::new(false),
        };
        tokio::select! {
            _ = connection.worker_to_broker(from_worker, to_broker, hold.clone()) => {}
            _ = connection.broker_to_worker(from_broker, hold.clone()) => {}
        }
    };
    tokio::select! {
        () = passing => {}
        () = watching.ended() => {}
    }
}

impl Connection {
    /// Ends with the connection.
    async fn worker_to_broker(
        &self,
        from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        mut hold: Hold,
    ) -> io::Result<()> {
        let mut from = BufReader::new(from);
        let mut greeting = [0; 8]; // "AMQP" and the version
        from.read_exact(&mut greeting).await?;
        to.write_all(&greeting).await?;
        loop {
            let frame = Frame::read(&mut from).await?;
            if self.is_closing.load(Ordering::Relaxed) {
                if frame.method() == Some((10, 51)) {
                    return Ok(()); // connection.close-ok
                }
                continue;
            }
            match self.see(Way::ToBroker, When::Before, &frame) {
                Act::Cut => return Ok(()),
                Act::Close => {
                    self.close().await?;
                    continue;
                }
                Act::Pass | Act::Stop => {}
            }
            if !hold.may_pass().await {
                return Ok(());
            }
            to.write_all(&frame.bytes).await?;
            self.see(Way::ToBroker, When::After, &frame);
        }
    }

    /// The same the other way.
    async fn broker_to_worker(&self, from: OwnedReadHalf, mut hold: Hold) -> io::Result<()> {
        let mut from = BufReader::new(from);
        loop {
            let frame = Frame::read(&mut from).await?;
            match self.see(Way::ToWorker, When::Before, &frame) {
                Act::Cut => return Ok(()),
                Act::Close => self.close().await?,
                Act::Pass | Act::Stop => {}
            }
            if !hold.may_pass().await {
                return Ok(());
            }
            let mut to = self.to_worker.lock().await;
            if self.is_closing.load(Ordering::Relaxed) {
                drop(to);
                std::future::pending::<()>().await; // the worker's answer ends it
                return Ok(());
            }
            to.write_all(&frame.bytes).await?;
            drop(to);
            self.see(Way::ToWorker, When::After, &frame);
        }
    }

    fn see(&self, way: Way, when: When, frame: &Frame) -> Act {
        let act = (self.watcher)(&Seen { connection: self.number, way, when, frame });
        if act == Act::Stop {
            self.brake.pull();
        }
        act
    }

    /// Sends the worker the close that RabbitMQ would.
    async fn close(&self) -> io::Result<()> {
        let mut to = self.to_worker.lock().await;
        self.is_closing.store(true, Ordering::Relaxed);
        to.write_all(&Frame::connection_forced().bytes).await
    }
}
