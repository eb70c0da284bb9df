//! Texts from elsewhere, made safe to repeat.

/// Longest message of a condition, in characters: long enough for any text of Argo CD that a person
/// would read, short enough to keep every status well below etcd's limits.
pub const MESSAGE_LIMIT: usize = 1_024;

/// Cuts a message to [`MESSAGE_LIMIT`], and marks the cut with three dots.
pub fn bounded(message: &str) -> String {
    cut(message, MESSAGE_LIMIT)
}

/// Cuts a text to so many characters, and marks the cut with three dots.
pub fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(3)).collect();
    cut.push_str("...");
    cut
}
