//! merchants.
