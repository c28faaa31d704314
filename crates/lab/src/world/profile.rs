//! Behaviour that Microsoft does not document, or that has changed: one flag each.
//!
//! `exchange-online.md` sections 1.3 and 1.18 name the flags; the defaults are the lab's own.

/// The profile flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The recipient stage credits an OnPremises connector that matched by address or certificate.
    pub rcpt_uses_onprem: bool,
    /// A matching certificate whose domain the tenant has not accepted is still a candidate for
    /// the sender stage.
    pub cert_unaccepted_falls_to_sender: bool,
    /// `*.contoso.com` matches the name `contoso.com` too.
    pub wildcard_matches_apex: bool,
    /// An exact TlsSenderCertificateName must itself be accepted: that its parent is does not do.
    pub exact_name_needs_exact_accepted: bool,
    /// Where over SMTP a recipient is refused.
    pub relay_reject_at: RelayRejectAt,
    /// What a tie between tenants amounts to.
    pub ambiguous_policy: AmbiguousPolicy,
    /// The domain of the From header counts as a sender domain: before November 2023.
    pub p2_from: bool,
    /// Which of the two texts a refused relay attempt gets.
    pub relay_refusal: RelayRefusal,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            rcpt_uses_onprem: true,
            cert_unaccepted_falls_to_sender: true,
            wildcard_matches_apex: true,
            exact_name_needs_exact_accepted: true,
            relay_reject_at: RelayRejectAt::EndOfData,
            ambiguous_policy: AmbiguousPolicy::RejectAndReport,
            p2_from: false,
            relay_refusal: RelayRefusal::TenantAttribution,
        }
    }
}

/// When a refusal that attribution leads to is given over SMTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayRejectAt {
    /// In the answer to the whole message, as documented.
    EndOfData,
    /// In the answer to RCPT, as some transcripts show.
    Rcpt,
}

/// What a tie between tenants, which Microsoft leaves undefined, amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmbiguousPolicy {
    /// No tenant, a refusal, and the tie is said.
    RejectAndReport,
    /// The stage decides nothing and the next one is asked; the tie is said.
    NextStage,
}

/// The text of a refused relay attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayRefusal {
    /// Always `550 5.7.64 TenantAttribution; Relay Access Denied`.
    TenantAttribution,
    /// The ATTR36 text when a connector matched but neither certificate nor sender domain is
    /// accepted, and the other one when no connector matched.
    Attr36,
}
