//! Where the copies of a message are.

/// One message from upstream, and where it is.
pub(super) struct Copies {
    /// Its name in the trace, and its `message_id`.
    pub(super) id: String,
    published: u32,
    /// Copies in the queue and in flight.
    pub(super) here: u32,
    /// Copies on retry queues.
    pub(super) shelved: u32,
    /// Parked copies.
    pub(super) parked: u32,
    /// Whether there was more than one copy of it at a time, by whoever's doing.
    pub(super) is_doubled: bool,
}

impl Copies {
    pub(super) fn of(id: &str) -> Self {
        Self { id: id.to_owned(), published: 0, here: 0, shelved: 0, parked: 0, is_doubled: false }
    }

    pub(super) fn queued(&mut self, returned: bool) {
        self.here += 1;
        if returned {
            self.shelved -= 1;
        } else {
            self.published += 1;
            self.is_doubled |= self.published > 1;
        }
    }

    /// Whether it is in a queue, or in flight.
    pub(super) fn are_left(&self) -> bool {
        self.here + self.shelved > 0
    }

    /// What replaces one is one copy. A second one is of a delivery that had come back meanwhile.
    pub(super) fn note_double(&mut self) {
        self.is_doubled |= self.here + self.shelved > 1;
    }
}
