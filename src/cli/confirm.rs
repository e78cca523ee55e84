//! "yes", typed by somebody who has seen what is about to happen.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};

/// The terminal that controls a process, whatever its standard input is.
const TERMINAL: &str = "/dev/tty";

/// Asks at the terminal; `None` if there is none. If the file came by standard input, its end is no
/// answer, so the controlling terminal is asked.
pub(super) fn at_terminal(question: &str, is_stdin_taken: bool) -> Option<bool> {
    let mut answer = String::new();
    let read = if is_stdin_taken {
        let mut terminal = File::options().read(true).write(true).open(TERMINAL).ok()?;
        write!(terminal, "{question}").ok()?;
        BufReader::new(terminal).read_line(&mut answer)
    } else {
        let mut stdin = io::stdin().lock();
        if !stdin.is_terminal() {
            return None;
        }
        write!(io::stderr().lock(), "{question}").ok()?;
        stdin.read_line(&mut answer)
    };
    Some(read.is_ok() && answer.trim() == "yes")
}
