//! The callbacks of a handshake with an upstream: what is presented, and whom it is presented to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error as TlsError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use webpki::{EndEntityCert, Error as PathError, KeyUsage};

use crate::handshake::ServerCertificateProblem;
use crate::identity::Identity;
use crate::provider::provider;
use crate::sessions::Progress;
use crate::trust::{RevocationPolicy, Trust};
use crate::untrusted::UntrustedReason;

use super::witness::NameVerdict;

/// Presents the one identity, whatever authorities the upstream hints at, and notes that it did.
pub(super) struct OwnIdentity(Arc<CertifiedKey>);

impl OwnIdentity {
    pub(super) fn new(identity: &Identity) -> Self {
        Self(identity.certified_key().clone())
    }
}

impl ResolvesClientCert for OwnIdentity {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let scheme = self.0.key.choose_scheme(schemes);
        note(|progress| {
            progress.tell(|witness| witness.requested(root_hint_subjects, scheme.is_some()));
        });
        scheme?;
        note(|progress| progress.presented.store(true, Ordering::Relaxed));
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl fmt::Debug for OwnIdentity {
    /// A key is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnIdentity")
    }
}

/// Verifies an upstream's chain and name; without trust it verifies nothing but the signature
/// of the handshake.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    trust: Option<Arc<Trust>>,
}

impl ServerVerifier {
    pub(super) const fn new(trust: Option<Arc<Trust>>) -> Self {
        Self { trust }
    }

    /// What the chain is worth; `None` when nothing is to be verified.
    fn path(
        &self,
        leaf: &Result<EndEntityCert<'_>, PathError>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<Result<(), UntrustedReason>> {
        let trust = self.trust.as_ref()?;
        let usages = &[KeyUsage::server_auth()];
        let policy = RevocationPolicy::default();
        let leaf = match leaf {
            Ok(leaf) => leaf,
            Err(error) => return Some(Err(UntrustedReason::from_path_error(error))),
        };
        Some(trust.validate(leaf, intermediates, usages, policy, now, &|_| Ok(())))
    }
}

/// Whether the certificate is for this name (RFC 9525).
fn named(leaf: &Result<EndEntityCert<'_>, PathError>, server_name: &ServerName<'_>) -> NameVerdict {
    match leaf {
        Ok(leaf) if leaf.verify_is_valid_for_subject_name(server_name).is_ok() => {
            NameVerdict::Matches
        }
        Ok(_) | Err(_) => NameVerdict::Differs,
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        note(|progress| {
            progress.full.store(true, Ordering::Relaxed);
            progress.tell(|witness| witness.chain(end_entity, intermediates));
        });
        let leaf = EndEntityCert::try_from(end_entity);
        let path = self.path(&leaf, intermediates, now);
        let name = named(&leaf, server_name);
        note(|progress| progress.tell(|witness| witness.judged(path, name)));
        match (path, name) {
            (None, NameVerdict::Matches | NameVerdict::Differs)
            | (Some(Ok(())), NameVerdict::Matches) => Ok(ServerCertVerified::assertion()),
            (Some(Err(reason)), NameVerdict::Matches | NameVerdict::Differs) => {
                Err(ServerCertificateProblem::Untrusted(reason).into())
            }
            (Some(Ok(())), NameVerdict::Differs) => {
                Err(ServerCertificateProblem::NameMismatch.into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Tells the handshake that is being polled on this task; the callbacks have no other way to
/// know whose they are.
fn note(observe: impl FnOnce(&Progress)) {
    // Outside a handshake of ours nobody wants to know.
    let _ = PROGRESS.try_with(|progress| observe(progress));
}

tokio::task_local! {
    pub(super) static PROGRESS: Arc<Progress>;
}
