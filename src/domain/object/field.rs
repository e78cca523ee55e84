//! How one field's raw text is read.

use jiff::Timestamp;
use serde_json::value::RawValue;

/// A JSON string.
pub(crate) fn string(raw: &RawValue) -> Result<String, String> {
    if !raw.get().starts_with('"') {
        return Err("must be a string".to_owned());
    }
    serde_json::from_str(raw.get()).map_err(|_| "must be a string of whole characters".to_owned())
}

/// The text of a JSON string or number, digit for digit: it never becomes a float.
pub(crate) fn number_text(raw: &RawValue) -> Result<String, String> {
    let text = raw.get();
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return Ok(text.to_owned());
    }
    string(raw).map_err(|_| "must be a string or a number".to_owned())
}

/// A reader of strings that applies a rule.
pub(crate) fn with<'a, T>(
    rule: impl FnOnce(&str) -> Result<T, &'static str>,
) -> impl FnOnce(&'a RawValue) -> Result<T, String> {
    move |raw| rule(&string(raw)?).map_err(str::to_owned)
}

/// As [`with`], but an empty string counts as absent.
pub(crate) fn unless_empty<'a, T>(
    rule: impl FnOnce(&str) -> Result<T, &'static str>,
) -> impl FnOnce(&'a RawValue) -> Result<Option<T>, String> {
    move |raw| {
        let text = string(raw)?;
        if text.is_empty() { Ok(None) } else { rule(&text).map(Some).map_err(str::to_owned) }
    }
}

/// 1 to `chars_max` characters, none of them a control character.
pub(crate) fn line(raw: &RawValue, chars_max: usize) -> Result<String, String> {
    let text = string(raw)?;
    if text.is_empty() || text.chars().count() > chars_max {
        return Err(format!("must have 1 to {chars_max} characters"));
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(text)
}

/// A JSON boolean. The text `"false"` is none: whoever writes it may read it as true.
pub(crate) fn boolean(raw: &RawValue) -> Result<bool, String> {
    match raw.get() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false, without quotes".to_owned()),
    }
}

/// A time by RFC 3339. jiff also takes `2026-11-25 18` and a comma before the decimals, so the
/// shape is checked first.
pub(crate) fn time(raw: &RawValue) -> Result<Timestamp, String> {
    time_of(&string(raw)?).map_err(str::to_owned)
}

/// The same of a text that is not JSON.
pub(crate) fn time_of(text: &str) -> Result<Timestamp, &'static str> {
    match text.parse() {
        Ok(time) if is_shaped_as_a_time(text) => Ok(time),
        Ok(_) | Err(_) => Err("must be a time by RFC 3339, such as 2026-11-25T18:30:00Z"),
    }
}

fn is_shaped_as_a_time(text: &str) -> bool {
    let Some((seconds, rest)) = text.split_at_checked("2026-11-25T18:30:00".len()) else {
        return false;
    };
    let offset = match rest.strip_prefix('.') {
        Some(decimals) => decimals.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    fits(seconds, "0000-00-00T00:00:00")
        && (offset == "Z" || fits(offset, "+00:00") || fits(offset, "-00:00"))
}

/// Whether a text has this shape, where 0 stands for any digit.
fn fits(text: &str, shape: &str) -> bool {
    let fit = |(byte, shape): (u8, u8)| {
        if shape == b'0' { byte.is_ascii_digit() } else { byte == shape }
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fit)
}
