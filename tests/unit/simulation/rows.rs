//! Worlds without a broker: the intents are the rows of a file, which one process after the other
//! pays from its store, as `smartsend batch` does.
//!
//! The file grows: whoever writes it runs the batch again, with rows that come later in other worlds.

use std::time::Duration;

use smartsend::domain::account::Account;

use super::file::{FileRow, ModelFile};
use super::intents::{Planned, Sort};
use super::kinds::{Kind, Trouble};
use super::run::MERCHANT;
use super::{commands, intents};
use crate::support::model::{Chance, Cure, Scene};

/// What sets the generator that picks these worlds apart from the others.
const APART: u64 = 0x0f11_e0ff_5eed;

/// As a spreadsheet counts: the header is the first one.
const FIRST_ROW: usize = 2;

/// When an outage begins, and all rows but the first are in the file.
pub(super) const OUTAGE_BEGINS: Duration = Duration::from_mins(1);

/// Every second world without commands is one.
pub(super) fn are_played_by(seed: u64) -> bool {
    !commands::are_in(seed) && Chance::of(seed ^ APART).percent(50)
}

/// The rows of a world.
pub(super) struct Rows {
    pub(super) file: ModelFile,
    /// When each is in the file.
    each: Vec<(Duration, FileRow)>,
}

impl Rows {
    pub(super) fn new(
        scene: &Scene,
        account: &Account,
        planned: &[Planned],
        without: Option<Cure>,
    ) -> Self {
        let file = ModelFile::new(account, MERCHANT, &scene.journal, without);
        let row = |(number, one): (usize, &Planned)| {
            (one.at[0], FileRow { number, id: one.id.clone(), body: one.body.clone() })
        };
        Self { file, each: (FIRST_ROW..).zip(planned).map(row).collect() }
    }

    /// Those that are in the file by then.
    pub(super) fn by(&self, now: Duration) -> Vec<FileRow> {
        self.each.iter().filter(|(at, _)| *at <= now).map(|(_, row)| row.clone()).collect()
    }

    /// When the last one is.
    pub(super) fn whole_at(&self) -> Duration {
        self.each.iter().map(|(at, _)| *at).max().unwrap_or_default()
    }
}

/// Makes intents what a file can have: each row is good, and there once.
pub(super) fn adapt(kind: &Kind, planned: &mut [Planned]) {
    for one in planned {
        if one.sort == Sort::Invalid {
            intents::make_good(one);
        }
        one.at.truncate(1);
        if kind.trouble == Trouble::Outage {
            one.at[0] = one.at[0].min(OUTAGE_BEGINS);
        }
    }
}
