//! What a decision says: verdict, conflict, recipients, and every step with its reason.
//!
//! The words of `as_str` are stable: the same in logs, metrics, outputs and the scenario corpus.

use std::ops::Deref;
use std::sync::Arc;

use crate::evidence::{NoCertificate, Untrusted};
use crate::rules::TenantId;

/// What decides, in the order in which it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Basis {
    /// The names of the verified client certificate.
    Certificate,
    /// The domain of MAIL FROM.
    Sender,
    /// The domain of a RCPT TO.
    Recipient,
}

/// Whose message it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This tenant's.
    Tenant {
        /// Who.
        id: TenantId,
        /// By what.
        basis: Basis,
    },
    /// Several tenants' at once, so nobody's.
    Ambiguous {
        /// By what.
        basis: Basis,
        /// Who, each once, in the order of the directory.
        tenants: Vec<TenantId>,
    },
    /// Nobody's.
    Unattributed,
}

/// The certificate said one tenant and the sender's domain belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Conflict {
    /// The owner of the sender's domain.
    pub sender_tenant: TenantId,
}

/// What becomes of one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipientOutcome {
    /// It goes to the tenant's upstream.
    Accepted,
    /// It never will.
    Refused(RefusedReason),
    /// It may, in another transaction or later.
    Deferred(DeferredReason),
}

/// Why a recipient is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefusedReason {
    /// The certificate's names belong to several tenants.
    Ambiguous,
    /// The client presented a certificate that did not verify.
    UntrustedCertificate,
    /// Certificate and sender disagree, and the certificate's tenant wants that refused.
    Conflict,
    /// Nothing else decided, and the recipient is an address literal.
    AddressLiteral,
    /// Nothing else decided, and the recipient has no domain that could be looked up.
    NoDomain,
    /// Nothing else decided, and nobody owns the recipient's domain.
    NoOwner,
    /// Nothing else decided, and the client is no peer.
    UnknownPeer,
    /// Nothing else decided, and the client is a peer that must not send for the owner.
    NotAuthorised,
}

/// Why a recipient is deferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeferredReason {
    /// It is another tenant's than the recipient that decided.
    OtherTenant,
    /// Certificate and sender disagree, and the certificate's tenant wants that deferred.
    Conflict,
}

/// The whole answer for one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribution {
    /// Whose it is.
    pub verdict: Verdict,
    /// Whether certificate and sender disagree.
    pub conflict: Option<Conflict>,
    /// What becomes of each recipient, in the order of the evidence.
    pub recipients: Vec<RecipientOutcome>,
    /// Certificate, sender, recipient.
    pub steps: [Step; 3],
}

/// One step of the decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub step: Basis,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Why.
    pub reason: Reason,
    /// The owners that were found, and what became of each.
    pub found: Owners,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepOutcome {
    /// It gave the tenant.
    Decided,
    /// It gave several tenants; nothing further was asked.
    Ambiguous,
    /// It gave nobody; the next step was asked.
    None,
    /// It was not asked, because an earlier step had ended the matter.
    Skipped,
    /// It ended the matter without a tenant.
    Refused,
}

/// Why a step ended so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// One tenant owns what was looked up, and it counts.
    Owner,
    /// Several tenants own the certificate's names.
    SeveralOwners,
    /// Nobody owns what was looked up.
    NoOwner,
    /// There is no certificate that counts.
    NoCertificate(NoCertificate),
    /// The verified certificate has no usable name.
    NoNames,
    /// The sender is `<>`.
    NullSender,
    /// The address is a literal.
    AddressLiteral,
    /// The address has no domain that could be looked up.
    NoDomain,
    /// There is an owner, but the client is no peer.
    UnknownPeer,
    /// There is an owner, but this peer must not send for it.
    NotAuthorised,
    /// There was no recipient.
    NoRecipients,
    /// An earlier step had decided.
    DecidedEarlier,
    /// An earlier step had decided, and this one's owner is another tenant.
    Conflict,
    /// An earlier step had refused.
    RefusedEarlier,
}

/// An owner that a step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Found {
    /// The position, from 0, among the certificate's names or the recipients; 0 for the sender.
    pub position: u32,
    /// The owner.
    pub tenant: TenantId,
    /// What became of it.
    pub fate: Fate,
}

/// The owners that a step found, in their order.
///
/// None at all is no memory and, unlike an empty `Arc`, nothing that is shared: counting the holders
/// of one empty list would make each thread that decides wait for the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owners(Option<Arc<[Found]>>);

impl Deref for Owners {
    type Target = [Found];

    fn deref(&self) -> &[Found] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<Found> for Owners {
    fn from(only: Found) -> Self {
        Self(Some(Arc::new([only])))
    }
}

impl From<&[Found]> for Owners {
    fn from(found: &[Found]) -> Self {
        Self((!found.is_empty()).then(|| found.into()))
    }
}

/// What became of an owner that a step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It is the verdict.
    Won,
    /// It lost: others were found as well.
    Ambiguous,
    /// It lost: the client is no peer.
    UnknownPeer,
    /// It lost: this peer must not send for it.
    NotAuthorised,
    /// It lost: the certificate had decided for another.
    Overruled,
    /// It lost: an earlier recipient had decided for another.
    OtherTenant,
}

impl Basis {
    /// The stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
        }
    }
}

impl Verdict {
    /// The stable word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Tenant { .. } => "tenant",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Unattributed => "unattributed",
        }
    }
}

impl RecipientOutcome {
    /// The stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused(_) => "refused",
            Self::Deferred(_) => "deferred",
        }
    }

    /// The stable word of the reason, if there is one to give.
    #[must_use]
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Accepted => None,
            Self::Refused(reason) => Some(reason.as_str()),
            Self::Deferred(reason) => Some(reason.as_str()),
        }
    }
}

impl RefusedReason {
    /// The stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ambiguous => "ambiguous",
            Self::UntrustedCertificate => "untrusted-certificate",
            Self::Conflict => "conflict",
            Self::AddressLiteral => "address-literal",
            Self::NoDomain => "no-domain",
            Self::NoOwner => "no-owner",
            Self::UnknownPeer => "unknown-peer",
            Self::NotAuthorised => "not-authorised",
        }
    }
}

impl DeferredReason {
    /// The stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherTenant => "other-tenant",
            Self::Conflict => "conflict",
        }
    }
}

impl StepOutcome {
    /// The stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Ambiguous => "ambiguous",
            Self::None => "none",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
        }
    }
}

impl Reason {
    /// The stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::SeveralOwners => "several-owners",
            Self::NoOwner => "no-owner",
            Self::NoCertificate(reason) => reason.as_str(),
            Self::NoNames => "no-names",
            Self::NullSender => "null-sender",
            Self::AddressLiteral => "address-literal",
            Self::NoDomain => "no-domain",
            Self::UnknownPeer => "unknown-peer",
            Self::NotAuthorised => "not-authorised",
            Self::NoRecipients => "no-recipients",
            Self::DecidedEarlier => "decided-earlier",
            Self::Conflict => "conflict",
            Self::RefusedEarlier => "refused-earlier",
        }
    }

    /// What was wrong with the certificate, if that is the reason.
    #[must_use]
    pub fn untrusted(self) -> Option<Untrusted> {
        match self {
            Self::NoCertificate(NoCertificate::Untrusted(reason)) => Some(reason),
            Self::NoCertificate(NoCertificate::NotOffered | NoCertificate::NotPresented)
            | Self::Owner
            | Self::SeveralOwners
            | Self::NoOwner
            | Self::NoNames
            | Self::NullSender
            | Self::AddressLiteral
            | Self::NoDomain
            | Self::UnknownPeer
            | Self::NotAuthorised
            | Self::NoRecipients
            | Self::DecidedEarlier
            | Self::Conflict
            | Self::RefusedEarlier => None,
        }
    }
}

impl Fate {
    /// The stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Ambiguous => "ambiguous",
            Self::UnknownPeer => "unknown-peer",
            Self::NotAuthorised => "not-authorised",
            Self::Overruled => "overruled",
            Self::OtherTenant => "other-tenant",
        }
    }
}
