//! What an envelope says to a person.

use super::mask::{masked_text, plain};
use crate::domain::call::Envelope;

/// PayU's texts and codes, as they are; with `reveal` whoever they may name is shown too.
pub(super) fn words(envelope: &Envelope, reveal: bool) -> String {
    let mut texts = Vec::new();
    for text in &envelope.texts {
        let text = text.expose();
        let text = if reveal { plain(text) } else { plain(&masked_text(text)) };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if texts.is_empty() {
        texts.push(format!("status {}", envelope.status));
    }
    let codes: Vec<String> = envelope.codes.iter().map(ToString::to_string).collect();
    let texts = texts.join("; ");
    if codes.is_empty() { texts } else { format!("{texts} ({})", codes.join(", ")) }
}
