//! Whose the messages became, in numbers.

use serde::{Deserialize, Serialize};

/// Whose the messages became.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correctness {
    /// Messages that were accepted and so must be in the journal, warm-up included.
    pub expected: u64,
    /// Found, and under the intended tenant.
    pub right: u64,
    /// Found, and under another.
    pub wrong: u64,
    /// Accepted, but not found.
    pub missing: u64,
    /// Found, but under what no tenant is known for.
    pub unknown: u64,
    /// Found although the target had not accepted them: its last reply was lost, or was no yes.
    pub unanswered: u64,
    /// Found more than once.
    pub duplicates: u64,
    /// Accepted, but not looked for: messages of merged results that had no journal at hand.
    #[serde(default)]
    pub unchecked: u64,
    /// The same, tenant by tenant; only tenants with messages.
    pub tenants: Vec<CorrectnessRow>,
    /// Some of what was wrong, unknown or missing, in words.
    pub examples: Vec<String>,
}

/// Whose one tenant's messages became.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrectnessRow {
    /// The intended tenant; absent for what must become nobody's.
    pub name: Option<String>,
    /// Accepted.
    pub intended: u64,
    /// Found under this tenant.
    pub right: u64,
    /// Found under another.
    pub wrong: u64,
    /// Not found.
    pub missing: u64,
    /// Found under what no tenant is known for.
    pub unknown: u64,
}

impl Correctness {
    /// Every accepted message was looked for and found under its tenant, and nothing else.
    #[must_use]
    pub const fn is_perfect(&self) -> bool {
        self.wrong == 0 && self.missing == 0 && self.unknown == 0 && self.unchecked == 0
    }
}
