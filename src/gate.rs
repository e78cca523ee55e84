//! Whether at all.
