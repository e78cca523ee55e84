//! A file of intents, and how to read it.

use std::path::PathBuf;

use crate::batch::{Delimiter, Encoding, Input, Mapped};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct InputOptions {
    /// A file of intents, or - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Read a column of another name as this field, or as none
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<Mapped>,
    /// The sheet of an XLSX file; needed only if several are visible
    #[arg(long, value_name = "NAME")]
    sheet: Option<String>,
    /// What is between the cells of CSV, or tab [default: as in the header]
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<Delimiter>,
    /// The encoding of the text, such as windows-1252 [default: UTF-8]
    #[arg(long, value_name = "NAME")]
    encoding: Option<Encoding>,
}

impl InputOptions {
    pub(super) fn input(&self) -> Input {
        Input {
            path: self.file.clone(),
            delimiter: self.delimiter,
            encoding: self.encoding,
            sheet: self.sheet.clone(),
            mapping: self.map.clone(),
        }
    }
}
