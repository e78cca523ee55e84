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

/// Prints a command's result on stdout, or says on stderr what went wrong.
pub(super) fn finish<E: Display>(
    result: Result<String, E>,
    is_usage: impl FnOnce(&E) -> bool,
) -> Exit {
    match result {
        Ok(text) => print(&text),
        Err(error) => {
            complain(&error);
            if is_usage(&error) { Exit::Usage } else { Exit::Failed }
        }
    }
}
