//! Two ends of a connection on the loopback interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ResolvesClientCert, WebPkiServerVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tenantry_net::{
    Accepted, CertificateRequest, Channel, ClientCertificate, ClientCertificatePolicy, Deadline,
    HandshakeError, Identity, MinVersion, Presented, Request, ServerTls, ServerTlsSettings, Stream,
    Tickets, TlsFacts, UpstreamTls, UpstreamTlsSettings, UpstreamTrust, Verify,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::pki::{Authority, Issued};

pub(crate) const HOST: &str = "relay.example";

/// Long enough for a busy machine; no test waits for it to pass.
pub(crate) fn soon() -> Deadline {
    Deadline::after("test", Duration::from_secs(20))
}

/// A connected pair: accepted end, connecting end.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(address).await.unwrap();
    let connecting = TcpStream::connect(listener.local_addr().unwrap());
    let (accepted, connected) = tokio::join!(listener.accept(), connecting);
    (accepted.unwrap().0, connected.unwrap())
}

/// A server with a certificate for [`HOST`], and the authority of that certificate.
pub(crate) struct Server {
    pub(crate) authority: Authority,
    pub(crate) tls: Arc<ServerTls>,
}

impl Server {
    pub(crate) fn new(
        client_certificates: Request,
        policy: Option<ClientCertificatePolicy>,
        tickets: Tickets,
    ) -> Self {
        let authority = Authority::root("Server authority");
        let tls = server_tls(
            &authority.server(&[HOST]),
            client_certificates,
            policy,
            tickets,
        );
        Self { authority, tls }
    }

    pub(crate) fn requesting(policy: ClientCertificatePolicy) -> Self {
        Self::new(Request::Request, Some(policy), Tickets::On)
    }

    /// TLS towards this server under an identity.
    pub(crate) fn client(&self, identity: Arc<Identity>) -> Arc<UpstreamTls> {
        upstream_tls(identity, &self.authority, CertificateRequest::Optional)
    }
}

pub(crate) fn server_tls(
    identity: &Arc<Identity>,
    client_certificates: Request,
    policy: Option<ClientCertificatePolicy>,
    tickets: Tickets,
) -> Arc<ServerTls> {
    ServerTls::new(ServerTlsSettings {
        identity: identity.clone(),
        client_certificates,
        policy,
        tickets,
        min_version: MinVersion::Tls12,
    })
    .unwrap()
}

pub(crate) fn upstream_tls(
    identity: Arc<Identity>,
    authority: &Authority,
    certificate_request: CertificateRequest,
) -> Arc<UpstreamTls> {
    UpstreamTls::new(UpstreamTlsSettings {
        identity,
        trust: UpstreamTrust::Roots(authority.trust()),
        verify: Verify::NameAndChain,
        server_name: None,
        certificate_request,
        min_version: MinVersion::Tls12,
    })
    .unwrap()
}

pub(crate) type Connected = (Stream, TlsFacts, Presented);

/// Both sides of a handshake.
pub(crate) async fn shake(
    server: &ServerTls,
    client: &UpstreamTls,
) -> (
    Result<Accepted, HandshakeError>,
    Result<Connected, HandshakeError>,
) {
    let (accepted, connected) = pair().await;
    tokio::join!(
        server.accept(accepted, soon()),
        client.connect(connected, HOST, soon())
    )
}

/// A handshake and a greeting, after which the client has the server's tickets.
pub(crate) async fn greet(
    server: &ServerTls,
    client: &UpstreamTls,
) -> (Accepted, TlsFacts, Presented) {
    let (accepted, connected) = shake(server, client).await;
    let mut accepted = accepted.unwrap();
    let (stream, facts, presented) = connected.unwrap();
    accepted.stream.write_all(b"220 hello\r\n").await.unwrap();
    accepted.stream.flush().await.unwrap();
    let mut channel = Channel::new(stream);
    while !channel.input.ends_with(b"\n") {
        assert_ne!(channel.fill(soon()).await.unwrap(), 0);
    }
    (accepted, facts, presented)
}

/// What a server with this policy thinks of a client that shows this certificate.
pub(crate) async fn seen(policy: ClientCertificatePolicy, issued: &Issued) -> ClientCertificate {
    let server = Server::requesting(policy);
    let client = server.client(issued.identity());
    let (accepted, _) = shake(&server.tls, &client).await;
    accepted.unwrap().certificate
}

/// A bare TLS client, for what our own refuses to do.
pub(crate) fn bare_client(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    resolver: Option<Arc<dyn ResolvesClientCert>>,
) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap())
        .unwrap();
    let verifier: Arc<dyn ServerCertVerifier> =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .unwrap();
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    match resolver {
        Some(resolver) => builder.with_client_cert_resolver(resolver),
        None => builder.with_no_client_auth(),
    }
}

/// A handshake with a bare client that then reads a greeting, so that it has the tickets.
pub(crate) async fn bare_greet(
    server: &ServerTls,
    config: &Arc<ClientConfig>,
) -> (Accepted, rustls::HandshakeKind) {
    let (accepted, connected) = pair().await;
    let name = ServerName::try_from(HOST).unwrap();
    let connector = tokio_rustls::TlsConnector::from(config.clone());
    let (accepted, connected) = tokio::join!(
        server.accept(accepted, soon()),
        connector.connect(name, connected)
    );
    let (mut accepted, mut connected) = (accepted.unwrap(), connected.unwrap());
    accepted.stream.write_all(b"220 hello\r\n").await.unwrap();
    accepted.stream.flush().await.unwrap();
    let mut greeting = [0; 11];
    connected.read_exact(&mut greeting).await.unwrap();
    let kind = connected.get_ref().1.handshake_kind().unwrap();
    (accepted, kind)
}
