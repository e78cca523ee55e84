//! The errors of all rows, for a person.
//!
//! One wrong formula makes a column of errors. Listed row by row, ten thousand lines of the same
//! sentence hide the one line that differs.

use std::collections::HashMap;

use super::validate::Validated;

/// A line for each error, with every row that has it, in the order of their first rows.
pub(super) fn lines(rows: &[Validated]) -> Vec<String> {
    let mut lines: Vec<(Vec<usize>, String)> = Vec::new();
    let mut place_of: HashMap<String, usize> = HashMap::new();
    for Validated { number, result } in rows {
        for error in result.as_ref().err().into_iter().flat_map(|row| &row.errors) {
            let text = error.to_string();
            let place = *place_of.entry(text.clone()).or_insert(lines.len());
            match lines.get_mut(place) {
                Some((numbers, _)) => numbers.push(*number),
                None => lines.push((vec![*number], text)),
            }
        }
    }
    lines.into_iter().map(|(numbers, text)| format!("{}: {text}", named(&numbers))).collect()
}

/// `row 3`, or `rows 3, 5-9`.
pub(super) fn named(numbers: &[usize]) -> String {
    let follows = |a: &usize, b: &usize| a.checked_add(1) == Some(*b);
    let runs = numbers.chunk_by(follows).map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        alone => alone.iter().map(ToString::to_string).collect(),
    });
    let runs: Vec<_> = runs.collect();
    let noun = if numbers.len() == 1 { "row" } else { "rows" };
    format!("{noun} {}", runs.join(", "))
}
