//! Trust: roots, revocation lists and pins, and the path validation that uses them.

mod builder;

use std::fmt;

use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, Error as PathError, ExpirationPolicy, KeyUsage,
    RevocationCheckDepth, RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy,
    VerifiedPath,
};

use crate::fingerprint::Fingerprint;
use crate::provider::provider;
use crate::untrusted::UntrustedReason;

pub(crate) use builder::not_a_pipe;
pub use builder::{TrustBuilder, TrustError};

/// A set of roots with optional revocation lists and pins. Roots for clients and roots for
/// upstreams are two values; nothing is shared between them.
pub struct Trust {
    roots: Vec<TrustAnchor<'static>>,
    lists: Vec<CertRevocationList<'static>>,
    /// When each list expires, in seconds since 1970; one that does not say, never.
    expiries: Vec<u64>,
    pins: Vec<Fingerprint>,
    digest: Fingerprint,
}

/// What happens when a revocation list does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lenience {
    /// The certificate is not trusted.
    Refuse,
    /// The certificate is taken as not revoked.
    Accept,
}

/// How revocation lists are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RevocationPolicy {
    /// The list that covers a certificate has expired.
    pub expired_list: Lenience,
    /// No list covers a certificate of the path.
    pub missing_list: Lenience,
}

impl Default for RevocationPolicy {
    /// An expired list is refused; certificates that no list covers are taken as not revoked.
    fn default() -> Self {
        Self {
            expired_list: Lenience::Refuse,
            missing_list: Lenience::Accept,
        }
    }
}

impl Trust {
    /// Starts an empty one.
    #[must_use]
    pub fn builder() -> TrustBuilder {
        TrustBuilder::default()
    }

    /// How many roots there are.
    #[must_use]
    pub fn roots(&self) -> usize {
        self.roots.len()
    }

    /// How many revocation lists there are.
    #[must_use]
    pub fn revocation_lists(&self) -> usize {
        self.lists.len()
    }

    /// The first expiry of a revocation list after `now`: until then, time changes nothing about
    /// what the lists say.
    pub(crate) fn next_list_expiry(&self, now: UnixTime) -> Option<u64> {
        let later = self.expiries.iter().copied();
        later.filter(|expiry| *expiry > now.as_secs()).min()
    }

    /// A digest of everything in it: two trusts with the same digest decide alike.
    #[must_use]
    pub const fn digest(&self) -> Fingerprint {
        self.digest
    }

    /// Validates a path from `leaf` to one of the roots (RFC 5280 section 6) and the pins.
    ///
    /// `usages` are tried in their order; one of them must hold for the whole path. `inspect`
    /// may refuse a path that is otherwise valid.
    pub(crate) fn validate(
        &self,
        leaf: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        usages: &[KeyUsage],
        policy: RevocationPolicy,
        now: UnixTime,
        inspect: &dyn Fn(&VerifiedPath<'_>) -> Result<(), PathError>,
    ) -> Result<(), UntrustedReason> {
        if self.lists.is_empty() && policy.missing_list == Lenience::Refuse {
            return Err(UntrustedReason::RevocationUnknown);
        }
        let lists: Vec<_> = self.lists.iter().collect();
        let mut reason = UntrustedReason::Usage;
        for usage in usages {
            let outcome = leaf.verify_for_usage(
                provider().signature_verification_algorithms.all,
                &self.roots,
                intermediates,
                now,
                *usage,
                revocation(&lists, policy),
                Some(inspect),
            );
            match outcome {
                Ok(_) => return self.check_pin(leaf),
                Err(error) => reason = self.reason(&error, leaf),
            }
            if reason != UntrustedReason::Usage {
                break;
            }
        }
        Err(reason)
    }

    fn check_pin(&self, leaf: &EndEntityCert<'_>) -> Result<(), UntrustedReason> {
        let pinned = self.pins.is_empty()
            || self
                .pins
                .contains(&Fingerprint::of(&leaf.subject_public_key_info()));
        if pinned {
            Ok(())
        } else {
            Err(UntrustedReason::Pin)
        }
    }

    /// A certificate that is its own issuer, and no root, is called self-signed whatever else
    /// is wrong with it: that is what its owner has to change.
    fn reason(&self, error: &PathError, leaf: &EndEntityCert<'_>) -> UntrustedReason {
        let is_root = self
            .roots
            .iter()
            .any(|root| root.subject.as_ref() == leaf.subject());
        if leaf.subject() == leaf.issuer() && !is_root {
            return UntrustedReason::SelfSigned;
        }
        UntrustedReason::from_path_error(error)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("roots", &self.roots.len())
            .field("revocation_lists", &self.lists.len())
            .field("pins", &self.pins.len())
            .finish_non_exhaustive()
    }
}

fn revocation<'a>(
    lists: &'a [&'a CertRevocationList<'a>],
    policy: RevocationPolicy,
) -> Option<RevocationOptions<'a>> {
    let unknown = match policy.missing_list {
        Lenience::Refuse => UnknownStatusPolicy::Deny,
        Lenience::Accept => UnknownStatusPolicy::Allow,
    };
    let expired = match policy.expired_list {
        Lenience::Refuse => ExpirationPolicy::Enforce,
        Lenience::Accept => ExpirationPolicy::Ignore,
    };
    let builder = RevocationOptionsBuilder::new(lists).ok()?;
    Some(
        builder
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(unknown)
            .with_expiration_policy(expired)
            .build(),
    )
}
