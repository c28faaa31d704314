//! Inbound handshakes: group TI, and how they fail.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{SignatureScheme, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tenantry_net::{
    ClientCertificate, Deadline, HandshakeErrorKind, MinVersion, Request, ServerTls,
    ServerTlsSettings, Tickets, TlsSettingsError, UntrustedReason,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::pki::{Authority, Issued, leaf};
use crate::world::{HOST, Server, bare_client, bare_greet, pair, shake, soon};

/// A `ClientHello` of an old client: no extensions.
fn old_hello(record: [u8; 2], hello: [u8; 2], suites: &[u8]) -> Vec<u8> {
    let mut body = hello.to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(u16::try_from(suites.len()).unwrap().to_be_bytes());
    body.extend(suites);
    body.extend([1, 0]);
    let length = u16::try_from(body.len()).unwrap();
    let mut out = vec![0x16, record[0], record[1]];
    out.extend((length + 4).to_be_bytes());
    out.extend([1, 0]);
    out.extend(length.to_be_bytes());
    out.extend(body);
    out
}

// TI-01
#[tokio::test]
async fn old_versions_and_weak_suites_are_refused_with_an_alert() {
    let server = Server::requesting(Authority::root("Clients").policy());
    let cbc = [0x00, 0x2f, 0xc0, 0x13, 0x00, 0x0a, 0x00, 0x05];
    let hellos = [
        old_hello([3, 0], [3, 0], &cbc),
        old_hello([3, 1], [3, 1], &cbc),
        old_hello([3, 1], [3, 2], &cbc),
        old_hello([3, 3], [3, 3], &cbc),
    ];
    for hello in hellos {
        let (accepted, mut connected) = pair().await;
        connected.write_all(&hello).await.unwrap();
        let error = server.tls.accept(accepted, soon()).await.unwrap_err();
        assert_eq!(error.kind, HandshakeErrorKind::Protocol, "{error}");
        let mut answer = Vec::new();
        connected.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer.first(), Some(&0x15), "an alert and nothing else");
    }
}

// ST-06
#[tokio::test]
async fn clear_text_instead_of_a_handshake_ends_it() {
    let server = Server::requesting(Authority::root("Clients").policy());
    let texts: [&[u8]; 3] = [b"NOOP\r\n", b"GET / HTTP/1.1\r\n\r\n", &[0x80; 100]];
    for text in texts {
        let (accepted, mut connected) = pair().await;
        connected.write_all(text).await.unwrap();
        let error = server.tls.accept(accepted, soon()).await.unwrap_err();
        assert_eq!(error.kind, HandshakeErrorKind::Protocol, "{error}");
    }
}

#[tokio::test]
async fn both_versions_are_spoken_with_good_suites() {
    let root = Authority::root("Clients");
    let issued = root.issue(&leaf(&["tenant-a.example"]));
    let server = Server::requesting(root.policy());
    let resolver = resolver(&issued.chain, &issued.key);
    for (version, name, cipher, group) in [
        (
            &version::TLS13,
            "TLSv1.3",
            "TLS_AES_256_GCM_SHA384",
            "X25519MLKEM768",
        ),
        (
            &version::TLS12,
            "TLSv1.2",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "X25519",
        ),
    ] {
        let config = bare_client(&server.authority, &[version], Some(resolver.clone()));
        let (accepted, _) = bare_greet(&server.tls, &Arc::new(config)).await;
        assert_eq!(accepted.facts.version, name);
        assert_eq!(accepted.facts.cipher, cipher);
        assert_eq!(accepted.facts.group, group);
        assert_eq!(accepted.facts.sni.as_deref(), Some(HOST));
        assert!(matches!(
            accepted.certificate,
            ClientCertificate::Verified(_)
        ));
    }
}

#[tokio::test]
async fn a_listener_may_speak_the_newer_version_only() {
    let authority = Authority::root("Server");
    let tls = ServerTls::new(ServerTlsSettings {
        identity: authority.server(&[HOST]),
        client_certificates: Request::Off,
        policy: None,
        tickets: Tickets::On,
        min_version: MinVersion::Tls13,
    })
    .unwrap();
    let config = Arc::new(bare_client(&authority, &[&version::TLS12], None));
    let (accepted, connected) = pair().await;
    let connector = tokio_rustls::TlsConnector::from(config);
    let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
    let (accepted, connected) = tokio::join!(
        tls.accept(accepted, soon()),
        connector.connect(name, connected)
    );
    assert_eq!(accepted.unwrap_err().kind, HandshakeErrorKind::Protocol);
    connected.unwrap_err();
}

// TI-03
#[tokio::test]
async fn a_required_certificate_that_is_not_sent_ends_the_handshake() {
    let root = Authority::root("Clients");
    let server = Server::new(Request::Require, Some(root.policy()), Tickets::On);
    let config = Arc::new(bare_client(&server.authority, rustls::ALL_VERSIONS, None));
    let (accepted, connected) = pair().await;
    let connector = tokio_rustls::TlsConnector::from(config);
    let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
    let (accepted, _) = tokio::join!(
        server.tls.accept(accepted, soon()),
        connector.connect(name, connected)
    );
    let kind = accepted.unwrap_err().kind;
    assert_eq!(kind, HandshakeErrorKind::NoCertificatePresented);
    // Any certificate is enough for the handshake; what it is worth is said afterwards.
    let client = server.client(Issued::self_signed(&leaf(&["a.example"])).identity());
    let (accepted, _) = shake(&server.tls, &client).await;
    let certificate = accepted.unwrap().certificate;
    assert!(matches!(certificate, ClientCertificate::Untrusted(_)));
}

// TI-04
#[tokio::test]
async fn a_certificate_without_its_key_ends_the_handshake() {
    let root = Authority::root("Clients");
    let victim = root.issue(&leaf(&["tenant-a.example"]));
    let thief = root.issue(&leaf(&["tenant-b.example"]));
    let server = Server::requesting(root.policy());
    for version in [&version::TLS13, &version::TLS12] {
        let resolver = resolver(&victim.chain, &thief.key);
        let config = Arc::new(bare_client(&server.authority, &[version], Some(resolver)));
        let (accepted, connected) = pair().await;
        let connector = tokio_rustls::TlsConnector::from(config);
        let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
        let (accepted, _) = tokio::join!(
            server.tls.accept(accepted, soon()),
            connector.connect(name, connected)
        );
        let kind = accepted.unwrap_err().kind;
        assert_eq!(
            kind,
            HandshakeErrorKind::Certificate(UntrustedReason::BadSignature)
        );
    }
}

// CE-10: what does not fit into a handshake message ends the handshake, without a wait.
#[tokio::test]
async fn a_certificate_larger_than_a_handshake_message_ends_the_handshake() {
    let root = Authority::root("Clients");
    let many: Vec<String> = (0..10_000).map(|n| format!("n{n}.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let issued = root.issue(&leaf(&many));
    let server = Server::requesting(root.policy());
    let resolver = resolver(&issued.chain, &issued.key);
    for version in [&version::TLS13, &version::TLS12] {
        let config = bare_client(&server.authority, &[version], Some(resolver.clone()));
        let (accepted, connected) = pair().await;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
        let client = tokio::spawn(async move { connector.connect(name, connected).await.is_ok() });
        let error = server.tls.accept(accepted, soon()).await.unwrap_err();
        assert_eq!(error.kind, HandshakeErrorKind::Protocol, "{error}");
        client.await.unwrap();
    }
}

// TI-05
#[tokio::test]
async fn early_data_is_never_accepted() {
    let server = Server::requesting(Authority::root("Clients").policy());
    let mut config = bare_client(&server.authority, &[&version::TLS13], None);
    config.enable_early_data = true;
    let config = Arc::new(config);
    bare_greet(&server.tls, &config).await;
    let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
    let mut resuming = rustls::ClientConnection::new(config, name).unwrap();
    assert!(resuming.early_data().is_none(), "no ticket allows it");
}

// SL-02
#[tokio::test]
async fn a_slow_or_silent_handshake_ends_at_the_deadline() {
    let server = Server::requesting(Authority::root("Clients").policy());
    let (accepted, mut connected) = pair().await;
    connected.write_all(&[0x16, 3, 1]).await.unwrap();
    let deadline = Deadline::after("tls-handshake", Duration::from_millis(50));
    let error = server.tls.accept(accepted, deadline).await.unwrap_err();
    assert_eq!(error.kind, HandshakeErrorKind::Timeout("tls-handshake"));

    let (accepted, connected) = pair().await;
    drop(connected);
    let error = server.tls.accept(accepted, soon()).await.unwrap_err();
    assert_eq!(error.kind, HandshakeErrorKind::Closed);
}

#[test]
fn asking_for_certificates_needs_a_policy() {
    let authority = Authority::root("Server");
    let made = ServerTls::new(ServerTlsSettings {
        identity: authority.server(&[HOST]),
        client_certificates: Request::Request,
        policy: None,
        tickets: Tickets::On,
        min_version: MinVersion::Tls12,
    });
    assert!(matches!(made, Err(TlsSettingsError::NoPolicy)));
}

/// Presents a chain with a key, whether or not they belong together.
#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesClientCert for Fixed {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

pub(crate) fn certified(chain: &str, key: &str) -> Arc<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    Arc::new(CertifiedKey::new(chain, key))
}

fn resolver(chain: &str, key: &str) -> Arc<dyn ResolvesClientCert> {
    Arc::new(Fixed(certified(chain, key)))
}

/// Certificates that path validation cannot even read are untrusted like any other, and possession
/// of their key is proved all the same.
#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_untrusted_and_the_handshake_goes_on() {
    let authority = Authority::root("Clients");
    let server = Server::requesting(authority.policy());
    let mut critical = leaf(&["tenant.example"]);
    let mut unknown =
        rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999], vec![5, 0]);
    unknown.set_criticality(true);
    critical.custom_extensions = vec![unknown];
    let critical = authority.issue(&critical);
    let plain = authority.issue(&leaf(&["tenant.example"]));
    for versions in [[&version::TLS12], [&version::TLS13]] {
        for (issued, first) in [(&critical, false), (&plain, true)] {
            let mut certified = (*certified(&issued.chain, &issued.key)).clone();
            if first {
                certified.cert[0] = version_1(&certified.cert[0]);
            }
            let resolver: Arc<dyn ResolvesClientCert> =
                Arc::new(Fixed(Arc::new(certified.clone())));
            let client = Arc::new(bare_client(&server.authority, &versions, Some(resolver)));
            let (accepted, _) = bare_greet(&server.tls, &client).await;
            let ClientCertificate::Untrusted(untrusted) = &accepted.certificate else {
                panic!("{:?}", accepted.certificate);
            };
            let reason = if first {
                UntrustedReason::Malformed
            } else {
                UntrustedReason::Other
            };
            assert_eq!(untrusted.reason, reason);

            // Somebody else's certificate proves nothing.
            let stolen = CertifiedKey::new(
                certified.cert,
                self::certified(&plain.chain, &authority.issue(&leaf(&["x.example"])).key)
                    .key
                    .clone(),
            );
            let resolver: Arc<dyn ResolvesClientCert> = Arc::new(Fixed(Arc::new(stolen)));
            let client = bare_client(&server.authority, &versions, Some(resolver));
            let (accepted, connected) = pair().await;
            let name = rustls_pki_types::ServerName::try_from(HOST).unwrap();
            let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
            let (accepted, _connected) = tokio::join!(
                server.tls.accept(accepted, soon()),
                connector.connect(name, connected)
            );
            accepted.unwrap_err();
        }
    }
}

/// A key that signatures are not checked with cannot be proven, whoever issued its certificate: the
/// client is let in and not believed.
#[tokio::test]
async fn a_certificate_whose_key_nobody_can_prove_is_untrusted_and_the_handshake_goes_on() {
    let authority = Authority::root("Clients");
    let server = Server::requesting(authority.policy());
    let trusted = authority.issue_for(&leaf(&["tenant.example"]), &Rsa1024);
    let any = authority.issue(&leaf(&["x.example"])).key;
    for version in [&version::TLS12, &version::TLS13] {
        let resolver = resolver(&trusted, &any);
        let client = bare_client(&server.authority, &[version], Some(resolver));
        let (accepted, _) = bare_greet(&server.tls, &Arc::new(client)).await;
        let ClientCertificate::Untrusted(untrusted) = &accepted.certificate else {
            panic!("{:?}", accepted.certificate);
        };
        assert_eq!(untrusted.reason, UntrustedReason::UnsupportedKey);
    }
}

/// A public key of 1024 bits.
struct Rsa1024;

impl rcgen::PublicKeyData for Rsa1024 {
    fn der_bytes(&self) -> &[u8] {
        static KEY: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
            let head = [0x30, 0x81, 0x89, 2, 0x81, 0x81, 0];
            [&head[..], &[0xab; 128], &[2, 3, 1, 0, 1]].concat()
        });
        &KEY
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// The same certificate, saying that it is of version 1.
fn version_1(certificate: &CertificateDer<'_>) -> CertificateDer<'static> {
    let mut der = certificate.to_vec();
    let version = [0xa0, 3, 2, 1, 2];
    let at = der.windows(5).position(|octets| octets == version).unwrap();
    der[at + 4] = 0;
    der.into()
}
