//! The points between two effects of the worker.
//!
//! Every effect is a message to the broker or a request to the provider, so each point is a moment
//! on the wire: a message is whole at the proxy and nothing of it was passed on, or its last byte
//! was. What the worker does after that has no effect.

/// A point at which the worker is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// A delivery has been sent to the worker, which has done nothing about it yet.
    Delivered,

    /// A token was asked for; the provider does not know it.
    TokenWritten,
    /// The provider has issued the token; the worker does not know it.
    TokenAnswered,
    /// The worker was sent the token.
    TokenHeard,

    /// A link was asked for; the provider does not know it.
    CreateWritten,
    /// The provider has made the link; the worker does not know it.
    CreateAnswered,
    /// The worker was sent the link, and has announced nothing.
    CreateHeard,

    /// A link was to be cancelled or extended; the provider does not know it.
    ChangeWritten,
    /// The provider has changed the link; the worker does not know it.
    ChangeAnswered,
    /// The worker was sent the answer.
    ChangeHeard,

    /// A reference was looked up; the provider does not know it.
    LookWritten,
    /// The provider has answered the lookup; the worker does not know it.
    LookAnswered,
    /// The worker was sent the lookup's answer.
    LookHeard,

    /// The broker was asked whether the delivery is still ours, before it is sent once more.
    StillOursAsked,
    /// A link, or its change, was asked for once more; the provider does not know it.
    ResendWritten,
    /// The provider has done it at the second time of asking; the worker does not know it.
    ResendAnswered,
    /// The worker was sent that answer, and has announced nothing.
    ResendHeard,

    /// A result was published; the broker does not know it.
    EventWritten,
    /// The broker has the result; its confirm has not reached the worker.
    EventTaken,
    /// The worker was sent the result's confirm, and has not acknowledged the delivery.
    EventConfirmed,

    /// A copy for a retry queue was published; the broker does not know it.
    CopyWritten,
    /// The broker has the copy, so there are two; its confirm has not reached the worker.
    CopyTaken,
    /// The worker was sent the copy's confirm, and has not acknowledged the original.
    CopyConfirmed,

    /// A copy for the parked queue was published; the broker does not know it.
    ParkedWritten,
    /// The broker has the parked copy; its confirm has not reached the worker.
    ParkedTaken,
    /// The worker was sent the parked copy's confirm, and has not acknowledged the original.
    ParkedConfirmed,

    /// A delivery was acknowledged; the broker does not know it.
    AckWritten,
    /// The broker was sent the acknowledgement.
    AckPassed,

    /// The consumer was cancelled; the broker does not know it.
    CancelWritten,
    /// The broker has cancelled the consumer; the worker does not know it.
    CancelAnswered,
    /// The worker was sent the broker's answer to the cancel.
    CancelHeard,
}

/// What happens to a batch of intents until the worker is killed, so that it passes some points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plot {
    /// Everything goes well.
    Plain,
    /// Every answer to a create is lost after the link was made.
    AnswersLost,
    /// Every create is lost before the link was made, and is sent once more after the quarantine.
    CreatesLost,
    /// The provider cannot be reached.
    Unreachable,
    /// The provider answers 429, with a long pause.
    Throttled,
    /// Every intent is above the merchant's limit, and is parked.
    OverLimit,
    /// The worker was asked to stop, with calls in flight and more deliveries waiting.
    Stopping,
}

impl Plot {
    /// The points that a worker passes in it.
    pub(super) fn points(self) -> &'static [Point] {
        use Point::*;
        match self {
            Self::Plain => &[
                TokenWritten,
                TokenAnswered,
                TokenHeard,
                Delivered,
                CreateWritten,
                CreateAnswered,
                CreateHeard,
                EventWritten,
                EventTaken,
                EventConfirmed,
                AckWritten,
                AckPassed,
            ],
            Self::AnswersLost => &[LookWritten, LookAnswered, LookHeard],
            Self::CreatesLost => &[StillOursAsked, ResendWritten, ResendAnswered, ResendHeard],
            Self::Unreachable | Self::Throttled => {
                &[CopyWritten, CopyTaken, CopyConfirmed, AckWritten, AckPassed]
            }
            Self::OverLimit => &[
                EventWritten,
                EventTaken,
                EventConfirmed,
                ParkedWritten,
                ParkedTaken,
                ParkedConfirmed,
                AckWritten,
                AckPassed,
            ],
            Self::Stopping => &[
                CancelWritten,
                CancelAnswered,
                CancelHeard,
                CopyWritten,
                CopyTaken,
                CopyConfirmed,
                AckWritten,
                AckPassed,
            ],
        }
    }
}

impl Point {
    /// Whether a worker passes it only once.
    pub(super) fn comes_once(self) -> bool {
        self.comes_at_the_start()
            || matches!(self, Self::CancelWritten | Self::CancelAnswered | Self::CancelHeard)
    }

    /// Whether it comes before the worker takes deliveries.
    pub(super) fn comes_at_the_start(self) -> bool {
        matches!(self, Self::TokenWritten | Self::TokenAnswered | Self::TokenHeard)
    }
}
