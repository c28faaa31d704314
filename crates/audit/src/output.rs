//! Findings for people, as JSON, and as SARIF 2.1.0.
