//! The trace that an intent belongs to, by W3C Trace Context.

/// What upstream said of the trace, unchecked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trace<'a> {
    /// `traceparent`.
    pub traceparent: Option<&'a str>,
    /// `tracestate`.
    pub tracestate: Option<&'a str>,
}

impl<'a> Trace<'a> {
    /// `traceparent`, if it has its form. Anything else could be anything, and an attribute of an
    /// event may hold no control characters (CloudEvents 1.0, Type System).
    pub fn parent(&self) -> Option<&'a str> {
        self.traceparent.filter(|text| is_traceparent(text))
    }

    /// `tracestate`, if it can be one. It says nothing without its `traceparent`.
    pub fn state(&self) -> Option<&'a str> {
        self.parent()?;
        self.tracestate.filter(|text| !text.is_empty() && text.bytes().all(is_printable))
    }
}

/// Version, trace id, parent id and flags, in hexadecimal.
fn is_traceparent(text: &str) -> bool {
    let parts = text.split('-').map(str::len);
    parts.eq([2, 32, 16, 2]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}
