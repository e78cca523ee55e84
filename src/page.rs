//! A text for a terminal.

use textwrap::WordSplitter;

/// The widest line, in characters.
pub const COLUMNS: usize = 100;

/// The first `most` names, and how many more there are.
pub(crate) fn some_of(names: &[impl AsRef<str>], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A head, and a text beside it that is broken into lines from the column `indent` on.
    pub(crate) fn row(&mut self, head: &str, indent: usize, text: &str) {
        let (head, below) = (format!("{head:<indent$}"), " ".repeat(indent));
        let options = textwrap::Options::new(COLUMNS)
            .initial_indent(&head)
            .subsequent_indent(&below)
            .word_splitter(WordSplitter::NoHyphenation)
            .break_words(false); // half a link is none
        self.line(&textwrap::fill(text, options));
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}
