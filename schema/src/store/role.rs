//! The roles of the program; one process at a time writes for each.

use std::fmt;

/// Which role of the program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Tenants and deployments.
    Backend,
    /// Operations and reports.
    Agent,
}

impl Role {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Backend => "backend",
            Self::Agent => "agent",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
