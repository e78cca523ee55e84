//! What a run of the model is about: the configuration, the provider, and how much may go wrong.

use std::time::Duration;

/// The step of time. The stated clock skew of 5 s is two of them, so that what happens within the
/// skew can be distinguished.
pub(super) const TICK: Duration = Duration::from_millis(2_500);
/// `settle`, in ticks.
pub(super) const SETTLE: u8 = 1;
/// How many not-found lookups it takes.
pub(super) const LOOKS: u8 = 2;

/// The second half of the cure of 6: nobody creates for a while after taking over.
pub(super) const HOLD_OFF: u8 = 106;
/// The second half of the cure of 8: a round trip to the broker before a resend.
pub(super) const ROUND_TRIP: u8 = 108;

/// One run. Times are in ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// How often upstream publishes the intent.
    pub(super) copies: u8,
    pub(super) details: Details,
    pub(super) quarantine: u8,
    pub(super) hold: u8,
    pub(super) delays: &'static [u8],
    pub(super) deadline: Option<u8>,
    pub(super) max_age: Option<u8>,
    pub(super) faults: Faults,
    /// What else is so.
    pub(super) with: &'static [With],
    /// The cure that is taken out, by the number of its trace, or a half of one.
    pub(super) without: Option<u8>,
}

/// When details shows a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Details {
    /// Within the quarantine after the request was sent, which takes effect within it too; until
    /// then it may say "not found".
    Lag,
    /// Perhaps never, though it has shown another one; and requests take effect at any time.
    Whenever,
    /// Never any; and requests take effect at any time.
    Blind,
}

impl Details {
    /// Whether a request has taken effect, and its link is shown, within the quarantine.
    pub(super) fn bounded(self) -> bool {
        self == Self::Lag
    }
}

/// What can go wrong, so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    /// A process is killed, is cut off from the broker without knowing, or loses its place as the
    /// active consumer.
    pub(super) deaths: u8,
    /// An answer is lost, a call is not sent or turned away, a delivery is handed back.
    pub(super) losses: u8,
    /// A publish is taken and its confirm never comes.
    pub(super) confirms: u8,
}

/// What else a setting may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum With {
    /// `policy = "strict"`, over a provider that makes a link for every create.
    StrictOverNaive,
    /// Waits may go through the retry queues instead of staying in flight.
    Shelves,
    /// The provider begins and ends to refuse by a limit, which it checks before uniqueness.
    Limits,
    /// A create may take effect and be answered as if it had been turned away.
    Belies,
    /// The limit's code counts as one that depends on the intent alone.
    StaticLimit,
    /// `max_amount` may be lowered below the intent's amount.
    Lowering,
    /// The merchant's account may be changed while every copy carries a record.
    Moving,
    /// The account may be changed whenever both workers hold nothing.
    MovingAtAnyTime,
    /// Details may show a link for a while without its text.
    Vague,
    /// Details masks the customer's fields.
    Masks,
    /// A lookup for an unknown reference is answered 403.
    Forbids,
    /// Time passes only when every worker waits, but for one that is cut off: processes are quick,
    /// or frozen. Elsewhere any of them can be slow at any step.
    Brisk,
    /// A death is a kill: nobody is cut off, and nobody loses its place otherwise.
    KilledOnly,
    /// The second worker's clock is ahead by as much as is allowed.
    Skew,
}

impl Setting {
    pub(super) fn has(&self, with: With) -> bool {
        self.with.contains(&with)
    }

    pub(super) fn strict(&self) -> bool {
        self.has(With::StrictOverNaive)
    }

    pub(super) fn lacks(&self, cure: u8) -> bool {
        self.without == Some(cure)
    }

    /// The same with a cure taken out.
    pub(super) fn without(self, cure: u8) -> Self {
        Self { without: Some(cure), ..self }
    }

    /// For how long a process remembers a reference: as the program configures it, with a call
    /// that takes one tick.
    pub(super) fn keep(&self) -> u8 {
        self.quarantine + self.hold + 1
    }

    /// From then on the clock makes no difference any more.
    pub(super) fn clock_max(&self) -> u8 {
        self.deadline.map_or(0, |deadline| deadline + 1)
    }
}
