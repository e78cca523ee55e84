//! The matrix of the transport's faults, which both test targets have lines of.

use super::payu::Payu;
use super::proof::Row;

/// One line of the matrix, as the proof shows it.
pub(crate) struct Line(pub(crate) Row);

impl Line {
    pub(crate) fn new(name: &str) -> Self {
        Self(Row { layer: format!("wire: {name}"), unit: "faults", ..Row::default() })
    }

    /// So many more faults and intents at a server, and what its ledger holds.
    pub(crate) fn at(&mut self, payu: &Payu, faults: usize, intents: usize) {
        let (links, doubles) = payu.all_links();
        self.0.runs += 1;
        self.0.faults += faults as u64;
        self.0.intents += intents as u64;
        self.0.links += links as u64;
        self.0.doubles += doubles as u64;
    }

    /// Every intent of it got its one link.
    pub(crate) fn show(self) {
        assert_eq!(self.0.doubles, 0, "{:?}", self.0);
        self.0.show();
    }
}
