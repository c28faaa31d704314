//! The certificate step: all names together must be one tenant's.
//!
//! It depends on the session alone, so it is taken once for all the session's transactions, however many names there
//! are.

use std::sync::Arc;

use crate::attribution::{Fate, Found, Owners, Reason};
use crate::directory::Directory;
use crate::evidence::{CertificateEvidence, NoCertificate};
use crate::rules::{TenantId, UntrustedCertificate};

/// What a session's certificate gives, before any envelope is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    Owner(TenantId),
    Several(Arc<[TenantId]>),
    Nobody(Reason),
    Refused(Reason),
}

/// Looks up all names of a certificate; their tenants together must be one.
pub(crate) fn read(
    directory: &Directory,
    certificate: &CertificateEvidence,
    untrusted: UntrustedCertificate,
) -> (Finding, Owners) {
    let names = match certificate {
        CertificateEvidence::Absent(absence) => {
            let reason = Reason::NoCertificate(*absence);
            let finding = match (absence, untrusted) {
                (NoCertificate::Untrusted(_), UntrustedCertificate::Refuse) => {
                    Finding::Refused(reason)
                }
                (NoCertificate::Untrusted(_), UntrustedCertificate::Ignore)
                | (NoCertificate::NotOffered | NoCertificate::NotPresented, _) => {
                    Finding::Nobody(reason)
                }
            };
            return (finding, Owners::default());
        }
        CertificateEvidence::Verified(names) => names,
    };
    let mut found: Vec<Found> = (0u32..)
        .zip(names)
        .filter_map(|(position, name)| {
            let tenant = directory.owner_of_certificate_name(name)?;
            Some(Found {
                position,
                tenant,
                fate: Fate::Won,
            })
        })
        .collect();
    let mut tenants: Vec<TenantId> = found.iter().map(|found| found.tenant).collect();
    tenants.sort_unstable();
    tenants.dedup();
    let finding = match tenants.as_slice() {
        [] if names.is_empty() => Finding::Nobody(Reason::NoNames),
        [] => Finding::Nobody(Reason::NoOwner),
        [one] => Finding::Owner(*one),
        several => {
            for owner in &mut found {
                owner.fate = Fate::Ambiguous;
            }
            Finding::Several(several.into())
        }
    };
    (finding, found.as_slice().into())
}
