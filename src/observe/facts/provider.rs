//! What happened on the way to and from Smart Send.
