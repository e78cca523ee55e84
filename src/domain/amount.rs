//! Money, exactly as it was written.
//!
//! An amount never passes through a float, an `i64` or an untyped JSON value: a float turns
//! `123456789012345678.01` into `1.2345678901234568e17`, and a payout of that.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// An amount in rupees, more than 0, with at most two decimals and 18 digits before them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(Decimal);

/// The most digits before the point.
const WHOLE_DIGITS_MAX: usize = 18;

impl Amount {
    /// Reads `(0|[1-9][0-9]{0,17})(\.[0-9]{1,2})?`, more than 0.
    ///
    /// The text is checked before it becomes a decimal, because `rust_decimal` also takes
    /// `1_0.5`, `+1.0`, `.5` and `1e2`.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (whole, decimals) = match text.split_once('.') {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (text, None),
        };
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !decimals.is_none_or(all_digits) {
            return Err("must be digits with at most two decimals, such as 100.50");
        }
        if whole.len() > 1 && whole.starts_with('0') {
            return Err("must not begin with a needless zero");
        }
        if whole.len() > WHOLE_DIGITS_MAX {
            return Err("must have at most 18 digits before the point");
        }
        if decimals.is_some_and(|d| d.len() > 2) {
            return Err("must have at most two decimals");
        }
        let value = Decimal::from_str_exact(text).map_err(|_| "must be a decimal number")?;
        if value.is_zero() {
            return Err("must be more than 0");
        }
        Ok(Self(value))
    }

    /// Reads what the provider says an amount is, for a comparison only.
    ///
    /// PayU writes one amount as `25.0`, `"1.0"` and `1.00`, so it is read by its value, in any
    /// notation of JSON. A sign or a third decimal other than zero is not accepted.
    pub fn parse_echo(text: &str) -> Option<Self> {
        if text.starts_with('0') && text.as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
            return None;
        }
        Self::parse(&Self::read_number(text)?.to_string()).ok()
    }

    /// Reads an unsigned number of JSON (RFC 8259, 6), without needless zeros.
    fn read_number(text: &str) -> Option<Decimal> {
        if !has_only_signs_of_a_number(text) {
            return None;
        }
        let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let begins = text.starts_with(|c: char| c.is_ascii_digit());
        let number =
            if is_plain { Decimal::from_str_exact(text) } else { Decimal::from_scientific(text) };
        number.ok().filter(|_| begins).map(|number| number.normalize())
    }
}

/// Whether nothing is in a text that a number of JSON cannot have (RFC 8259, 6). `rust_decimal` reads
/// `1_0` too.
pub fn has_only_signs_of_a_number(text: &str) -> bool {
    let is_sign = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    text.bytes().all(is_sign)
}

impl fmt::Display for Amount {
    /// Always two decimals: `100.5` is written `100.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.0)
    }
}

/// The sum of any number of amounts, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Total(Decimal);

impl Total {
    /// The sum with one more amount, or with those of another.
    #[must_use]
    pub fn plus(self, more: impl Into<Self>) -> Self {
        Self(self.0.saturating_add(more.into().0))
    }

    /// The sum without these, or nothing.
    #[must_use]
    pub fn minus(self, less: impl Into<Self>) -> Self {
        Self(self.0.saturating_sub(less.into().0).max(Decimal::ZERO))
    }

    /// Whether it is more than this number of rupees.
    pub fn exceeds(self, rupees: Decimal) -> bool {
        self.0 > rupees
    }

    /// Rounded, for a metric.
    pub fn rounded(self) -> f64 {
        self.0.to_f64().unwrap_or(f64::INFINITY)
    }
}

impl From<Amount> for Total {
    fn from(amount: Amount) -> Self {
        Self(amount.0)
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.2}", self.0))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({self})")
    }
}
