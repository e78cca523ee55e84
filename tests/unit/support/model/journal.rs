//! Everything that happens between the processes and the world, step by step, for whoever watches.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use smartsend::admission::AdmissionState;
use smartsend::domain::call::CallResult;
use smartsend::domain::reference::Reference;
use smartsend::domain::work::Work;
use smartsend::ports::Outgoing;

use super::clock::ModelClock;
use super::link_life::Change;
use super::message::{Fault, Message};
use super::smart_send::Called;

/// One thing that happened.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A message has come to the merchant's queue: from upstream, or back from a retry queue.
    Queued { message: &'a Message, returned: bool },
    /// The broker has sent it to a process.
    Delivered { process: u64, tag: u64, message: &'a Message },
    /// The broker has heard that it is settled.
    Acknowledged { process: u64, tag: u64 },
    /// A process has given it back to the queue.
    Requeued { process: u64, tag: u64 },
    /// The broker has given up on a process, and these go back to the queue.
    Cut { process: u64, back: &'a [u64] },
    /// A publish has come to the broker, or got lost; it has it unless the fault says otherwise.
    Published { process: u64, outgoing: &'a Outgoing, fault: Option<Fault> },
    /// A process has heard that its publish is safe.
    Confirmed { process: u64, outgoing: &'a Outgoing },
    /// The first byte of a request has left.
    Sent {
        process: u64,
        work: Work,
        request: usize,
        called: Called,
        reference: Option<&'a Reference>,
    },
    /// A process has seen its result.
    Answered { process: u64, called: Called, reference: &'a Reference, result: &'a CallResult },
    /// A request has made a link.
    CreatedLink {
        request: usize,
        reference: &'a Reference,
        url: &'a str,
        expires: Option<Timestamp>,
    },
    /// A link has changed: by a request, or without one.
    Changed { request: Option<usize>, reference: &'a Reference, change: Change },
    /// A process's breaker or throttle has changed.
    Admission { process: u64, work: Work, state: AdmissionState },
    /// Something was made to go wrong.
    Fault(fmt::Arguments<'a>),
    /// Anything else that is worth a line.
    Noted(fmt::Arguments<'a>),
}

/// Sees each step at the moment when it happens. It must not call the model back.
pub(crate) type Watch = Box<dyn FnMut(Duration, &Step<'_>) + Send>;

/// Where the steps are noted. Clones share it.
#[derive(Clone)]
pub(crate) struct Journal {
    clock: ModelClock,
    watch: Arc<Mutex<Option<Watch>>>,
}

impl Journal {
    pub(super) fn new(clock: ModelClock) -> Self {
        Self { clock, watch: Arc::default() }
    }

    /// From here on somebody watches.
    pub(crate) fn watch(&self, watch: Watch) {
        *self.watch.lock().unwrap() = Some(watch);
    }

    pub(crate) fn note(&self, step: &Step<'_>) {
        if let Some(watch) = self.watch.lock().unwrap().as_mut() {
            watch(self.clock.elapsed(), step);
        }
    }
}
