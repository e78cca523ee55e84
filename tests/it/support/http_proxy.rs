//! A proxy between a worker and its provider that sees every request and every answer whole, and
//! can stop at one. Both sides give the length of what they send (RFC 9112, 6.2).

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::brake::Brake;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// A token.
    Token,
    /// A link.
    Create,
    /// What is known of a reference.
    Lookup,
    /// A link to be cancelled or extended.
    Change,
    /// What the account holds.
    Balance,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The worker has written it whole, and nothing of it has reached the provider.
    Written,
    /// The provider has answered, and nothing of that has reached the worker.
    Answered,
    /// The last byte of the answer is on its way to the worker.
    Heard,
}

/// A request at some stage.
pub(crate) struct Exchange<'a> {
    /// What it asks for.
    pub(crate) ask: Ask,
    /// How far it has come.
    pub(crate) stage: Stage,
    /// Its path, with the query; a change's reference is in it.
    pub(crate) path: &'a str,
    /// Its body; a create's reference is in it.
    pub(crate) body: &'a [u8],
}

/// Sees every exchange at every stage; whatever it answers with true pulls the brake.
type Watcher = Arc<dyn Fn(&Exchange<'_>) -> bool + Send + Sync>;

/// The proxy; it ends with the value. It needs a tokio runtime.
pub(crate) struct HttpProxy {
    port: u16,
    accepting: JoinHandle<()>,
}

/// A request or an answer, as it came.
struct Message {
    bytes: Vec<u8>,
    head: usize,
}

impl HttpProxy {
    /// Listens on a free port before `target`.
    pub(crate) async fn start(
        target: SocketAddr,
        brake: &Brake,
        watcher: impl Fn(&Exchange<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let watcher: Watcher = Arc::new(watcher);
        let brake = brake.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (brake, watcher) = (brake.clone(), Arc::clone(&watcher));
                tokio::spawn(async move {
                    let mut hold = brake.hold();
                    tokio::select! {
                        _ = serve(client, target, &brake, &watcher) => {}
                        () = hold.ended() => {}
                    }
                });
            }
        });
        Self { port, accepting }
    }

    /// Its address, as the worker's configuration writes it.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for HttpProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(
    client: TcpStream,
    target: SocketAddr,
    brake: &Brake,
    watcher: &Watcher,
) -> io::Result<()> {
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut client, mut server) = (BufReader::new(client), BufReader::new(server));
    let mut hold = brake.hold();
    loop {
        let request = Message::read(&mut client).await?;
        let path = request.path();
        let ask = Ask::at(&path);
        let see = |stage| {
            if watcher(&Exchange { ask, stage, path: &path, body: request.body() }) {
                brake.pull();
            }
        };
        see(Stage::Written);
        if !hold.may_pass().await {
            return Ok(());
        }
        server.write_all(&request.bytes).await?;
        let answer = Message::read(&mut server).await?;
        see(Stage::Answered);
        if !hold.may_pass().await {
            return Ok(());
        }
        client.write_all(&answer.bytes).await?;
        see(Stage::Heard);
    }
}

impl Message {
    async fn read(from: &mut BufReader<TcpStream>) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut size = 0;
        loop {
            let begun = bytes.len();
            if from.read_until(b'\n', &mut bytes).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let line = String::from_utf8_lossy(&bytes[begun..]).to_ascii_lowercase();
            if line == "\r\n" {
                break;
            }
            assert!(!line.starts_with("transfer-encoding:"), "its length must be given");
            if let Some(value) = line.strip_prefix("content-length:") {
                size = value.trim().parse().unwrap();
            }
        }
        let head = bytes.len();
        bytes.resize(head + size, 0);
        from.read_exact(&mut bytes[head..]).await?;
        Ok(Self { bytes, head })
    }

    fn body(&self) -> &[u8] {
        &self.bytes[self.head..]
    }

    fn path(&self) -> String {
        let line = String::from_utf8_lossy(&self.bytes[..self.head]);
        let line = line.lines().next().unwrap_or_default();
        line.split(' ').nth(1).unwrap_or_default().to_owned()
    }
}

impl Ask {
    fn at(path: &str) -> Self {
        match path.split('?').next().unwrap_or_default() {
            "/oauth/token" => Self::Token,
            "/payout/smartPay" | "/payout/v2/smartSend/link" => Self::Create,
            "/payout/merchant/smartSend/details" => Self::Lookup,
            "/payout/smartPay/cancel" | "/payout/v2/smartSend/extendExpiry" => Self::Change,
            "/payout/merchant/getAccountDetail" => Self::Balance,
            path => panic!("a worker asks for nothing at {path}"),
        }
    }
}
