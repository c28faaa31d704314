//! The octets of one connection, in clear text or TLS, and what its handshake showed.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tenantry_net::{
    Channel, ChannelError, ClientCertificate, ClientCertificatePolicy, Deadline, Fingerprint,
    HandshakeError, Identity, LeftoverPlaintext, MinVersion, Request, ServerTls, ServerTlsSettings,
    Stream, Tickets, TlsFacts, Trust,
};
use tokio::net::TcpStream;

use super::UpstreamError;
use super::record::{CertificateSeen, TlsSeen};
use super::settings::{ClientCertificates, Resumption, TlsSettings};
use crate::pki::Authority;

/// How long a client that is told good-bye may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection; after a failed handshake there is none any more.
pub(super) struct Wire {
    channel: Option<Channel>,
    nothing: BytesMut,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub(super) enum SecureError {
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error(transparent)]
    Leftover(#[from] LeftoverPlaintext),
    #[error("the connection is gone")]
    Gone,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self {
            channel: Some(Channel::new(Stream::Plain(stream))),
            nothing: BytesMut::new(),
        }
    }

    /// What the client sent and nobody has taken yet.
    pub(super) fn input(&mut self) -> &mut BytesMut {
        match &mut self.channel {
            Some(channel) => &mut channel.input,
            None => &mut self.nothing,
        }
    }

    /// What is written with the next flush.
    pub(super) fn output(&mut self) -> &mut BytesMut {
        match &mut self.channel {
            Some(channel) => &mut channel.output,
            None => &mut self.nothing,
        }
    }

    /// Waits for octets; 0 when the client has gone.
    pub(super) async fn fill(&mut self, within: Duration) -> Result<usize, ChannelError> {
        match &mut self.channel {
            Some(channel) => channel.fill(Deadline::after("client", within)).await,
            None => Ok(0),
        }
    }

    pub(super) async fn flush(&mut self, within: Duration) -> Result<(), ChannelError> {
        match &mut self.channel {
            Some(channel) if channel.has_output() => {
                channel.flush(Deadline::after("client", within)).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Performs the handshake; from then on everything goes through TLS.
    pub(super) async fn secure(
        &mut self,
        tls: &ServerTls,
        within: Duration,
    ) -> Result<TlsSeen, SecureError> {
        let plain = self.channel.take().ok_or(SecureError::Gone)?.into_plain()?;
        let accepted = tls
            .accept(plain, Deadline::after("handshake", within))
            .await?;
        self.channel = Some(Channel::new(accepted.stream));
        Ok(seen(accepted.facts, accepted.certificate))
    }

    /// Says good-bye and closes in order.
    pub(super) async fn close(self) {
        if let Some(channel) = self.channel {
            channel
                .shutdown(Deadline::after("farewell", FAREWELL))
                .await;
        }
    }

    /// Closes with a TCP RST.
    pub(super) fn reset(self) {
        if let Some(channel) = self.channel {
            if let Err(error) = channel.stream().tcp().set_zero_linger() {
                tracing::warn!(%error, "cannot reset a connection");
            }
            channel.abort();
        }
    }
}

/// The server side of TLS as the settings want it.
pub(super) fn server_tls(settings: &TlsSettings) -> Result<Arc<ServerTls>, UpstreamError> {
    let identity = Identity::from_pem(settings.chain_pem.as_bytes(), settings.key_pem.as_bytes())?;
    let (client_certificates, policy) = match settings.client_certificates {
        ClientCertificates::Off => (Request::Off, None),
        // Whoever shows none gets an SMTP reply, as at Exchange Online, no TLS alert.
        ClientCertificates::Request | ClientCertificates::Require => {
            let trust = trust(&settings.authorities)?;
            (Request::Request, Some(ClientCertificatePolicy::new(trust)))
        }
    };
    Ok(ServerTls::new(ServerTlsSettings {
        identity,
        client_certificates,
        policy,
        tickets: match settings.resumption {
            Resumption::On => Tickets::On,
            Resumption::Off => Tickets::Off,
        },
        min_version: MinVersion::default(),
    })?)
}

/// Without authorities every certificate is recorded as one that does not verify.
fn trust(authorities: &[String]) -> Result<Arc<Trust>, UpstreamError> {
    let mut builder = Trust::builder();
    for authority in authorities {
        builder.add_pem(authority.as_bytes())?;
    }
    if authorities.is_empty() {
        let nobody = Authority::new("nobody")?;
        builder.add_pem(nobody.certificate_pem().as_bytes())?;
    }
    Ok(builder.build()?)
}

fn seen(facts: TlsFacts, certificate: ClientCertificate) -> TlsSeen {
    TlsSeen {
        version: facts.version,
        cipher: facts.cipher,
        group: facts.group,
        resumed: facts.resumed,
        server_name: facts.sni,
        certificate: match certificate {
            ClientCertificate::NotOffered | ClientCertificate::NotPresented => None,
            ClientCertificate::Untrusted(untrusted) => Some(CertificateSeen {
                fingerprint: text(untrusted.fingerprint),
                names: Vec::new(),
                problem: Some(untrusted.reason.as_str()),
            }),
            ClientCertificate::Verified(verified) => Some(CertificateSeen {
                fingerprint: text(verified.fingerprint()),
                names: verified.names().to_vec(),
                problem: None,
            }),
        },
        tenant: None,
    }
}

fn text(fingerprint: Fingerprint) -> Arc<str> {
    fingerprint.to_string().into()
}
