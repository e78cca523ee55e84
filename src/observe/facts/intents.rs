//! What became of intents.
