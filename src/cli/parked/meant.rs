//! Which parked messages are meant, by options.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::super::exit::{CommandError, complain};
use crate::amqp::{ParkedQueueError, Topology};
use crate::config::{Config, duration};
use crate::domain::reference::Reference;
use crate::page::some_of;
use crate::parked::refs;
use crate::parked::selection::{Absent, Selection};

/// Which messages are meant.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Only those of this merchant
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Only those parked for this reason; can be repeated
    #[arg(long, value_name = "CODE")]
    code: Vec<String>,
    /// Only those parked at least so long ago, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    older: Option<Duration>,
    /// Only those parked at most so long ago
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    younger: Option<Duration>,
    /// Only this reference; can be repeated
    #[arg(long = "ref", value_name = "REF", value_parser = Reference::parse)]
    reference: Vec<Reference>,
    /// Only those in this CSV file, such as `reconcile --out` writes
    #[arg(long, value_name = "FILE")]
    refs: Option<PathBuf>,
}

/// By what a single message is named.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// The merchantRefId; after -- if it begins with -
    #[arg(value_name = "REF", value_parser = Reference::parse, required_unless_present = "id")]
    reference: Vec<Reference>,
    /// An id, as `parked list` shows it, for what has no reference
    #[arg(long, value_name = "ID", value_parser = id)]
    id: Vec<String>,
    /// The merchant whose reference it is
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
}

impl Filters {
    pub(super) fn selection(&self) -> Result<Selection, CommandError> {
        let mut references: BTreeSet<Reference> = self.reference.iter().cloned().collect();
        if let Some(path) = &self.refs {
            references.extend(refs::read(path).map_err(CommandError::usage)?);
        }
        Ok(Selection {
            merchant: self.merchant.clone(),
            codes: self.code.clone(),
            older: self.older,
            younger: self.younger,
            references,
            ids: Vec::new(),
        })
    }
}

impl Named {
    pub(super) fn selection(&self) -> Selection {
        Selection {
            merchant: self.merchant.clone(),
            references: self.reference.iter().cloned().collect(),
            ids: self.id.clone(),
            ..Selection::default()
        }
    }
}

/// How many names are shown.
const NAMES_MAX: usize = 10;

/// Says what was named and is not among what was found. Whoever named it believes that it is dealt
/// with.
pub(super) fn complain_of_absent(absent: &Absent) {
    let names = absent.names();
    if names.is_empty() {
        return;
    }
    complain(&format_args!(
        "not on the parked queue, or not what the other options ask for: {}; `smartsend where REF` \
         finds it",
        some_of(&names, NAMES_MAX)
    ));
}

pub(super) fn topology(config: &Config) -> Result<Topology, CommandError> {
    Topology::of(config).map_err(CommandError::usage)
}

pub(super) fn failed(error: &ParkedQueueError) -> CommandError {
    if error.is_usage() { CommandError::usage(error) } else { CommandError::failed(error) }
}

/// The beginning of an id, long enough to mean one.
fn id(text: &str) -> Result<String, &'static str> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if text.len() < 8 || !is_hex {
        return Err("must be at least 8 of the characters that `parked list` shows");
    }
    Ok(text.to_owned())
}
