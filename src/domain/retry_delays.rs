//! How long an intent waits, and on which retry queue.

use std::time::Duration;

use jiff::SignedDuration;

/// The retry queues' delays: ascending, and at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryDelays {
    shortest: Duration,
    longer: Vec<Duration>,
}

/// One of the configured delays. Its index says which retry queue it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryDelay {
    index: usize,
    duration: Duration,
}

impl RetryDelay {
    /// Its place among the configured delays, from 0.
    pub fn index(self) -> usize {
        self.index
    }

    /// How long its queue keeps a message.
    pub fn duration(self) -> Duration {
        self.duration
    }

    pub(super) fn signed(self) -> SignedDuration {
        SignedDuration::try_from(self.duration).unwrap_or(SignedDuration::MAX)
    }
}

impl RetryDelays {
    /// Accepts ascending delays; `None` if they do not ascend, or if there are none.
    pub fn new(delays: &[Duration]) -> Option<Self> {
        let (shortest, longer) = delays.split_first()?;
        if !delays.is_sorted_by(|a, b| a < b) {
            return None;
        }
        Some(Self { shortest: *shortest, longer: longer.to_vec() })
    }

    /// The shortest.
    pub fn shortest(&self) -> RetryDelay {
        RetryDelay { index: 0, duration: self.shortest }
    }

    /// The longest.
    pub fn longest(&self) -> RetryDelay {
        self.iter().last().unwrap_or_else(|| self.shortest())
    }

    /// All of them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = RetryDelay> + '_ {
        let durations = std::iter::once(self.shortest).chain(self.longer.iter().copied());
        durations.enumerate().map(|(index, duration)| RetryDelay { index, duration })
    }

    /// How long each of them is, ascending.
    pub fn durations(&self) -> Vec<Duration> {
        self.iter().map(RetryDelay::duration).collect()
    }

    /// The longest delay that is not above `left`, else the shortest.
    pub fn within(&self, left: Duration) -> RetryDelay {
        let fitting = self.iter().take_while(|delay| delay.duration <= left).last();
        fitting.unwrap_or_else(|| self.shortest())
    }

    /// The delay after this many trips: each trip waits longer, up to the longest.
    pub fn after(&self, returns: u32) -> RetryDelay {
        let trips = usize::try_from(returns).unwrap_or(usize::MAX);
        self.iter().nth(trips).unwrap_or_else(|| self.longest())
    }
}

/// The longest wait before a quick try, by the number of tries before: 100 ms, 200 ms, … The
/// caller waits a random part of it ("full jitter"), so that many intents do not come back at once.
pub fn quick_wait_max(tries: u32) -> Duration {
    const BASE: Duration = Duration::from_millis(100);
    BASE.saturating_mul(1 << tries.min(4))
}
