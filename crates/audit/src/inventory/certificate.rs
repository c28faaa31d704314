//! Certificate files: what is in them, and what they are for.

use std::path::PathBuf;

use jiff::Timestamp;
use tenantry_lab::world::{DomainName, Place, Wildcard};
use tenantry_net::Fingerprint;

/// A PEM file with at least one certificate.
#[derive(Debug, Clone)]
pub struct CertificateFile {
    /// The file.
    pub path: PathBuf,
    /// The certificates in the order of the file; the first is the leaf. Never empty.
    pub chain: Vec<Certificate>,
    /// The private key that belongs to the leaf, by what names both or by its file's name.
    pub key: KeyBeside,
    /// What it is for.
    pub purpose: Purpose,
}

/// One certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The line of its BEGIN.
    pub place: Place,
    /// Its DER.
    pub der: Vec<u8>,
    /// SHA-256 of its DER.
    pub fingerprint: Fingerprint,
    /// Subject in RFC 4514 style, escaped.
    pub subject: String,
    /// Issuer in RFC 4514 style, escaped.
    pub issuer: String,
    /// The common name, if it has one.
    pub common_name: Option<String>,
    /// Every DNS name of the common name and the alternatives: Exchange Online looks at both.
    pub names: Vec<(Wildcard, DomainName)>,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Its public key.
    pub key: KeyAlgorithm,
    /// How it was signed.
    pub signature: SignatureAlgorithm,
    /// `clientAuth` is among the extended key usages; absent without that extension.
    pub client_auth: Option<bool>,
    /// `serverAuth` is; absent without that extension.
    pub server_auth: Option<bool>,
    /// It may issue certificates.
    pub authority: bool,
    /// Subject and issuer are the same.
    pub self_issued: bool,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA, with its bits.
    Rsa(usize),
    /// ECDSA on a curve, by its name, as `P-256`.
    Ecdsa(String),
    /// Ed25519.
    Ed25519,
    /// Anything else, by its name or object identifier.
    Other(String),
}

/// How a certificate was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureAlgorithm {
    /// Its name, as `sha256WithRSAEncryption`, or its object identifier.
    pub name: String,
    /// Collisions can be made: MD5 and SHA-1.
    pub weak: bool,
}

/// The private key beside a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyBeside {
    /// None is known.
    Unknown,
    /// It belongs to the leaf.
    Matches(PathBuf),
    /// It is another certificate's.
    Mismatch(PathBuf),
    /// It cannot be used, for this reason.
    Unusable(PathBuf, String),
}

/// What a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Presented to a tenant's upstream: the relay's tenant, by its number in the configuration.
    Identity(usize),
    /// Presented to the relay's clients: the listener, by its number in the configuration.
    Listener(usize),
    /// A client's, as far as is known: it was in a folder or named on the command line.
    Client,
    /// Trusted, or an authority's: presented by nobody.
    Authority,
    /// A lab's own.
    Lab,
}
