//! Texts from elsewhere, made safe to repeat.

/// Longest message of a condition, in characters: long enough for any text of Argo CD that a person
/// would read, short enough to keep every status well below etcd's limits.
pub const MESSAGE_LIMIT: usize = 1_024;

/// Cuts a message to [`MESSAGE_LIMIT`], and marks the cut with three dots.
pub fn bounded(message: &str) -> String {
    if message.chars().count() <= MESSAGE_LIMIT {
        return message.to_owned();
    }
    let mut cut: String = message.chars().take(MESSAGE_LIMIT - 3).collect();
    cut.push_str("...");
    cut
}
