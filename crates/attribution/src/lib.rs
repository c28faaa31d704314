//! The decision: which tenant owns a message, from the evidence alone.
//!
//! This is the `attribution` step of a message's path. It takes a [`Directory`] (who claims which names, which peers
//! may send for whom) and [`Evidence`] (certificate names, peer address, sender and recipient domains) and gives an
//! [`Attribution`]: a verdict, what becomes of each recipient, and every step with its reason. [`attribute`] does it
//! in one call; [`Decision`] does the same thing recipient by recipient, as a transaction goes on.
//!
//! The crate is pure: no I/O, no async, no clock, no logging. It never fails: that nobody owns a message is an
//! answer. It never takes an unverified certificate's names for evidence, and nothing in it depends on the order of a
//! certificate's names.
//!
//! ```
//! use tenantry_attribution::{
//!     Basis, CertificateEvidence, CertificateName, Directory, Evidence, OnConflict, Pattern, RecipientEvidence,
//!     SenderEvidence, SessionEvidence, TenantRules, UntrustedCertificate, Verdict, attribute,
//! };
//!
//! let mut builder = Directory::builder();
//! let contoso = builder.add_tenant(TenantRules {
//!     name: "contoso".into(),
//!     certificate_domains: vec![Pattern::parse("mail.contoso.com")?],
//!     sender_domains: vec![Pattern::parse("*.contoso.com")?],
//!     recipient_domains: vec![],
//!     on_conflict: OnConflict::Follow,
//! });
//! let directory = builder.build().map_err(|problems| problems[0].clone())?;
//!
//! let certificate = CertificateEvidence::Verified(vec![CertificateName::parse("MAIL.contoso.com")?]);
//! let address = "192.0.2.1".parse()?;
//! let attribution = attribute(
//!     &directory,
//!     &Evidence {
//!         session: SessionEvidence::new(&directory, certificate, address, UntrustedCertificate::Refuse),
//!         sender: SenderEvidence::Null,
//!         recipients: vec![RecipientEvidence::of_domain("example.net")],
//!     },
//! );
//! assert_eq!(attribution.verdict, Verdict::Tenant { id: contoso, basis: Basis::Certificate });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod domain;
mod pattern;

mod rules;

mod directory;

mod evidence;

mod attribution;
mod certificate;
mod decision;
mod explain;

pub use attribution::{
    Attribution, Basis, Conflict, DeferredReason, Fate, Found, Owners, Reason, RecipientOutcome,
    RefusedReason, Step, StepOutcome, Verdict,
};
pub use decision::{Decision, attribute};
pub use directory::{Claim, Directory, DirectoryBuilder, DirectoryProblem, Nesting, PeerSet};
pub use domain::{Domain, DomainError};
pub use evidence::{
    CertificateEvidence, Evidence, NoCertificate, RecipientEvidence, SenderEvidence,
    SessionEvidence, UnknownProblem, Untrusted,
};
pub use explain::explain;
pub use pattern::{CertificateName, CertificateNameError, Pattern, PatternError};
pub use rules::{
    OnConflict, PeerId, PeerRules, PeerTenants, TenantId, TenantRules, UntrustedCertificate,
};
