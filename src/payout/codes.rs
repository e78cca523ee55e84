//! PayU's Smart Send codes.
