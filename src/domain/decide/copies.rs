//! What a copy of an intent takes along.

use jiff::Timestamp;

use super::{Case, RetryLater};
use crate::domain::record::headers::{Headers, history, record_as_received};

impl<S, V: Clone> Case<'_, S, V> {
    /// The headers of a copy that goes through a retry queue, given those that came with it. A
    /// record that names another account is passed on as it came, whoever wrote it: without that
    /// name a copy would be looked up here. Of the rest only what belongs to every copy is kept: a
    /// copy goes out under this worker's login, and has to fit.
    pub fn retry_headers(&self, later: RetryLater, received: &Headers, now: Timestamp) -> Headers {
        let due = now.saturating_add(later.delay.signed()).ok();
        self.copy_headers(received, || self.record_after(later).to_headers(due))
    }

    /// The headers of a parked copy, likewise.
    pub fn parked_headers(&self, received: &Headers) -> Headers {
        self.copy_headers(received, || self.record.to_headers(None))
    }

    fn copy_headers(&self, received: &Headers, record: impl FnOnce() -> Headers) -> Headers {
        if self.opening.is_foreign() {
            return record_as_received(received);
        }
        let mut headers = record();
        headers.extend(history(received));
        headers
    }
}
