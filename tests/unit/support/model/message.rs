//! Messages, the ways out of a process, and what goes wrong there.

use bytes::Bytes;
use smartsend::ports::{Headers, Properties, PublishError};

use super::clock::Chance;

/// A message in a merchant's queue.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) body: Bytes,
    pub(crate) properties: Properties,
    pub(crate) headers: Headers,
    /// The login that wrote it, where it is known.
    pub(crate) user_id: Option<String>,
    /// Whether that is our own.
    pub(crate) own: bool,
    pub(crate) redelivered: bool,
    /// How often it came back.
    pub(crate) count: u64,
}

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    Results,
    Retries,
    Parked,
    Checkpoint,
}

/// What goes wrong with one publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No queue is bound.
    Unroutable,
    /// It is refused.
    Refused,
    /// It arrives, and the confirm is lost.
    ConfirmLost,
    /// It is lost on the way.
    Lost,
}

impl Message {
    /// As upstream publishes it.
    pub(crate) fn from_upstream(body: impl Into<Bytes>, properties: Properties) -> Self {
        let (body, headers) = (body.into(), Headers::new());
        let (user_id, own) = (None, false);
        Self { body, properties, headers, user_id, own, redelivered: false, count: 0 }
    }
}

impl Fault {
    pub(super) fn by(chance: &Chance, share: u64) -> Option<Self> {
        let all = [Self::Unroutable, Self::Refused, Self::ConfirmLost, Self::Lost];
        chance.percent(share).then(|| all[usize::try_from(chance.below(4)).unwrap()])
    }

    pub(super) fn seen(self) -> PublishError {
        match self {
            Self::Unroutable => PublishError::Unroutable,
            Self::Refused => PublishError::Refused,
            Self::ConfirmLost | Self::Lost => PublishError::Unconfirmed,
        }
    }
}
