//! Who gives an order: the user of the operating system.

/// The user's name, or that it is not known. Control characters are left out.
pub fn actor() -> String {
    let name = whoami::username().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() { "an unknown user".to_owned() } else { name }
}
