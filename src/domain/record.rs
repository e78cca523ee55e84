//! What is known of an intent. It travels with the intent, in headers, because the worker keeps
//! nothing.
//!
//! A record is either *new* (never sent, as far as is known) or *in doubt* (may have been sent).
//! A record in doubt has no path to a create call except through lookups: see [`super::decide`].

pub mod headers;

use std::time::Duration;

use jiff::Timestamp;

use super::account::Account;

/// All that is known of an intent on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The account and API that it belongs to.
    pub account: Account,
    /// When a worker first saw it.
    pub first_seen: Timestamp,
    /// Creates that may have left, those that were turned away included.
    pub attempts: u32,
    /// Trips through retry queues; a hand-back does not count.
    pub returns: u32,
    /// How often it was turned away while other intents were answered.
    pub singled_out: u32,
    /// When it was turned away last.
    pub turned_away_at: Option<Timestamp>,
    /// Not-found answers since the last create, or since the deadline of a new one.
    pub lookups: u32,
    /// How much of the quarantine is over: a sum of waits gone through, never a difference of
    /// clocks, because clocks jump and replicas disagree.
    pub quarantined: Duration,
    /// All waits gone through since the intent arrived, which is its age for `max_age`. While the
    /// circuit breaker is open nothing waits, so an outage makes no intent older.
    pub waited: Duration,
    /// Whether it may have been sent.
    pub state: State,
}

/// Whether an intent may have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Never sent, as far as is known.
    New,
    /// May have been sent.
    InDoubt(Doubt),
}

/// Why an intent may have been sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What made it in doubt.
    pub seen: Seen,
    /// When the last create may have left. For people; no decision uses it.
    pub last_sent: Option<Timestamp>,
    /// The provider's code, if there was one.
    pub code: Option<i64>,
}

/// What made an intent in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The broker delivered it before, or its record could not be read.
    Redelivered,
    /// This process has handled the same reference recently.
    Recent,
    /// A create was turned away, and under the strict policy that is not believed.
    TurnedAway,
    /// A create was answered: there is such a link already.
    Duplicate,
    /// A create had no answer that makes sense.
    Unknown,
    /// A create was refused, in a way that may depend on the day; or a command was.
    Refused,
    /// A command was accepted. Only a lookup shows whether it was carried out.
    Accepted,
}

impl Seen {
    const ALL: [Self; 7] = [
        Self::Redelivered,
        Self::Recent,
        Self::TurnedAway,
        Self::Duplicate,
        Self::Unknown,
        Self::Refused,
        Self::Accepted,
    ];

    /// The word in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Redelivered => "redelivered",
            Self::Recent => "recent",
            Self::TurnedAway => "turned-away",
            Self::Duplicate => "duplicate",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::Accepted => "accepted",
        }
    }

    /// Whether a create may follow once the lookups are over. The provider has said of the others
    /// that it will not make this link, and sending again would loop forever; no create is accepted.
    pub fn may_resend(self) -> bool {
        match self {
            Self::Redelivered | Self::Recent | Self::TurnedAway | Self::Unknown => true,
            Self::Duplicate | Self::Refused | Self::Accepted => false,
        }
    }
}

impl Record {
    /// The record of an intent that is seen for the first time.
    pub fn first(account: Account, now: Timestamp) -> Self {
        Self {
            account,
            first_seen: now,
            attempts: 0,
            returns: 0,
            singled_out: 0,
            turned_away_at: None,
            lookups: 0,
            quarantined: Duration::ZERO,
            waited: Duration::ZERO,
            state: State::New,
        }
    }

    /// Whether it may have been sent.
    pub fn is_in_doubt(&self) -> bool {
        match self.state {
            State::New => false,
            State::InDoubt(_) => true,
        }
    }

    /// Whether a create is known to have left. One that only may have left unseen counts as an attempt,
    /// and is not known.
    pub fn was_sent(&self) -> bool {
        let was_sent = match &self.state {
            State::New => false,
            State::InDoubt(doubt) => doubt.last_sent.is_some(),
        };
        was_sent || self.turned_away_at.is_some()
    }

    /// Counts a wait that was gone through. The quarantine of a new intent begins with its first
    /// lookup after the deadline; what was waited before then does not count towards it.
    pub fn count_wait(&mut self, duration: Duration, ages: bool) {
        if self.is_in_doubt() || self.lookups > 0 {
            self.quarantined = self.quarantined.saturating_add(duration);
        }
        if ages {
            self.waited = self.waited.saturating_add(duration);
        }
    }

    /// The record for another delivery. Under the strict policy another copy may be sent while this one
    /// is on its way, and no process may remember that. So what was turned away is looked up over a
    /// whole quarantine of each delivery, in which the key lock keeps other copies from being sent.
    #[must_use]
    pub fn looked_up_anew_if_turned_away(mut self) -> Self {
        if let State::InDoubt(Doubt { seen: Seen::TurnedAway, .. }) = &self.state {
            self.restart_lookups();
        }
        self
    }

    /// The record once another create may have left unseen: the lookups start over. A record that
    /// can no longer lead to a create keeps its kind and its lookups, since nothing can have been
    /// sent on its behalf.
    #[must_use]
    pub fn doubted(self, seen: Seen) -> Self {
        match &self.state {
            State::InDoubt(doubt) if !doubt.seen.may_resend() => self,
            State::New | State::InDoubt(_) => self.doubted_anew(seen),
        }
    }

    /// The same for a command, which can always be sent again.
    #[must_use]
    pub fn doubted_anew(mut self, seen: Seen) -> Self {
        let (last_sent, code) = match &self.state {
            State::New => (None, None),
            State::InDoubt(doubt) => (doubt.last_sent, doubt.code),
        };
        self.attempts = self.attempts.saturating_add(1);
        self.restart_lookups();
        self.state = State::InDoubt(Doubt { seen, last_sent, code });
        self
    }

    /// The record of a copy that a person sends back from the parked queue: in doubt, whatever it was,
    /// and with every wait at zero. A create may follow in time also where the provider has refused
    /// before, since that may have depended on the day; but never where a link is known to exist.
    #[must_use]
    pub fn replayed(self) -> Self {
        let mut record =
            if self.knows_link() { self } else { self.doubted_anew(Seen::Redelivered) };
        record.restart_lookups();
        Self { waited: Duration::ZERO, returns: 0, singled_out: 0, ..record }
    }

    /// Whether the provider has said, or shown, that there is a link.
    pub fn knows_link(&self) -> bool {
        match &self.state {
            State::New => false,
            State::InDoubt(doubt) => doubt.seen == Seen::Duplicate,
        }
    }

    /// The lookups, and the quarantine, begin anew.
    pub fn restart_lookups(&mut self) {
        self.lookups = 0;
        self.quarantined = Duration::ZERO;
    }
}
