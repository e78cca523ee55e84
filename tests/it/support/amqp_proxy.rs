//! A proxy between a worker and its broker that sees every frame, and can stop at one.

mod frame;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::brake::{Brake, Hold};
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

/// Sees every frame twice; whatever it answers with true pulls the brake.
type Watcher = Arc<dyn Fn(&Seen<'_>) -> bool + Send + Sync>;

/// The proxy; it ends with the value. It needs a tokio runtime.
pub(crate) struct AmqpProxy {
    port: u16,
    accepting: JoinHandle<()>,
}

/// One direction of one connection.
struct Pump {
    from: BufReader<OwnedReadHalf>,
    to: OwnedWriteHalf,
    way: Way,
    connection: usize,
    hold: Hold,
    brake: Brake,
    watcher: Watcher,
}

impl AmqpProxy {
    /// Listens on a free port before `target`.
    pub(crate) async fn start(
        target: SocketAddr,
        brake: &Brake,
        watcher: impl Fn(&Seen<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let watcher: Watcher = Arc::new(watcher);
        let (brake, count) = (brake.clone(), AtomicUsize::new(0));
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(client, target, number, brake.clone(), Arc::clone(&watcher)));
            }
        });
        Self { port, accepting }
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
    connection: usize,
    brake: Brake,
    watcher: Watcher,
) {
    let mut hold = brake.hold();
    let Ok(server) = TcpStream::connect(target).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let pump = |from, to, way| Pump {
        from: BufReader::new(from),
        to,
        way,
        connection,
        hold: hold.clone(),
        brake: brake.clone(),
        watcher: Arc::clone(&watcher),
    };
    let up = pump(from_client, to_server, Way::ToBroker);
    let down = pump(from_server, to_client, Way::ToWorker);
    tokio::select! {
        _ = up.run() => {}
        _ = down.run() => {}
        () = hold.ended() => {}
    }
}

impl Pump {
    /// Ends with the connection.
    async fn run(mut self) -> std::io::Result<()> {
        if self.way == Way::ToBroker {
            let mut greeting = [0; 8]; // "AMQP" and the version
            self.from.read_exact(&mut greeting).await?;
            self.to.write_all(&greeting).await?;
        }
        loop {
            let frame = Frame::read(&mut self.from).await?;
            self.see(When::Before, &frame);
            if !self.hold.may_pass().await {
                return Ok(());
            }
            self.to.write_all(&frame.bytes).await?;
            self.see(When::After, &frame);
        }
    }

    fn see(&self, when: When, frame: &Frame) {
        let seen = Seen { connection: self.connection, way: self.way, when, frame };
        if (self.watcher)(&seen) {
            self.brake.pull();
        }
    }
}
