//! The merchant's own name for one payout.

use std::fmt;

/// A `merchantRefId`: 1 to 40 of `A-Z a-z 0-9 _ -`.
///
/// It is the only fence against a second link: Smart Send calls it "unique for every link".
/// PayU documents a maximum of 40 for transfers and none for Smart Send, so 40 is safe for both.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference(Box<str>);

/// The longest reference, in characters.
pub const REFERENCE_LEN_MAX: usize = 40;

impl Reference {
    /// Reads a reference, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("must not be empty");
        }
        if text.chars().count() > REFERENCE_LEN_MAX {
            return Err("must have at most 40 characters");
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Err("may contain only letters, digits, '_' and '-'");
        }
        Ok(Self(text.into()))
    }

    /// The reference as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({})", self.0)
    }
}
