//! The total, asked back: who types it has seen it.

use std::io::{self, BufRead, Write};

use super::super::exit::CommandError;

/// Goes on only if the person gives the same total, by `--total` or when asked. `undone` says what
/// was not done otherwise.
pub(super) fn ask_back(total: &str, given: Option<&str>, undone: &str) -> Result<(), CommandError> {
    if let Some(given) = given {
        return same(total, given).ok_or_else(|| {
            CommandError::Failed(format!("the total is {total}, and not {given}; {undone}"))
        });
    }
    let asked = write!(io::stderr().lock(), "Type the total in rupees to go on: ");
    let mut answer = String::new();
    match asked.and_then(|()| io::stdin().lock().read_line(&mut answer)) {
        Ok(1..) => same(total, answer.trim())
            .ok_or_else(|| CommandError::Failed(format!("that is not the total; {undone}"))),
        Ok(0) | Err(_) => Err(CommandError::Usage(format!(
            "\nthere is nobody to type it; {undone}; whoever has seen the total gives it as --total \
             {total}"
        ))),
    }
}

/// Commas group digits, as they do in a file.
fn same(total: &str, given: &str) -> Option<()> {
    (given.replace(',', "") == total).then_some(())
}
