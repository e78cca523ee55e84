//! `batch`: a file that is paid without a broker.
//!
//! Its rows go into a file of their own beside it, which takes the broker's place for a worker that
//! is the same as any other. So what may have been sent is looked up first, whatever has stopped an
//! earlier run, and a row that has ended is only reported.

mod consumers;
mod load;
mod pay;
mod report;
mod summary;

pub use consumers::refuse_if_consumed;
pub use load::{Direct, DirectError, Mode};
pub use pay::{Stops, waits_for_lookups};
pub use summary::{DirectEnd, DirectSummary};
