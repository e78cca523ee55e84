//! Makes readable what others wrote around a message, before lapin reads it.
//!
//! RabbitMQ hands on property texts, header names and routing keys that are not UTF-8, tables that
//! are nested thousands deep, and envelopes that the headers which it adds itself have made larger
//! than the largest frame. For the first and the last lapin (4.12) ends the connection, and with it
//! come back all deliveries on it; the second overflows the stack of its thread, which ends the
//! process. So the frames that the broker sends are read here first.
//!
//! What lapin can read passes unchanged. Of the rest, bytes that are not UTF-8 become `?`, a table
//! that is nested too deep becomes a byte array, and what does not fit is left out. Whose
//! copy a message is does not depend on this: the broker has compared `user_id` with a login.

use std::{mem, str};

/// A frame is a type, a channel, a size, as many bytes, and an end (AMQP 0-9-1, 2.3.5).
pub(super) const HEAD_LEN: usize = 7;
pub(super) const END_LEN: usize = 1;
const METHOD: u8 = 1;
const HEADER: u8 = 2;

/// The least that two peers can agree on (AMQP 0-9-1, `frame-min-size`).
const FRAME_MIN: u32 = 4096;
/// A larger frame is read by lapin only, which refuses it. Otherwise a peer that does not speak AMQP
/// could have gigabytes collected here.
const COLLECTED_MAX: usize = 16 * 1024 * 1024;
/// How many tables and arrays may be inside one another.
const DEPTH_MAX: u32 = 8;

/// Filters the bytes of one connection, from the broker to lapin.
pub struct EnvelopeFilter {
    /// The largest frame that was agreed on, its head and its end included.
    frame_max: u32,
    /// The beginning of a frame that is to be read.
    frame: Vec<u8>,
    /// How many bytes of a frame that is not read are still to come.
    passing: usize,
}

/// How a property is written.
#[derive(Clone, Copy)]
enum Property {
    Text,
    Table,
    /// As a number of so many bytes.
    Number(usize),
}

/// In the order of their flags, from the highest bit down (AMQP 0-9-1, class `basic`).
const PROPERTIES: [Property; 14] = [
    Property::Text, // content-type
    Property::Text, // content-encoding
    Property::Table,
    Property::Number(1), // delivery-mode
    Property::Number(1), // priority
    Property::Text,      // correlation-id
    Property::Text,      // reply-to
    Property::Text,      // expiration
    Property::Text,      // message-id
    Property::Number(8), // timestamp
    Property::Text,      // type
    Property::Text,      // user-id
    Property::Text,      // app-id
    Property::Text,      // cluster-id
];

/// A payload from the next byte to read on.
struct Unread<'a>(&'a mut [u8]);

impl EnvelopeFilter {
    /// `frame_max` is what lapin proposes to the broker.
    pub fn new(frame_max: u32) -> Self {
        Self { frame_max, frame: Vec::new(), passing: 0 }
    }

    /// Appends to `readable` what can be given to lapin of all that has come by now.
    pub fn filter(&mut self, mut bytes: &[u8], readable: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let missing = if self.passing > 0 { self.passing } else { self.missing() };
            let (now, later) = bytes.split_at(missing.min(bytes.len()));
            bytes = later;
            if self.passing > 0 {
                self.passing -= now.len();
                readable.extend_from_slice(now);
                continue;
            }
            self.frame.extend_from_slice(now);
            if self.frame.len() == HEAD_LEN && !self.is_read() {
                self.passing = self.missing();
                readable.append(&mut self.frame);
            } else if self.missing() == 0 {
                self.finish(readable);
            }
        }
    }

    /// How much of the frame's head is missing, or else of the frame.
    fn missing(&self) -> usize {
        let whole = if self.frame.len() < HEAD_LEN {
            HEAD_LEN
        } else {
            self.size().saturating_add(HEAD_LEN + END_LEN)
        };
        whole.saturating_sub(self.frame.len())
    }

    /// The size in the frame's head.
    fn size(&self) -> usize {
        let size = self.frame.get(3..HEAD_LEN).and_then(|size| size.try_into().ok());
        usize::try_from(size.map_or(0, u32::from_be_bytes)).unwrap_or(usize::MAX)
    }

    fn is_read(&self) -> bool {
        matches!(self.frame.first(), Some(&(METHOD | HEADER))) && self.size() <= COLLECTED_MAX
    }

    /// Hands the frame on that is now whole, mended if it is a header.
    fn finish(&mut self, readable: &mut Vec<u8>) {
        let mut frame = mem::take(&mut self.frame);
        let is_header = frame.first() == Some(&HEADER);
        let end = frame.len().saturating_sub(END_LEN);
        let Some(payload) = frame.get_mut(HEAD_LEN..end) else { return };
        if is_header {
            if let Some(header) = mended_header(payload, self.payload_max()) {
                let size = u32::try_from(header.len()).unwrap_or(u32::MAX); // it has not grown
                frame.splice(HEAD_LEN..end, header);
                frame.splice(3..HEAD_LEN, size.to_be_bytes());
            }
        } else if let Some(proposed) = proposed_frame_max(payload) {
            self.frame_max = self.frame_max.min(proposed).max(FRAME_MIN);
        } else {
            mend_method(payload);
        }
        readable.append(&mut frame);
    }

    fn payload_max(&self) -> usize {
        let frame_max = usize::try_from(self.frame_max).unwrap_or(usize::MAX);
        frame_max.saturating_sub(HEAD_LEN + END_LEN)
    }
}

/// The largest frame that the broker takes, by `connection.tune`; 0 would be any.
fn proposed_frame_max(payload: &[u8]) -> Option<u32> {
    let [0, 10, 0, 30, _, _, size @ ..] = payload else { return None };
    let size = size.first_chunk().map(|size| u32::from_be_bytes(*size));
    size.filter(|size| *size > 0)
}

/// Mends the texts of a method that brings a message. The rest is what this side has named.
fn mend_method(payload: &mut [u8]) -> Option<()> {
    let mut unread = Unread(payload);
    let (texts_before, bytes, texts_after) = match unread.take(4)? {
        [0, 60, 0, 50] => (0, 2, 3), // basic.return: code, text, exchange, routing key
        [0, 60, 0, 60] => (1, 9, 2), // basic.deliver: consumer, delivery, exchange, routing key
        [0, 60, 0, 71] => (0, 9, 2), // basic.get-ok: delivery, exchange, routing key
        _ => return None,
    };
    for _ in 0..texts_before {
        unread.text()?;
    }
    unread.take(bytes)?;
    for _ in 0..texts_after {
        unread.text()?;
    }
    Some(())
}

/// The content header, no larger than that. What comes after something that cannot be read is left
/// out.
fn mended_header(payload: &mut [u8], size_max: usize) -> Option<Vec<u8>> {
    let excess = payload.len().saturating_sub(size_max);
    let mut unread = Unread(payload);
    let class_and_size = unread.take(12)?;
    let flags = u16::from_be_bytes(*unread.take(2)?.first_chunk()?);
    let (mut kept, mut properties) = (0, Vec::new());
    for (place, property) in PROPERTIES.into_iter().enumerate() {
        let flag = 0x8000 >> place;
        if flags & flag == 0 {
            continue;
        }
        let Some(property) = unread.property(property, excess) else { break };
        properties.extend(property);
        kept |= flag;
    }
    Some([&*class_and_size, &kept.to_be_bytes(), &properties].concat())
}

/// The headers of a table that can be read, each of them mended. If not all fit, the largest are left
/// out: those that RabbitMQ adds are small.
fn mended_table(table: &mut [u8], excess: usize) -> Vec<u8> {
    let size_max = table.len().saturating_sub(excess);
    let (mut unread, mut entries) = (Unread(table), Vec::new());
    while let Some(size) = mend_entry(unread.0, DEPTH_MAX) {
        entries.extend(unread.take(size));
    }
    if excess > 0 {
        entries.sort_by_key(|entry| entry.len());
    }
    let mut mended = Vec::new();
    for entry in entries {
        if mended.len().saturating_add(entry.len()) <= size_max {
            mended.extend_from_slice(entry);
        }
    }
    mended
}

/// Mends the first entry of a table, its name and its value. Returns their size.
fn mend_entry(table: &mut [u8], depth: u32) -> Option<usize> {
    let mut unread = Unread(table);
    let name = unread.text()?.len();
    let value = mend_value(unread.0, depth)?;
    name.checked_add(value)
}

/// Mends the first value of an array, its type and its content. Returns their size.
fn mend_value(values: &mut [u8], depth: u32) -> Option<usize> {
    let mut unread = Unread(values);
    let kind = unread.take(1)?.first_mut()?;
    // The types that RabbitMQ takes ("AMQP 0-9-1 Errata", 3), and the standard's `U`, which lapin reads.
    let size = match kind {
        b'V' => 0,
        b'b' | b'B' | b't' => 1,
        b's' | b'U' | b'u' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'l' | b'L' | b'd' | b'T' => 8,
        b'S' | b'x' | b'F' | b'A' => {
            let content = unread.long()?;
            if !mend_content(*kind, content, depth) {
                *kind = b'x'; // a byte array, which is written likewise
            }
            return content.len().checked_add(5);
        }
        _ => return None,
    };
    unread.take(size)?.len().checked_add(1)
}

/// Mends what a table or an array holds. Returns whether it can be read as such.
fn mend_content(kind: u8, content: &mut [u8], depth: u32) -> bool {
    let mend = match kind {
        b'F' => mend_entry,
        b'A' => mend_value,
        _ => return true, // bytes
    };
    let Some(depth) = depth.checked_sub(1) else { return false };
    let mut unread = Unread(content);
    while !unread.0.is_empty() {
        let size = mend(unread.0, depth);
        if size.and_then(|size| unread.take(size)).is_none() {
            return false;
        }
    }
    true
}

impl<'a> Unread<'a> {
    fn take(&mut self, size: usize) -> Option<&'a mut [u8]> {
        let (taken, rest) = mem::take(&mut self.0).split_at_mut_checked(size)?;
        self.0 = rest;
        Some(taken)
    }

    /// What is written with its length before it, as tables and long strings are.
    fn long(&mut self) -> Option<&'a mut [u8]> {
        let size = u32::from_be_bytes(*self.take(4)?.first_chunk()?);
        self.take(usize::try_from(size).ok()?)
    }

    /// A short string with its length, mended.
    fn text(&mut self) -> Option<&'a mut [u8]> {
        let size = usize::from(*self.0.first()?);
        let text = self.take(size.checked_add(1)?)?;
        let (_, bytes) = text.split_first_mut()?;
        while let Err(error) = str::from_utf8(bytes) {
            *bytes.get_mut(error.valid_up_to())? = b'?';
        }
        Some(text)
    }

    /// A property, mended, and smaller by `excess` if it is the table.
    fn property(&mut self, property: Property, excess: usize) -> Option<Vec<u8>> {
        match property {
            Property::Text => self.text().map(|text| text.to_vec()),
            Property::Number(size) => self.take(size).map(|number| number.to_vec()),
            Property::Table => {
                let table = mended_table(self.long()?, excess);
                let size = u32::try_from(table.len()).ok()?;
                Some([&size.to_be_bytes(), &*table].concat())
            }
        }
    }
}
