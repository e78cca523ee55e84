//! The JSON of an intent.
