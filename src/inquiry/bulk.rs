//! PayU's own bulk files.
//!
//! The danger: PayU reads the file itself. None of the guards of this program sees a row of it, and
//! nobody knows what happens to a file that is processed twice. So a file is processed only after
//! PayU says that it was not yet, with as many rows as the person counts, and the request goes out
//! once: whether it arrived when no answer came is for a later look to say.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::mask::plain;
use super::sent_note::{SentNote, SentNoteError};
use super::{Inquiry, NothingLearnt};
use crate::config::{Merchant, duration};
use crate::domain::record::headers::written;
use crate::payu::wire::BulkFile;
use crate::ports::Clock;

/// PayU publishes no limit; its largest sample has 1,001 rows.
const FILE_SIZE_MAX: u64 = 16 << 20;

/// What PayU calls a file that nobody has processed.
const REQUESTED: &str = "REQUESTED";

/// The keys of the guards that somebody has chosen for a merchant, and that the rows of a bulk file
/// would go around. `max_amount` is not one of them: every merchant has one.
pub fn guards_bypassed(merchant: &Merchant) -> Vec<&'static str> {
    let Merchant { spend_limits, publisher_guard, .. } = merchant;
    let guards = [
        ("max_per_hour", spend_limits.per_hour.is_some()),
        ("max_per_day", spend_limits.per_day.is_some()),
        ("publishers", !publisher_guard.publishers.is_empty()),
        ("signing_keys", !publisher_guard.signing_keys.is_empty()),
    ];
    guards.into_iter().filter_map(|(key, is_set)| is_set.then_some(key)).collect()
}

/// A file to upload.
#[derive(Clone, Debug)]
pub struct NamedFile {
    name: String,
    content: Vec<u8>,
}

/// A file that cannot be uploaded.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{}: PayU takes .csv, .xlsx and .xls; nothing was sent", .0.display())]
    Kind(PathBuf),
    #[error("cannot read {}: {source}; nothing was sent", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{} is empty; nothing was sent", .0.display())]
    Empty(PathBuf),
    #[error("{} is larger than {} MiB; split it; nothing was sent", .0.display(), FILE_SIZE_MAX >> 20)]
    TooLarge(PathBuf),
}

impl NamedFile {
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let is_known =
            |ending: &str| ["csv", "xlsx", "xls"].iter().any(|it| ending.eq_ignore_ascii_case(it));
        let ending = path.extension().and_then(|ending| ending.to_str());
        let name = path.file_name().filter(|_| ending.is_some_and(is_known));
        let name = name.ok_or_else(|| FileError::Kind(path.to_owned()))?;
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        let mut content = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(FILE_SIZE_MAX.saturating_add(1)).read_to_end(&mut content).map_err(unreadable)?;
        if content.is_empty() {
            return Err(FileError::Empty(path.to_owned()));
        }
        if content.len() as u64 > FILE_SIZE_MAX {
            return Err(FileError::TooLarge(path.to_owned()));
        }
        Ok(Self { name: name.to_string_lossy().into_owned(), content })
    }
}

/// Why a file is not being processed, or perhaps not.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    #[error("its status cannot be read, so it was not processed: {}", .0.why())]
    Unread(NothingLearnt),
    #[error("its status is {0}, and only a file that is REQUESTED is processed; nothing was sent")]
    Begun(String),
    #[error(
        "PayU counts {} rows in it, and --rows says {expected}; it was not processed",
        .counted.map_or("no".to_owned(), |it| it.to_string())
    )]
    Rows { counted: Option<u64>, expected: u64 },
    #[error(
        "it was sent a while ago without an answer, and PayU may be slow to show what it does; nothing \
         was sent; if its status still is REQUESTED in {} s, try again",
        .0.as_secs().saturating_add(1)
    )]
    TooSoon(Duration),
    #[error("nothing was sent, since that has to be noted: {0}")]
    Unnoted(#[from] SentNoteError),
    #[error("it was not processed: {}; look at its status before you try again", .0.why())]
    Refused(NothingLearnt),
    #[error(
        "it may be processed or not, since {}; do not upload it again, and send it again only if its \
         status still is REQUESTED after {} or more",
        seen(why), duration::shortest(*quarantine)
    )]
    Unknown { why: NothingLearnt, quarantine: Duration },
}

impl NotBegun {
    /// Whether asking again later may say more.
    pub fn is_undecided(&self) -> bool {
        match self {
            Self::Unread(why) | Self::Refused(why) => why.is_unanswered(),
            Self::TooSoon(_) | Self::Unknown { .. } => true,
            Self::Begun(_) | Self::Rows { .. } | Self::Unnoted(_) => false,
        }
    }
}

/// What came instead of an answer. That it can be tried again is the last thing to say here.
fn seen(why: &NothingLearnt) -> String {
    match why {
        NothingLearnt::Status(status) => format!("PayU answered with HTTP {status}"),
        NothingLearnt::Odd => "PayU's answer makes no sense".to_owned(),
        NothingLearnt::NotSent(_)
        | NothingLearnt::NoAnswer
        | NothingLearnt::Credentials
        | NothingLearnt::Throttled
        | NothingLearnt::Merchant
        | NothingLearnt::TurnedAway
        | NothingLearnt::Refused(_) => "PayU did not answer".to_owned(),
    }
}

impl Inquiry<'_> {
    /// Uploads a file, once. No link is made before it is processed.
    pub async fn upload(&self, file: &NamedFile) -> Result<FileShown, NothingLearnt> {
        let token = self.token().await.map_err(|result| NothingLearnt::of(&result))?;
        let upload = self.account.upload(&token, &file.name, &file.content);
        NothingLearnt::unless(self.turn(upload).await).map(FileShown)
    }

    /// Asks what has become of a file, once.
    pub async fn bulk_file(&self, id: u64) -> Result<FileShown, NothingLearnt> {
        let token = self.token().await.map_err(|result| NothingLearnt::of(&result))?;
        let asked = self.turn(self.account.bulk_file(&token, id)).await;
        NothingLearnt::unless(asked).and_then(|file| FileShown::about(file, id))
    }

    /// Looks at a file, and asks once for it to be processed, if nobody has and it has so many rows.
    /// `announce` is called in between.
    pub async fn process(
        &self,
        id: u64,
        rows: u64,
        announce: impl FnOnce(),
    ) -> Result<FileShown, NotBegun> {
        let token = self.token().await;
        let token = token.map_err(|result| NotBegun::Unread(NothingLearnt::of(&result)))?;
        let asked = self.turn(self.account.bulk_file(&token, id)).await;
        let file = NothingLearnt::unless(asked).and_then(|file| FileShown::about(file, id));
        file.map_err(NotBegun::Unread)?.may_begin(rows)?;
        let note = SentNote::of(&self.merchant.account.payout_merchant_id, id);
        let quarantine = self.merchant.in_doubt.quarantine;
        if let Some(left) = note.left(quarantine, self.clock.now().wall) {
            return Err(NotBegun::TooSoon(left));
        }
        announce();
        note.write(self.clock.now().wall)?;
        let asked = self.turn(self.account.process_file(&token, id)).await;
        match NothingLearnt::unless(asked).and_then(|file| FileShown::about(file, id)) {
            Err(why) if why.may_be_done() => Err(NotBegun::Unknown { why, quarantine }),
            answered => {
                note.take_back();
                answered.map_err(NotBegun::Refused)
            }
        }
    }
}

/// What PayU shows of a file.
#[derive(Clone, Debug)]
pub struct FileShown(pub BulkFile);

impl FileShown {
    /// An answer about another file is none.
    fn about(file: BulkFile, id: u64) -> Result<Self, NothingLearnt> {
        if file.id == id.to_string() { Ok(Self(file)) } else { Err(NothingLearnt::Odd) }
    }

    /// Whether a file may be processed whose rows somebody has counted.
    pub fn may_begin(&self, expected: u64) -> Result<(), NotBegun> {
        let BulkFile { status, rows, .. } = &self.0;
        if status.trim() != REQUESTED {
            return Err(NotBegun::Begun(plain(status)));
        }
        match rows {
            Some(counted) if *counted == expected => Ok(()),
            counted => Err(NotBegun::Rows { counted: *counted, expected }),
        }
    }

    pub fn table(&self) -> String {
        let file = &self.0;
        let count = |count: Option<u64>| count.map(|it| it.to_string());
        let mut table = String::new();
        for (name, cell) in [
            ("file id", Some(plain(&file.id))),
            ("name", file.name.as_deref().map(plain)),
            ("status", Some(plain(&file.status))),
            ("rows", count(file.rows)),
            ("successful", count(file.successful)),
            ("failed", count(file.failed)),
            ("uploaded", file.added.map(written)),
            ("updated", file.updated.map(written)),
        ] {
            let cell = cell.as_deref().unwrap_or("-");
            // Writing to a String cannot fail.
            writeln!(table, "{name:<10}  {cell}").ok();
        }
        table
    }

    pub fn json(&self) -> String {
        let file = &self.0;
        let json = json!({
            "id": file.id,
            "displayName": file.name,
            "status": file.status,
            "totalRows": file.rows,
            "successfulRows": file.successful,
            "failedRows": file.failed,
            "addedOn": file.added.map(written),
            "updatedOn": file.updated.map(written),
        });
        format!("{json}\n")
    }
}
