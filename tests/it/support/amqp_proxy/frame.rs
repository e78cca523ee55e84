//! AMQP 0-9-1 on the wire, as far as a test has to distinguish frames.
//!
//! A frame is a type, a channel, a size, so many bytes and 0xCE (AMQP 0-9-1, 2.3); a method begins
//! with its class and its number.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// One frame, as it came.
pub(crate) struct Frame {
    pub(super) bytes: Vec<u8>,
}

/// What a frame says, if a test asks for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Says<'a> {
    /// `basic.deliver`.
    Deliver {
        /// Whether it was delivered before.
        redelivered: bool,
    },
    /// `channel.open`.
    Open,
    /// `basic.publish`.
    Publish {
        /// To this exchange.
        exchange: &'a str,
    },
    /// `basic.ack`: a consumer's acknowledgement, or the broker's confirm.
    Ack,
    /// `basic.qos`: how a worker asks whether its channel lives.
    Qos,
    /// `basic.cancel`.
    Cancel,
    /// `basic.cancel-ok`.
    CancelOk,
    /// The end of a message's body.
    Body,
    /// Anything else.
    Other,
}

const METHOD: u8 = 1;
const BODY: u8 = 3;
const HEAD: usize = 7;
const CHANNEL: u16 = 20;
const BASIC: u16 = 60;

impl Frame {
    /// Reads one; an error at the end of the stream.
    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut bytes = vec![0; HEAD];
        from.read_exact(&mut bytes).await?;
        let size = u32::from_be_bytes(bytes[3..HEAD].try_into().unwrap());
        bytes.resize(HEAD + usize::try_from(size).unwrap() + 1, 0);
        from.read_exact(&mut bytes[HEAD..]).await?;
        assert_eq!(bytes.last(), Some(&0xCE), "this is not AMQP");
        Ok(Self { bytes })
    }

    /// `connection.close`, as RabbitMQ says it when an operator closes a connection.
    pub(super) fn connection_forced() -> Self {
        const TEXT: &[u8] = b"CONNECTION_FORCED - by the test";
        let mut payload = vec![0, 10, 0, 50];
        payload.extend(320_u16.to_be_bytes());
        payload.push(u8::try_from(TEXT.len()).unwrap());
        payload.extend(TEXT);
        payload.extend([0, 0, 0, 0]); // no method of the client's is to blame
        let mut bytes = vec![METHOD, 0, 0]; // on channel 0
        bytes.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend(payload);
        bytes.push(0xCE);
        Self { bytes }
    }

    /// The class and the number of a method; `None` for other frames.
    pub(crate) fn method(&self) -> Option<(u16, u16)> {
        let number = |at: usize| u16::from_be_bytes(self.payload()[at..at + 2].try_into().unwrap());
        (self.bytes[0] == METHOD).then(|| (number(0), number(2)))
    }

    /// The channel.
    pub(crate) fn channel(&self) -> u16 {
        u16::from_be_bytes(self.bytes[1..3].try_into().unwrap())
    }

    /// What it carries.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[HEAD..self.bytes.len() - 1]
    }

    /// What it says. A body that has more than one frame is not met here.
    pub(crate) fn says(&self) -> Says<'_> {
        let payload = self.payload();
        if self.bytes[0] == BODY {
            return Says::Body;
        }
        match self.method() {
            Some((CHANNEL, 10)) => Says::Open,
            Some((BASIC, 10)) => Says::Qos,
            Some((BASIC, 30)) => Says::Cancel,
            Some((BASIC, 31)) => Says::CancelOk,
            Some((BASIC, 40)) => Says::Publish { exchange: short_string(&payload[6..]) },
            Some((BASIC, 60)) => {
                let tag = usize::from(payload[4]);
                Says::Deliver { redelivered: payload[4 + 1 + tag + 8] & 1 == 1 }
            }
            Some((BASIC, 80)) => Says::Ack,
            _ => Says::Other,
        }
    }
}

fn short_string(bytes: &[u8]) -> &str {
    let size = usize::from(bytes[0]);
    std::str::from_utf8(&bytes[1..=size]).unwrap()
}

#[tokio::test]
async fn frames_are_distinguished() {
    let deliver = [0, 60, 0, 60, 3, b't', b'a', b'g', 0, 0, 0, 0, 0, 0, 0, 7, 1, 1, b'x', 1, b'k'];
    let publish = [0, 60, 0, 40, 0, 0, 2, b'e', b'x', 1, b'k', 1].to_vec();
    let frame = |kind: u8, payload: &[u8]| {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 5][..], &size, payload, &[0xCE]].concat()
    };
    let stream = [
        frame(1, &deliver),
        frame(3, b"body"),
        frame(1, &publish),
        frame(1, &[0, 60, 0, 80]),
        frame(8, &[]),
    ]
    .concat();
    let mut rest = &stream[..];
    let mut next = async || Frame::read(&mut rest).await;
    let first = next().await.unwrap();
    assert_eq!((first.channel(), first.says()), (5, Says::Deliver { redelivered: true }));
    assert_eq!(next().await.unwrap().says(), Says::Body);
    assert_eq!(next().await.unwrap().says(), Says::Publish { exchange: "ex" });
    assert_eq!(next().await.unwrap().says(), Says::Ack);
    assert_eq!(next().await.unwrap().says(), Says::Other);
    assert!(next().await.is_err());
}
