//! The core, and the one reader of it that its tests ask.

pub mod domain;
/// The page that a test holds the classification against.
pub mod cli {
    #[expect(dead_code, reason = "explain needs only a part of it")]
    pub mod exit;
    pub mod explain;
}
