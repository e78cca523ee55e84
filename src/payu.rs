//! PayU's HTTP API.
