//! What the broker says that it is.
//!
//! It says so once, in the first frame of a connection (AMQP 0-9-1, 1.4.2.1), and lapin (4.12) keeps
//! none of it. So that frame is read here too, on its way to lapin.

use std::sync::{Arc, OnceLock};

use super::envelope::{END_LEN, HEAD_LEN};

/// The largest first frame that is read: RabbitMQ's has some 500 bytes.
const START_MAX: usize = 16 * 1024;

/// Product and version, such as `RabbitMQ` and `3.10.8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub product: String,
    pub version: String,
}

/// Reads the first frame of a connection, and nothing after it.
pub(super) struct StartReader {
    /// What has come of it; `None` once it was read, or cannot be.
    frame: Option<Vec<u8>>,
    server: Arc<OnceLock<Server>>,
}

impl StartReader {
    pub(super) fn new(server: Arc<OnceLock<Server>>) -> Self {
        Self { frame: Some(Vec::new()), server }
    }

    pub(super) fn read(&mut self, bytes: &[u8]) {
        let Some(frame) = &mut self.frame else { return };
        frame.extend_from_slice(bytes);
        let size = frame.get(3..HEAD_LEN).and_then(|size| size.try_into().ok());
        let Some(size) = size.map(u32::from_be_bytes).and_then(|size| usize::try_from(size).ok())
        else {
            return;
        };
        if size > START_MAX {
            self.frame = None;
        } else if frame.len() >= HEAD_LEN + size + END_LEN {
            if let Some(server) = frame.get(HEAD_LEN..HEAD_LEN + size).and_then(server_of) {
                // The frame is read once.
                self.server.set(server).ok();
            }
            self.frame = None;
        }
    }
}

/// `connection.start`: the versions of the protocol, and a table of which only texts are read.
fn server_of(payload: &[u8]) -> Option<Server> {
    let [0, 10, 0, 10, _, _, rest @ ..] = payload else { return None };
    let (mut table, _) = sized(rest)?;
    let (mut product, mut version) = (None, None);
    while let Some((name_len, rest)) = table.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(*name_len))?;
        let (kind, rest) = rest.split_first()?;
        let (value, after) = match kind {
            b'S' | b'F' => sized(rest)?,
            b't' => rest.split_at_checked(1)?,
            _ => break,
        };
        match name {
            b"product" => product = Some(text(value)),
            b"version" => version = Some(text(value)),
            _ => {}
        }
        table = after;
    }
    Some(Server { product: product?, version: version? })
}

/// What its size comes before, and what comes after it.
fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*size)).ok()?)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace(char::is_control, "?")
}
