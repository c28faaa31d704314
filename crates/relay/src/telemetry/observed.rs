//! Closed transactions for whoever watches a relay inside the same process: tests, the quickstart, a console.

use std::time::Duration;

/// How a transaction went, as its closing line says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedTransaction {
    /// Its id in the log and in `Received`.
    pub transaction: String,
    /// The sender as given, without angle brackets.
    pub sender: String,
    /// The recipients as given, without angle brackets.
    pub recipients: Vec<String>,
    /// `tenant`, `ambiguous` or `unattributed`.
    pub verdict: &'static str,
    /// The tenant's name.
    pub tenant: Option<String>,
    /// `certificate`, `sender` or `recipient`.
    pub basis: Option<&'static str>,
    /// The owner of the sender's domain, when the certificate says another tenant.
    pub conflict: Option<String>,
    /// How many transactions of these two tenants were in conflict since the start, this one included; `None` without
    /// conflict, and for pairs of tenants beyond those that are counted apart.
    pub conflicts: Option<u64>,
    /// What the shadow configuration decided.
    pub shadow: Option<ShadowOutcome>,
    /// The reason of each step.
    pub reasons: Vec<&'static str>,
    /// Where it went.
    pub upstream: Option<String>,
    /// The fingerprint of the certificate that it went with.
    pub identity: Option<String>,
    /// The code of the last answer.
    pub reply: Option<u16>,
    /// Octets of content from the client.
    pub octets: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// `client`, `upstream` or `local`, with what happened.
    pub fault: Option<(&'static str, String)>,
}

/// What the shadow configuration decided about a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowOutcome {
    /// `tenant`, `ambiguous`, `unattributed`, or `certificate-required`.
    pub verdict: &'static str,
    /// The tenant's name; several if ambiguous.
    pub tenant: Option<String>,
    /// `certificate`, `sender` or `recipient`.
    pub basis: Option<&'static str>,
    /// What would be different: `owner`, `upstream`, `identity`, `recipients`.
    pub differs: Vec<&'static str>,
}
