//! The total, asked back: who types it has seen it.

use std::io::{self, BufRead, Write};

/// Whether the person gives the same total, by `--total` or at the terminal.
pub(super) fn is_given_back(total: &str, given: Option<&str>) -> bool {
    if let Some(given) = given {
        return given == total;
    }
    let asked = write!(io::stderr().lock(), "Type the total in rupees to go on: ");
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut answer));
    read.is_ok() && answer.trim() == total
}
