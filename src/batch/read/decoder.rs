//! Any encoding as UTF-8, without a replacement for what is none.
//!
//! A lenient decoder would write question marks into a customer's name. So the first byte that the
//! encoding does not have ends the file, after everything before it has been given out: whoever
//! reads rows then knows which one it is in.

use std::io::{self, Read};

use encoding_rs::DecoderResult;

/// How much is decoded at once, in bytes.
const CHUNK: usize = 8 * 1024;

pub(super) struct Decoder<R> {
    source: R,
    state: encoding_rs::Decoder,
    decoded: Vec<u8>,
    given: usize,
    end: Option<End>,
}

#[derive(Clone, Copy)]
enum End {
    Whole,
    Malformed,
}

/// The text breaks off, since it is not in the encoding.
#[derive(Debug, thiserror::Error)]
#[error("it is not in the encoding")]
pub(super) struct Malformed;

impl<R: Read> Decoder<R> {
    pub(super) fn new(source: R, encoding: &'static encoding_rs::Encoding) -> Self {
        let state = encoding.new_decoder_with_bom_removal();
        Self { source, state, decoded: Vec::new(), given: 0, end: None }
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut chunk = [0; CHUNK];
        let count = self.source.read(&mut chunk)?;
        let is_last = count == 0;
        let chunk = chunk.get(..count).unwrap_or_default();
        self.given = 0;
        let room = self.state.max_utf8_buffer_length_without_replacement(count);
        self.decoded.resize(room.ok_or(io::ErrorKind::OutOfMemory)?, 0);
        let (result, _, written) =
            self.state.decode_to_utf8_without_replacement(chunk, &mut self.decoded, is_last);
        self.decoded.truncate(written);
        self.end = match result {
            DecoderResult::Malformed(..) => Some(End::Malformed),
            DecoderResult::InputEmpty | DecoderResult::OutputFull => is_last.then_some(End::Whole),
        };
        Ok(())
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut rest = self.decoded.get(self.given..).unwrap_or_default();
            let count = rest.read(into)?;
            if count > 0 || into.is_empty() {
                self.given = self.given.saturating_add(count);
                return Ok(count);
            }
            match self.end {
                Some(End::Whole) => return Ok(0),
                Some(End::Malformed) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, Malformed));
                }
                None => self.refill()?,
            }
        }
    }
}

/// Whether reading ended at what is not in the encoding.
pub(super) fn is_malformed(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Malformed>())
}
