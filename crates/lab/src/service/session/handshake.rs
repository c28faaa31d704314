//! STARTTLS: the handshake, or the fault in its place, and the client's certificate.

use std::sync::Arc;

use tenantry_net::{
    Accepted, Channel, ClientCertificate, DEFAULT_MAX_NAMES, Deadline, PresentedChain,
};
use tenantry_smtp::TlsState;

use super::{End, Session, offer};
use crate::certificate::CertificateProblem;
use crate::file::FaultAction;
use crate::journal::CertificateSeen;

impl Session {
    /// Takes the session into TLS, where everything but its counters begins anew (RFC 3207
    /// section 4.2); `None` if that is its end.
    pub(super) async fn start_tls(mut self) -> Option<Self> {
        if self.handshake == Some(FaultAction::BadTls) {
            self.bad_tls().await;
            return None;
        }
        let expired = self.handshake == Some(FaultAction::ExpiredCertificate);
        let tls = match &self.shared.expired_tls {
            Some(expired_tls) if expired => Arc::clone(expired_tls),
            Some(_) | None => Arc::clone(&self.shared.tls),
        };
        let plain = match self.channel.into_plain() {
            Ok(plain) => plain,
            Err(error) => {
                // Octets behind STARTTLS are somebody's injection (RFC 3207 section 6).
                tracing::debug!(session = %self.seen.id, %error, "no handshake");
                return None;
            }
        };
        let deadline = Deadline::after("handshake", self.shared.timeouts.handshake);
        let accepted = match tls.accept(plain, deadline).await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(session = %self.seen.id, %error, "handshake failed");
                return None;
            }
        };
        let seen = Arc::make_mut(&mut self.seen);
        seen.tls = Some(accepted.facts.version);
        seen.certificate = certificate(&accepted);
        seen.helo.clear();
        self.smtp
            .tls_established(offer(&self.shared, TlsState::Active));
        Some(Self {
            channel: Channel::new(accepted.stream),
            transaction: None,
            handshake: None,
            awaited: None,
            ..self
        })
    }

    /// Octets that are no TLS, once the client has begun the handshake.
    async fn bad_tls(mut self) {
        let deadline = Deadline::after("handshake", self.shared.timeouts.handshake);
        let begun = self.channel.fill(deadline).await;
        let end = match begun {
            Ok(0) | Err(_) => End::Gone,
            Ok(_) => {
                self.channel.output.extend_from_slice(NO_TLS);
                End::Closed
            }
        };
        self.finish(end).await;
    }
}

/// What is recorded of a certificate; an untrusted one keeps its reason and the names it claims.
fn certificate(accepted: &Accepted) -> Option<CertificateSeen> {
    match &accepted.certificate {
        ClientCertificate::NotOffered | ClientCertificate::NotPresented => None,
        ClientCertificate::Untrusted(untrusted) => {
            let presented = accepted.presented.as_ref();
            Some(CertificateSeen {
                names: presented
                    .map_or_else(Vec::new, |chain| chain.claimed_names(DEFAULT_MAX_NAMES)),
                issuer: untrusted.issuer.clone(),
                fingerprint: untrusted.fingerprint.to_string(),
                trusted: false,
                problem: Some({
                    let sent = presented.map_or(0, PresentedChain::length);
                    CertificateProblem::of(untrusted.reason, sent).as_str()
                }),
            })
        }
        ClientCertificate::Verified(verified) => Some(CertificateSeen {
            names: verified.names().to_vec(),
            issuer: verified.issuer().to_owned(),
            fingerprint: verified.fingerprint().to_string(),
            trusted: true,
            problem: None,
        }),
    }
}

/// No record type of TLS begins like this.
const NO_TLS: &[u8] = b"220 this is no TLS\r\n";
