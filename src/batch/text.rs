//! What a person does not see in a text, or did not write.
//!
//! A character without a shape comes along when a cell is copied from a page or a chat. In a
//! reference it makes another reference, and a description of only such characters tells the
//! customer nothing. A spreadsheet adds its own: the value of a formula that failed.

/// Characters that show nothing, beside those that std calls control or whitespace: Unicode's
/// `Default_Ignorable_Code_Point`, the other format characters, and the braille blank.
const SHAPELESS: [(char, char); 19] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e007f}'),
    ('\u{e0080}', '\u{e0fff}'),
];

/// What a spreadsheet shows for a formula that failed, as a part of a cell.
const FORMULA_ERRORS: [&str; 11] = [
    "#REF!",
    "#VALUE!",
    "#NAME?",
    "#DIV/0!",
    "#NUM!",
    "#NULL!",
    "#N/A",
    "#SPILL!",
    "#CALC!",
    "#FIELD!",
    "#BLOCKED!",
];

/// Whether a character shows nothing. A blank is none: a person who types one knows of it.
pub(super) fn is_invisible(c: char) -> bool {
    let is_shapeless = SHAPELESS.iter().any(|(first, last)| (*first..=*last).contains(&c));
    c != ' ' && (is_shapeless || c.is_control() || c.is_whitespace())
}

/// Whether there is anything to see.
pub(super) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| c != ' ' && !is_invisible(c))
}

/// A character that changes the order in which a text is shown, so that `50` can read `05`.
pub(super) fn bidi_override(text: &str) -> Option<char> {
    text.chars().find(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

/// The formula error in a text. Cells that are too narrow for their number come out as `###`.
pub(super) fn formula_error(text: &str) -> Option<&'static str> {
    let is_narrow = text.len() > 1 && text.chars().all(|c| c == '#');
    let is_libre = text.strip_prefix("Err:").is_some_and(is_digits);
    match FORMULA_ERRORS.into_iter().find(|error| text.contains(error)) {
        None if is_narrow => Some("###"),
        None if is_libre => Some("Err:"),
        found => found,
    }
}

/// Whether a number was shortened to its first digits, as in `1.9E+18`.
pub(super) fn is_shortened_number(text: &str) -> bool {
    let Some((digits, power)) = text.split_once("E+") else { return false };
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','))
        && is_digits(power)
}

/// As Unicode writes a character that cannot be shown.
pub(super) fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
