//! What follows.

use super::intent::Intent;

/// A create call. Only [`super::decision`] makes one.
#[derive(Clone, Copy, Debug)]
pub struct CreateCall<'a> {
    intent: &'a Intent,
}

impl<'a> CreateCall<'a> {
    /// The call for an intent.
    pub fn of(intent: &'a Intent) -> Self {
        Self { intent }
    }

    /// The intent whose link is asked for.
    pub fn intent(&self) -> &'a Intent {
        self.intent
    }
}
