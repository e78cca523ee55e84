//! What is shown of what names a person, or is a claim on money.

/// Only the last four digits: of a mobile, or of an account.
pub fn masked_number(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(4);
    number.chars().enumerate().map(|(at, c)| if at < hidden { '*' } else { c }).collect()
}

/// Only the first letter and the domain; nothing of what is no address.
pub fn masked_email(email: &str) -> String {
    match (email.chars().next(), email.rsplit_once('@')) {
        (Some(first), Some((name, domain))) if !name.is_empty() => format!("{first}***@{domain}"),
        (Some(_) | None, _) => "***".to_owned(),
    }
}

/// PayU's sentence, without the words that may name a customer or hold a link.
pub fn masked_text(text: &str) -> String {
    let word = |word: &str| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if word.contains("://") {
            "***".to_owned()
        } else if word.contains('@') {
            masked_email(word)
        } else if digits >= 10 {
            masked_number(word)
        } else {
            word.to_owned()
        }
    };
    let words: Vec<String> = text.split(' ').map(word).collect();
    words.join(" ")
}

/// PayU's text on a terminal.
pub(super) fn plain(text: &str) -> String {
    text.replace(char::is_control, "?")
}
