//! Publishes envelopes that no client library would write: what RabbitMQ takes, a worker has to
//! live with.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::amqp_proxy::frame::Frame;
use super::broker::Node;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const END: u8 = 0xCE;
/// The largest frame, as RabbitMQ proposes it.
pub(crate) const FRAME_MAX: u32 = 131_072;

/// A connection with one channel, which confirms.
pub(crate) struct RawPublisher {
    stream: TcpStream,
}

impl RawPublisher {
    pub(crate) async fn connect(node: &Node, vhost: &str) -> Self {
        let stream = TcpStream::connect(node.address()).await.unwrap();
        let mut this = Self { stream };
        this.stream.write_all(b"AMQP\0\0\x09\x01").await.unwrap();
        this.answer((10, 10)).await.unwrap();
        let login =
            [&[0, 0, 0, 0][..], &short(b"PLAIN"), &long(b"\0guest\0guest"), &short(b"en_US")];
        this.method(0, (10, 11), &login.concat()).await;
        this.answer((10, 30)).await.unwrap();
        let tune = [&[0, 16][..], &FRAME_MAX.to_be_bytes(), &[0, 0]];
        this.method(0, (10, 31), &tune.concat()).await;
        this.method(0, (10, 40), &[&short(vhost.as_bytes())[..], &[0, 0]].concat()).await;
        this.answer((10, 41)).await.unwrap();
        this.method(1, (20, 10), &[0]).await;
        this.answer((20, 11)).await.unwrap();
        this.method(1, (85, 10), &[0]).await;
        this.answer((85, 11)).await.unwrap();
        this
    }

    /// Publishes a body with properties as they are, flags first. An error if the broker does not
    /// take it; then the connection is of no further use.
    pub(crate) async fn publish(
        &mut self,
        exchange: &str,
        routing_key: &[u8],
        properties: &[u8],
        body: &[u8],
    ) -> io::Result<()> {
        let target = [&[0, 0][..], &short(exchange.as_bytes()), &short(routing_key), &[0]];
        self.method(1, (60, 40), &target.concat()).await;
        let size = u64::try_from(body.len()).unwrap().to_be_bytes();
        self.frame(HEADER, 1, &[&[0, 60, 0, 0][..], &size, properties].concat()).await;
        for part in body.chunks(usize::try_from(FRAME_MAX).unwrap() - 8) {
            self.frame(BODY, 1, part).await;
        }
        self.answer((60, 80)).await
    }

    async fn method(&mut self, channel: u16, (class, number): (u16, u16), arguments: &[u8]) {
        let payload = [&class.to_be_bytes()[..], &number.to_be_bytes(), arguments].concat();
        self.frame(METHOD, channel, &payload).await;
    }

    async fn frame(&mut self, kind: u8, channel: u16, payload: &[u8]) {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&[kind][..], &channel.to_be_bytes(), &size, payload, &[END]].concat();
        // That the connection has ended shows by the missing answer.
        self.stream.write_all(&frame).await.ok();
    }

    /// Waits for a method; an error if another one comes, such as the end of the channel.
    async fn answer(&mut self, wanted: (u16, u16)) -> io::Result<()> {
        let frame = Frame::read(&mut self.stream).await?;
        if frame.method() == Some(wanted) {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(frame.payload()).into_owned()))
    }
}

/// A short string.
pub(crate) fn short(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

/// A long string, a table, an array or a byte array.
pub(crate) fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}
