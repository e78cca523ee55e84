//! A stand-in for Smart Send.
