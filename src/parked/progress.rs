//! How far a plan was carried out: `PLAN.progress`, a line for each step.
//!
//! A step is on the disk before the next one begins. So whatever is killed, a second run knows of each
//! message whether its copy was confirmed: then it only takes the message off the queue. Where the
//! copy was begun and not confirmed the broker may have it, and it is published once more: the worker
//! looks every copy up before it sends anything, and its event has the same id.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::message::Id;
use crate::domain::record::headers::written;

/// The last step that was taken for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its copy is about to be published, and the broker may have it.
    Begun,
    /// The broker has confirmed its copy.
    Confirmed,
}

/// The open file, which nobody else can open meanwhile.
#[derive(Debug)]
pub struct Progress {
    path: PathBuf,
    file: File,
    steps: HashMap<Id, Step>,
    finished_at: Option<String>,
}

/// Why a plan cannot be carried out, or not further.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("another process is carrying out this plan ({} is locked)", path.display())]
    Locked { path: PathBuf },
    #[error("{} belongs to another plan, or the plan was changed after it was begun", path.display())]
    OfAnother { path: PathBuf },
    #[error("this plan was carried out at {at}, and a plan is carried out once: make a new one")]
    Finished { at: String },
}

const PLAN: &str = "plan";
const BEGUN: &str = "begun";
const CONFIRMED: &str = "confirmed";
const FINISHED: &str = "finished";
/// Makes of a line that was cut off one that says nothing: its step was not taken.
const TORN: &str = " torn torn";

/// Where the progress of a plan is kept.
pub fn path_for(plan: &Path) -> PathBuf {
    let mut name = plan.as_os_str().to_owned();
    name.push(".progress");
    name.into()
}

impl Progress {
    /// Opens it, or begins it. `digest` is the plan's.
    pub fn open(plan: &Path, digest: &str) -> Result<Self, ProgressError> {
        let path = path_for(plan);
        let failed = |source| ProgressError::Io { path: path.clone(), source };
        let mut options = OpenOptions::new();
        let options = options.create(true).read(true).append(true).mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ProgressError::Locked { path }),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let is_new = !text.contains('\n');
        if is_new {
            file.set_len(0).map_err(failed)?; // not even the first line is whole
        }
        let mut progress = Self { path, file, steps: HashMap::new(), finished_at: None };
        if is_new {
            progress.write(&format!("{PLAN} {digest}"))?;
            return Ok(progress);
        }
        if !text.ends_with('\n') {
            progress.write(TORN)?;
        }
        progress.read(&text, digest)?;
        Ok(progress)
    }

    fn read(&mut self, text: &str, digest: &str) -> Result<(), ProgressError> {
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let mut lines = whole.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        if lines.next().is_none_or(|words| words != [PLAN, digest]) {
            return Err(ProgressError::OfAnother { path: self.path.clone() });
        }
        for words in lines {
            match *words {
                [FINISHED, at] => self.finished_at = Some(at.to_owned()),
                [word @ (BEGUN | CONFIRMED), id, _] => {
                    let step = if word == BEGUN { Step::Begun } else { Step::Confirmed };
                    self.steps.extend(Id::parse(id).map(|id| (id, step)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether nothing was done yet.
    pub fn is_new(&self) -> bool {
        self.steps.is_empty()
    }

    /// Fails if the plan was carried out to its end.
    pub fn check_unfinished(&self) -> Result<(), ProgressError> {
        match &self.finished_at {
            Some(at) => Err(ProgressError::Finished { at: at.clone() }),
            None => Ok(()),
        }
    }

    pub fn step(&self, id: &Id) -> Option<Step> {
        self.steps.get(id).copied()
    }

    /// Notes a step. After this it is on the disk.
    pub fn mark(&mut self, id: &Id, step: Step, now: Timestamp) -> Result<(), ProgressError> {
        let word = match step {
            Step::Begun => BEGUN,
            Step::Confirmed => CONFIRMED,
        };
        self.write(&format!("{word} {id} {}", written(now)))?;
        self.steps.insert(id.clone(), step);
        Ok(())
    }

    pub fn finish(&mut self, now: Timestamp) -> Result<(), ProgressError> {
        self.write(&format!("{FINISHED} {}", written(now)))
    }

    fn write(&mut self, line: &str) -> Result<(), ProgressError> {
        let line = format!("{line}\n");
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|source| ProgressError::Io { path: self.path.clone(), source })
    }
}
