//! Throw-away certificates: authorities, intermediates, leaves and revocation lists.
//!
//! Certificates are made at run time, in well under a millisecond each (ECDSA P-256), so none has
//! to be kept in a repository. [`CertificateSpec`] can ask for what no sane authority would sign:
//! names with odd octets, names outside the constraints, validity in the past. Nothing here checks
//! anything: checking is what the certificates are for.

mod authority;
mod directory;
mod extension;
mod issued;
mod spec;
mod weak;

pub use authority::{Authority, CrlSpec, self_signed};
pub use directory::{Pki, PkiPlan, TenantFiles};
pub use issued::{Issued, IssuedFiles};
pub use spec::{
    AuthoritySpec, CertificateSpec, KeyKind, Name, NameConstraints, Purpose, Subtree, Validity,
};

use std::path::PathBuf;

/// Why a certificate or its files could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The certificate could not be encoded or signed.
    #[error("cannot make the certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The operating system gave no random octets.
    #[error("no random octets for a serial number")]
    Random,
    /// A file or folder could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file is there already, and might be a key that somebody needs.
    #[error("{path} exists; choose an empty folder")]
    Exists {
        /// The file that is in the way.
        path: PathBuf,
    },
}
