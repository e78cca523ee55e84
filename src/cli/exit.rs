//! How a command ends.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    /// Wrong usage or configuration.
    Usage,
    /// Stopped with work left.
    WorkLeft,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::WorkLeft => 3,
        })
    }
}

/// Why a command cannot do what was asked, in a sentence for the person who typed it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Wrong usage or configuration.
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    pub(super) fn usage(error: impl Display) -> Self {
        Self::Usage(error.to_string())
    }

    pub(super) fn failed(error: impl Display) -> Self {
        Self::Failed(error.to_string())
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Failed(_) => Exit::Failed,
        }
    }
}

/// Says on stderr what went wrong.
pub(super) fn complain(error: &impl Display) {
    // With stderr closed there is nowhere left to say it.
    writeln!(std::io::stderr().lock(), "{error}").ok();
}

/// Prints a command's result on stdout; a command whose result cannot be printed has failed.
pub(super) fn print(result: &impl Display) -> Exit {
    let written = write!(std::io::stdout().lock(), "{result}");
    if written.is_ok() { Exit::Done } else { Exit::Failed }
}
