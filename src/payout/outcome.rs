//! What a sighting means: one of a closed set.
