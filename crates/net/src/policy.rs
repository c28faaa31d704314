//! What a listener believes of a client certificate, decided for every session as of its time.
//!
//! The handshake has already proved that the client holds the key, or nobody could, and then the
//! certificate is not believed. Here the path is validated
//! under the configuration now in force, so that a resumed session, or a session that outlives a
//! reload, is never believed on the strength of what an earlier configuration decided.

mod constraints;
mod judge;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{EndEntityCert, Error as PathError, KeyUsage};
use x509_parser::certificate::X509Certificate;

use crate::certificate::{Names, distinguished_name, parse, system_time};
use crate::fingerprint::Fingerprint;
use crate::provable::has_verifiable_key;
use crate::trust::{RevocationPolicy, Trust, TrustError};
use crate::untrusted::{UntrustedCertificate, UntrustedReason};

pub use judge::Judge;

/// Names per certificate that are read at most, unless configured.
pub const DEFAULT_MAX_NAMES: usize = 1000;

/// Which extended key usage a client certificate needs (RFC 5280 section 4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Usage {
    /// `clientAuth`, `serverAuth`, or no extension: public authorities stop issuing the first.
    #[default]
    AnyTls,
    /// `clientAuth`, or no extension.
    ClientAuth,
}

/// Whether the subject's common name is a name (RFC 9525 section 2 says no).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CommonName {
    /// Only when the certificate has no subject alternative name extension at all.
    #[default]
    IfNoSan,
    /// Beside the alternative names.
    Always,
    /// Never.
    Never,
}

/// How client certificates are evaluated.
#[derive(Debug, Clone)]
pub struct ClientCertificatePolicy {
    /// The roots for clients, with revocation lists and pins.
    pub trust: Arc<Trust>,
    /// The key usage asked for.
    pub usage: Usage,
    /// Whether the common name counts.
    pub common_name: CommonName,
    /// More `dNSName` entries than this and the certificate is not read.
    pub max_names: usize,
    /// How revocation lists are read.
    pub revocation: RevocationPolicy,
}

/// The certificates that a client presented, as they came. They say nothing by themselves.
#[derive(Clone)]
pub struct PresentedChain(Arc<[CertificateDer<'static>]>);

/// What is known of a client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificate {
    /// The connection has no TLS, or the listener asks for none.
    NotOffered,
    /// The listener asked and the client had none.
    NotPresented,
    /// There is one, and it may not be believed.
    Untrusted(UntrustedCertificate),
    /// There is one, and its names may be believed.
    Verified(VerifiedCertificate),
}

/// A certificate whose path was validated and whose key its owner has proved to hold. Only
/// [`ClientCertificatePolicy::evaluate`] makes one; its copies share their texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedCertificate {
    names: Arc<[String]>,
    subject: Arc<str>,
    issuer: Arc<str>,
    fingerprint: Fingerprint,
    not_after: SystemTime,
}

impl ClientCertificatePolicy {
    /// The default policy with these roots.
    #[must_use]
    pub fn new(trust: Arc<Trust>) -> Self {
        Self {
            trust,
            usage: Usage::default(),
            common_name: CommonName::default(),
            max_names: DEFAULT_MAX_NAMES,
            revocation: RevocationPolicy::default(),
        }
    }

    /// Evaluates a chain as of now.
    #[must_use]
    pub fn evaluate(&self, chain: &PresentedChain) -> ClientCertificate {
        self.evaluate_as_of(chain, UnixTime::now())
    }

    /// Evaluates a chain as of some other time.
    #[must_use]
    pub fn evaluate_at(&self, chain: &PresentedChain, time: SystemTime) -> ClientCertificate {
        self.evaluate_as_of(chain, unix_time(time))
    }

    /// Evaluates the chain of a PEM file, leaf first, as if a client had presented it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no PEM or has no certificate.
    pub fn evaluate_pem(&self, path: &Path) -> Result<ClientCertificate, TrustError> {
        let text = fs::read(path).map_err(|error| TrustError::Read {
            path: path.to_owned(),
            error,
        })?;
        let chain = PresentedChain::from_pem(&text).ok_or_else(|| TrustError::NoCertificate {
            path: path.to_owned(),
        })?;
        Ok(self.evaluate(&chain))
    }

    fn evaluate_as_of(&self, chain: &PresentedChain, now: UnixTime) -> ClientCertificate {
        let Some((leaf, intermediates)) = chain.0.split_first() else {
            return ClientCertificate::NotPresented;
        };
        let fingerprint = Fingerprint::of(leaf);
        let Some(parsed) = parse(leaf) else {
            return ClientCertificate::Untrusted(UntrustedCertificate {
                reason: UntrustedReason::Malformed,
                subject: String::new(),
                issuer: String::new(),
                fingerprint,
            });
        };
        let subject = distinguished_name(parsed.subject());
        let issuer = distinguished_name(parsed.issuer());
        match self.names(leaf, &parsed, intermediates, now) {
            Ok(names) => ClientCertificate::Verified(VerifiedCertificate {
                names: names.into(),
                subject: subject.into(),
                issuer: issuer.into(),
                fingerprint,
                not_after: system_time(parsed.validity().not_after),
            }),
            Err(reason) => ClientCertificate::Untrusted(UntrustedCertificate {
                reason,
                subject,
                issuer,
                fingerprint,
            }),
        }
    }

    /// The names that may be believed. They are counted before the path is looked at, so that a
    /// certificate with very many costs little.
    fn names(
        &self,
        leaf: &CertificateDer<'_>,
        parsed: &X509Certificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Vec<String>, UntrustedReason> {
        let names = Names::of(parsed, self.common_name, self.max_names)?;
        if !has_verifiable_key(parsed) {
            return Err(UntrustedReason::UnsupportedKey);
        }
        let end_entity = EndEntityCert::try_from(leaf)
            .map_err(|error| UntrustedReason::from_path_error(&error))?;
        let usages: &[KeyUsage] = match self.usage {
            Usage::AnyTls => &[KeyUsage::client_auth(), KeyUsage::server_auth()],
            Usage::ClientAuth => &[KeyUsage::client_auth()],
        };
        // Path validation applies name constraints to alternative names only; a common name
        // that is to count as a DNS name has to obey them too.
        let inspect = |path: &webpki::VerifiedPath<'_>| {
            if constraints::permit(path, &names.common) {
                Ok(())
            } else {
                Err(PathError::NameConstraintViolation)
            }
        };
        self.trust.validate(
            &end_entity,
            intermediates,
            usages,
            self.revocation,
            now,
            &inspect,
        )?;
        Ok(names.into_all())
    }
}

impl PresentedChain {
    /// The certificates of a PEM text, leaf first; `None` when there is none or one is damaged.
    #[must_use]
    pub fn from_pem(text: &[u8]) -> Option<Self> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        chain.ok().filter(|found| !found.is_empty()).map(Self::new)
    }

    /// A chain of DER certificates, leaf first, as a file holds them.
    #[must_use]
    pub fn from_der(chain: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(chain.into_iter().map(CertificateDer::from).collect())
    }

    /// SHA-256 of the leaf's public key (its SubjectPublicKeyInfo), as pins have it: two certificates
    /// of one private key have the same.
    #[must_use]
    pub fn public_key(&self) -> Option<Fingerprint> {
        let leaf = EndEntityCert::try_from(self.0.first()?).ok()?;
        Some(Fingerprint::of(&leaf.subject_public_key_info()))
    }

    /// SHA-256 of the leaf's DER.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.0.first().map(|leaf| Fingerprint::of(leaf))
    }

    /// How many certificates were sent, the leaf among them.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// The DNS names that the leaf claims, common names among them. Nobody vouches for them: they
    /// tell a person whose certificate was not believed, and decide nothing. None when there are
    /// more than `limit`, or the leaf cannot be read.
    #[must_use]
    pub fn claimed_names(&self, limit: usize) -> Vec<String> {
        let leaf = self.0.first().and_then(|leaf| parse(leaf));
        leaf.and_then(|leaf| Names::of(&leaf, CommonName::Always, limit).ok())
            .map_or_else(Vec::new, Names::into_all)
    }

    pub(crate) fn new(chain: impl Into<Arc<[CertificateDer<'static>]>>) -> Self {
        Self(chain.into())
    }
}

impl std::fmt::Debug for PresentedChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PresentedChain({} certificates)", self.0.len())
    }
}

impl VerifiedCertificate {
    /// Every valid DNS name of it, lower case, each once; possibly none.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// SHA-256 of its DER.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Its subject, escaped and shortened.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its issuer, escaped and shortened.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// When its validity ends.
    #[must_use]
    pub const fn not_after(&self) -> SystemTime {
        self.not_after
    }
}

fn unix_time(time: SystemTime) -> UnixTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::since_unix_epoch(since.unwrap_or(Duration::ZERO))
}
