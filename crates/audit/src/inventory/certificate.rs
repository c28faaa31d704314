//! Certificate files: what is in them, and what they are for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use tenantry_lab::world::{DomainName, Place, Wildcard, certificate_name};
use tenantry_net::{CertificateDetails, Fingerprint, KeyKind};

use crate::distinguished_name::DistinguishedName;

/// A PEM file with at least one certificate.
#[derive(Debug, Clone)]
pub struct CertificateFile {
    /// The file.
    pub path: PathBuf,
    /// The certificates, the leaf first and each one's issuer behind it, even if the file has them in
    /// another order. Never empty.
    pub chain: Vec<Certificate>,
    /// The order that they have in the file.
    pub order: Order,
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
    /// Subject as Windows writes it, at most 256 characters.
    pub subject: String,
    /// Issuer as Windows writes it, at most 256 characters.
    pub issuer: String,
    /// Subject, for comparison.
    pub subject_name: DistinguishedName,
    /// Issuer, for comparison.
    pub issuer_name: DistinguishedName,
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

/// How the certificates of a file stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The leaf first, and each one's issuer somewhere behind it (RFC 5246 section 7.4.2).
    InOrder,
    /// The leaf is the first, and one of its issuers stands in front of what it issued.
    IssuersMixed,
    /// An authority is the first, so that it is taken for what is presented.
    LeafBehind,
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

/// The certificates of one file as they stand there.
#[derive(Debug, Default)]
pub(super) struct Pem {
    pub(super) chain: Vec<Certificate>,
    /// There is a private key among them.
    pub(super) has_key: bool,
}

impl Certificate {
    /// Reads one certificate that stands at a line of a file; 0 for a file that has no lines.
    pub(super) fn read(file: &Arc<Path>, line: u32, der: Vec<u8>) -> Option<Self> {
        let details = CertificateDetails::read(&der)?;
        let names = details.all_names.iter();
        let subject = DistinguishedName::of(details.subject);
        let issuer = DistinguishedName::of(details.issuer);
        Some(Self {
            place: Place {
                file: Some(Arc::clone(file)),
                path: String::new(),
                line,
                column: line.min(1),
            },
            der,
            fingerprint: details.summary.fingerprint,
            subject: subject.to_string(),
            issuer: issuer.to_string(),
            subject_name: subject,
            issuer_name: issuer,
            names: names.filter_map(|name| certificate_name(name)).collect(),
            not_before: timestamp(details.summary.not_before),
            not_after: timestamp(details.summary.not_after),
            key: match details.key {
                KeyKind::Rsa(bits) => KeyAlgorithm::Rsa(bits),
                KeyKind::Ecdsa(curve) => KeyAlgorithm::Ecdsa(curve),
                KeyKind::Ed25519 => KeyAlgorithm::Ed25519,
                KeyKind::Other(name) => KeyAlgorithm::Other(name),
            },
            signature: SignatureAlgorithm {
                name: details.signature,
                weak: details.weak_signature,
            },
            client_auth: details.client_auth,
            server_auth: details.server_auth,
            authority: details.authority,
            self_issued: details.self_issued,
        })
    }
}

/// Times that no calendar has are the first or the last that there is.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(if time < SystemTime::UNIX_EPOCH {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}
