//! The references that a survey has used, and what may be left of them.
//!
//! A reference is entered before its create is sent, so that nothing that stops the survey can make
//! it forget a link.

use std::collections::BTreeMap;

use crate::domain::reference::Reference;

#[derive(Clone, Debug, Default)]
pub(super) struct Made(BTreeMap<Reference, Left>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Left {
    /// Its link may be alive.
    is_open: bool,
    /// It has two links, and a cancel by reference names one of them.
    is_double: bool,
    /// How many links are known to have been made.
    links: usize,
}

impl Made {
    /// A create is about to be sent.
    pub(super) fn begin(&mut self, reference: &Reference) {
        self.left(reference).is_open = true;
    }

    /// It made a link.
    pub(super) fn link(&mut self, reference: &Reference) {
        let left = self.left(reference);
        left.is_open = true;
        left.links = left.links.saturating_add(1);
    }

    /// It made one more beside a link that is alive.
    pub(super) fn double(&mut self, reference: &Reference) {
        self.link(reference);
        self.left(reference).is_double = true;
    }

    /// It may have.
    pub(super) fn doubt(&mut self, reference: &Reference) {
        self.left(reference).is_double = true;
    }

    /// It made nothing, or what it made is cancelled.
    pub(super) fn close(&mut self, reference: &Reference) {
        self.left(reference).is_open = false;
    }

    /// Both links are cancelled.
    pub(super) fn close_both(&mut self, reference: &Reference) {
        let left = self.left(reference);
        (left.is_open, left.is_double) = (false, false);
    }

    pub(super) fn is_double(&self, reference: &Reference) -> bool {
        self.0.get(reference).is_some_and(|left| left.is_double)
    }

    /// Those with a link that is, or may be, alive.
    pub(super) fn remaining(&self) -> Vec<Reference> {
        let remains = |left: &Left| left.is_open || left.is_double;
        self.0.iter().filter(|(_, left)| remains(left)).map(|(name, _)| name.clone()).collect()
    }

    /// How many links are known to have been made.
    pub(super) fn links(&self) -> usize {
        self.0.values().map(|left| left.links).sum()
    }

    fn left(&mut self, reference: &Reference) -> &mut Left {
        self.0.entry(reference.clone()).or_default()
    }
}
