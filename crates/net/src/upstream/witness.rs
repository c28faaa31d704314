//! What one handshake with an upstream showed, finished or not: for those who ask why, never for
//! the relay's own decision.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::{AlertDescription, Error as TlsError, PeerIncompatible};
use rustls_pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::certificate::{self, CertificateSummary};
use crate::handshake::tls_error;
use crate::provider::TlsFacts;
use crate::untrusted::UntrustedReason;

/// Watches one handshake; see [`crate::UpstreamTls::connect_watched`].
#[derive(Debug, Default)]
pub struct HandshakeWitness(Mutex<HandshakeSeen>);

/// What a handshake showed before it ended, well or badly.
#[derive(Debug, Clone, Default)]
pub struct HandshakeSeen {
    /// The name that the upstream's certificate has to be for.
    pub asked_name: Option<String>,
    /// The upstream's chain, leaf first, as far as it can be read; at most ten.
    pub chain: Vec<ServerCertificate>,
    /// How many certificates the upstream sent.
    pub chain_length: usize,
    /// Whether the chain leads to a configured root; absent when nothing is verified.
    pub path: Option<Result<(), UntrustedReason>>,
    /// Whether the leaf is for the asked name, whatever its chain is worth.
    pub name: Option<NameVerdict>,
    /// What the upstream said when it asked for our certificate, if it did.
    pub request: Option<CertificateAsked>,
    /// What was agreed on; absent unless the handshake finished.
    pub agreed: Option<TlsFacts>,
    /// Why the two sides found no common TLS.
    pub failure: Option<TlsFailure>,
}

/// One certificate of an upstream's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCertificate {
    /// Its readable part.
    pub summary: CertificateSummary,
    /// The addresses that it is for.
    pub addresses: Vec<IpAddr>,
    /// It has no alternative names at all: its names are common names, which count for nothing
    /// in a server's certificate (RFC 9525 section 2).
    pub common_name_only: bool,
}

/// Whether a certificate is for the name that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameVerdict {
    /// It is.
    Matches,
    /// It is for others.
    Differs,
}

/// What an upstream said when it asked for our certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateAsked {
    /// The subjects of the authorities that it names, at most fifty.
    pub authorities: Vec<String>,
    /// How many it named.
    pub named: usize,
    /// Whether our key can sign as it wants, so that the certificate is sent.
    pub answered: bool,
}

/// Why there was no common TLS, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsFailure {
    /// What came is no TLS at all.
    NotTls,
    /// The upstream speaks no version that is accepted here.
    OldVersion,
    /// No cipher suite, group or signature scheme in common.
    NothingInCommon,
    /// It ended the handshake with this alert.
    Alert(String),
}

impl HandshakeWitness {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> HandshakeSeen {
        self.locked().clone()
    }

    pub(super) fn asked_for(&self, name: &str) {
        self.locked().asked_name = Some(certificate::escape(name));
    }

    pub(super) fn chain(&self, leaf: &CertificateDer<'_>, others: &[CertificateDer<'_>]) {
        let chain = std::iter::once(leaf).chain(others).take(MAX_CHAIN);
        let mut seen = self.locked();
        seen.chain = chain
            .filter_map(|der| ServerCertificate::read(der))
            .collect();
        seen.chain_length = others.len() + 1;
    }

    pub(super) fn judged(&self, path: Option<Result<(), UntrustedReason>>, name: NameVerdict) {
        let mut seen = self.locked();
        seen.path = path;
        seen.name = Some(name);
    }

    pub(super) fn requested(&self, authorities: &[&[u8]], answered: bool) {
        self.locked().request = Some(CertificateAsked {
            authorities: authorities
                .iter()
                .take(MAX_AUTHORITIES)
                .map(|der| authority(der))
                .collect(),
            named: authorities.len(),
            answered,
        });
    }

    pub(super) fn finished(&self, facts: &TlsFacts) {
        self.locked().agreed = Some(facts.clone());
    }

    pub(super) fn failed(&self, error: &std::io::Error) {
        self.locked().failure = tls_error(error).and_then(TlsFailure::of);
    }

    fn locked(&self) -> MutexGuard<'_, HandshakeSeen> {
        // What stands in it is a note, valid whatever happened to its writer.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertificate {
    fn read(der: &[u8]) -> Option<Self> {
        let summary = CertificateSummary::read(der)?;
        let parsed = certificate::parse(der)?;
        let alternatives = parsed.subject_alternative_name().ok()?;
        let addresses = alternatives
            .iter()
            .flat_map(|found| &found.value.general_names)
            .filter_map(address);
        Some(Self {
            summary,
            addresses: addresses.collect(),
            common_name_only: alternatives.is_none(),
        })
    }
}

impl TlsFailure {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the enums are foreign and non-exhaustive; the rest has no name of its own"
    )]
    fn of(error: &TlsError) -> Option<Self> {
        match error {
            TlsError::InvalidMessage(_) => Some(Self::NotTls),
            TlsError::AlertReceived(AlertDescription::ProtocolVersion)
            | TlsError::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Some(Self::OldVersion),
            TlsError::PeerIncompatible(_) => Some(Self::NothingInCommon),
            TlsError::AlertReceived(alert) => Some(Self::Alert(format!("{alert:?}"))),
            _ => None,
        }
    }
}

fn address(name: &GeneralName<'_>) -> Option<IpAddr> {
    let GeneralName::IPAddress(octets) = name else {
        return None;
    };
    <[u8; 4]>::try_from(*octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
        .ok()
}

fn authority(der: &[u8]) -> String {
    X509Name::from_der(der).map_or_else(
        |_| String::from("(unreadable)"),
        |(_, name)| certificate::distinguished_name(&name),
    )
}

/// Certificates of a chain that are read.
const MAX_CHAIN: usize = 10;
/// Names of authorities that are kept; servers that trust everybody name hundreds.
const MAX_AUTHORITIES: usize = 50;
