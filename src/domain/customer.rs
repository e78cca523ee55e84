//! The person whom the link is for. Nothing here has a `Debug` or `Display` that shows a person.

use std::fmt;

use email_address::EmailAddress;

/// The longest e-mail address, by RFC 5321 (errata 1690).
const EMAIL_LEN_MAX: usize = 254;

/// An Indian mobile number: 10 digits beginning 6 to 9.
#[derive(Clone, PartialEq, Eq)]
pub struct Mobile(String);

impl Mobile {
    /// Reads 10 digits beginning 6 to 9, with or without `+91` before them.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let digits = text.strip_prefix("+91").unwrap_or(text);
        if digits.len() != 10 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err("must be 10 digits, with or without +91 before them");
        }
        if !digits.starts_with(['6', '7', '8', '9']) {
            return Err("must begin with 6, 7, 8 or 9");
        }
        Ok(Self(digits.to_owned()))
    }

    /// The 10 digits.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// One ASCII e-mail address of at most 254 characters, as it was written.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Reads one address.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.is_ascii() {
            return Err("must be ASCII");
        }
        if text.len() > EMAIL_LEN_MAX {
            return Err("must have at most 254 characters");
        }
        // A quoted or bracketed form is legal by RFC 5321 and a way to hide a second address.
        if text.contains(['"', '[', ' ', ',', ';', '<', '>']) || !EmailAddress::is_valid(text) {
            return Err("must be one e-mail address, such as name@example.com");
        }
        Ok(Self(text.to_owned()))
    }

    /// The address as it was written.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The address in lower case, by which two are compared.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// How the customer is reached; at least one way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contact {
    /// By mobile only.
    Mobile(Mobile),
    /// By e-mail only.
    Email(Email),
    /// By both; PayU then sends the link to both.
    Both(Mobile, Email),
}

impl Contact {
    /// The mobile, if there is one.
    pub fn mobile(&self) -> Option<&Mobile> {
        match self {
            Self::Mobile(mobile) | Self::Both(mobile, _) => Some(mobile),
            Self::Email(_) => None,
        }
    }

    /// The e-mail address, if there is one.
    pub fn email(&self) -> Option<&Email> {
        match self {
            Self::Email(email) | Self::Both(_, email) => Some(email),
            Self::Mobile(_) => None,
        }
    }
}

/// The ways to reach the customer that a lookup has confirmed; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmedContact {
    /// The mobile.
    Mobile,
    /// The e-mail address.
    Email,
    /// Both.
    Both,
}

impl ConfirmedContact {
    /// `None` if none of them is.
    pub fn new(mobile: bool, email: bool) -> Option<Self> {
        match (mobile, email) {
            (true, true) => Some(Self::Both),
            (true, false) => Some(Self::Mobile),
            (false, true) => Some(Self::Email),
            (false, false) => None,
        }
    }

    /// Whether the mobile is confirmed.
    pub fn mobile(self) -> bool {
        matches!(self, Self::Mobile | Self::Both)
    }

    /// Whether the e-mail address is.
    pub fn email(self) -> bool {
        matches!(self, Self::Email | Self::Both)
    }
}

/// A text that names a person, or a claim on money: never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Private(String);

impl Private {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, only for the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

macro_rules! hidden {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fmt_hidden!(stringify!($name));
        }
    )+};
}

macro_rules! fmt_hidden {
    ($name:expr) => {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}(hidden)", $name)
        }
    };
}

hidden!(Mobile, Email, Private);
