//! Where the bytes come from.
//!
//! Standard input and a FIFO can be read only once, and XLSX is read from its end, so those bytes
//! go through a temporary file that has no name.

use std::fs::{File, Metadata};
use std::io::{self, Cursor, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use super::input::Input;

/// What shows that a file is another one, or has another content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    modified: Option<SystemTime>,
}

/// An open file, or a stream that can be read once.
pub(super) enum Source {
    File(File),
    Stream(Box<dyn Read>),
}

impl Source {
    pub(super) fn open(input: &Input) -> io::Result<Self> {
        if input.is_stdin() {
            return Ok(Self::Stream(Box::new(io::stdin().lock())));
        }
        let file = File::open(&input.path)?;
        let is_file = file.metadata()?.is_file();
        Ok(if is_file { Self::File(file) } else { Self::Stream(Box::new(file)) })
    }

    /// That of a file; a stream is never the same twice.
    pub(super) fn stamp(&self) -> io::Result<Option<Stamp>> {
        match self {
            Self::File(file) => file.metadata().map(|metadata| Some(Stamp::of(&metadata))),
            Self::Stream(_) => Ok(None),
        }
    }

    /// Up to so many bytes of its beginning; reading starts at the beginning all the same.
    pub(super) fn peek(self, most: u64) -> io::Result<(Vec<u8>, Self)> {
        let mut head = Vec::new();
        match self {
            Self::File(mut file) => {
                file.by_ref().take(most).read_to_end(&mut head)?;
                file.rewind()?;
                Ok((head, Self::File(file)))
            }
            Self::Stream(mut stream) => {
                stream.by_ref().take(most).read_to_end(&mut head)?;
                let whole = Cursor::new(head.clone()).chain(stream);
                Ok((head, Self::Stream(Box::new(whole))))
            }
        }
    }

    /// A file that can be read from anywhere.
    pub(super) fn seekable(&mut self) -> io::Result<File> {
        match self {
            Self::File(file) => file.try_clone(),
            Self::Stream(stream) => {
                let mut copy = tempfile::tempfile()?;
                io::copy(stream, &mut copy)?;
                copy.rewind()?;
                Ok(copy)
            }
        }
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(into),
            Self::Stream(stream) => stream.read(into),
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            len: metadata.len(),
            modified: metadata.modified().ok(),
        }
    }

    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.modified
    }

    /// Whether the path still leads to the same content.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        path.metadata().is_ok_and(|metadata| Self::of(&metadata) == *self)
    }
}
