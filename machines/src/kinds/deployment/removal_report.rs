//! What Argo CD says about an Application that it removes, on its way from the agent to the status.
//!
//! The application's rows go before the Application does, so there is no row for a report. The text
//! is in the row of the operation that removes it, which has room for 1,024 characters.

use serde::{Deserialize, Serialize};

use crate::shared::messages;

/// Longest error, in characters.
const ERROR_LIMIT: usize = 500;
/// Longest list of resources, in characters.
const REMAINING_LIMIT: usize = 480;
/// Most resources that are named; the others are counted.
const NAMED_LIMIT: usize = 8;
/// What the text of an error begins with: Argo CD's name for the condition.
const ERROR: &str = "DeletionError: ";
/// What the list of resources begins with.
const REMAINING: &str = "Still there: ";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RemovalReport {
    /// Why Argo CD cannot remove the resources; empty if it can.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// The resources that are still there; empty if none is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remaining: String,
}

impl RemovalReport {
    /// A report on these resources, within its limits.
    pub fn new(error: &str, count: usize, remaining: impl Iterator<Item = String>) -> Self {
        let mut named: Vec<String> = remaining.take(NAMED_LIMIT).collect();
        let unnamed = count.saturating_sub(named.len());
        if unnamed > 0 {
            named.push(format!("{unnamed} more"));
        }
        let remaining = cut(&named.join(", "), REMAINING_LIMIT);
        Self { error: cut(error, ERROR_LIMIT), remaining }
    }

    /// Reads what [`Self::to_text`] has written; other texts yield nothing.
    pub fn parse(text: &str) -> Self {
        let of = |prefix| text.lines().find_map(|line| line.strip_prefix(prefix));
        let read = |prefix| of(prefix).unwrap_or_default().to_owned();
        Self { error: read(ERROR), remaining: read(REMAINING) }
    }

    /// The report as people read it.
    pub fn to_text(&self) -> String {
        let parts = [(ERROR, &self.error), (REMAINING, &self.remaining)];
        let lines = parts.into_iter().filter(|(_, part)| !part.is_empty());
        let lines: Vec<String> = lines.map(|(prefix, part)| format!("{prefix}{part}")).collect();
        lines.join("\n")
    }

    /// What a user reads when the resources are not removed in time.
    pub fn slow_message(&self) -> String {
        match self.to_text() {
            known if known.is_empty() => messages::REMOVAL_SLOW.to_owned(),
            known => format!("{}. {known}", messages::REMOVAL_SLOW),
        }
    }

    /// What a user reads when Argo CD says that it cannot remove the resources.
    pub fn failed_message(&self) -> String {
        format!("{}. {}", messages::REMOVAL_FAILED, self.to_text())
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether Argo CD says that it cannot remove the resources.
    pub fn has_failed(&self) -> bool {
        !self.error.is_empty()
    }
}

/// One line of at most this many characters; without NULs, which PostgreSQL rejects.
fn cut(text: &str, limit: usize) -> String {
    let line = text.replace('\0', "\u{fffd}");
    let line = line.split_whitespace().collect::<Vec<&str>>().join(" ");
    if line.chars().count() <= limit {
        return line;
    }
    let mut cut: String = line.chars().take(limit - 3).collect();
    cut.push_str("...");
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_fits_its_column_and_is_read_as_it_was_written() {
        let name = |number: usize| format!("apps/Deployment web-{number}");
        let reports = [
            RemovalReport::default(),
            RemovalReport::new("no permission\nto delete", 0, [].into_iter()),
            RemovalReport::new("", 2, (0..2).map(name)),
            RemovalReport::new(&"ü".repeat(5_000), 100, (0..100).map(name)),
            RemovalReport::new("", 1, ["é".repeat(5_000)].into_iter()),
        ];
        for report in reports {
            let text = report.to_text();
            assert!(text.chars().count() <= 1_024, "{text}");
            assert_eq!(RemovalReport::parse(&text), report);
        }
        let many = RemovalReport::new("", 100, (0..100).map(name));
        assert!(many.remaining.ends_with("apps/Deployment web-7, 92 more"), "{}", many.remaining);
        assert_eq!(RemovalReport::parse("the API server refused it"), RemovalReport::default());
    }
}
