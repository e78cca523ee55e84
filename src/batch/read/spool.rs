//! The rows as they were read, in a temporary file that has no name.
//!
//! A file is read once and walked through several times: it is checked as a whole before the first
//! row is sent. What is sent then is what was checked, whatever happens to the file meanwhile, and
//! no more than a row of it is in memory. The temporary file has mode 0600 and is gone with the
//! process, however that ends.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;

use super::row::Row;

pub(super) struct SpoolWriter(BufWriter<File>);

#[derive(Debug)]
pub(super) struct Spool(File);

impl SpoolWriter {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(BufWriter::new(tempfile::tempfile()?)))
    }

    pub(super) fn push(&mut self, row: &Row) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, row)?;
        self.0.write_all(b"\n")
    }

    pub(super) fn finish(self) -> io::Result<Spool> {
        Ok(Spool(self.0.into_inner().map_err(io::IntoInnerError::into_error)?))
    }
}

impl Spool {
    /// The rows from the first on, each time.
    pub(super) fn rows(&self) -> impl Iterator<Item = io::Result<Row>> + use<'_> {
        let mut lines = BufReader::new(FromPlace { file: &self.0, offset: 0 });
        let mut line = Vec::new();
        std::iter::from_fn(move || {
            line.clear();
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => None,
                Ok(_) => Some(serde_json::from_slice(&line).map_err(io::Error::from)),
                Err(error) => Some(Err(error)),
            }
        })
    }
}

/// Reads a file from a place of its own, so that two readers do not disturb each other.
struct FromPlace<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for FromPlace<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(into, self.offset)?;
        self.offset = self.offset.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}
