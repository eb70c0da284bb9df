//! What git servers say.

/// The name of the object that every reference points at.
pub const OBJECT: &str = "0123456789012345678901234567890123456789";

/// A packet of git's protocol.
pub fn packet(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

/// A listing of two references, `HEAD` and `refs/heads/main`, as `git-upload-pack` advertises them.
pub fn listing() -> String {
    let head = packet(&format!("{OBJECT} HEAD\0symref=HEAD:refs/heads/main agent=git/2\n"));
    format!("{head}{}0000", line())
}

/// A line of a listing.
pub(crate) fn line() -> String {
    packet(&format!("{OBJECT} refs/heads/main\n"))
}
