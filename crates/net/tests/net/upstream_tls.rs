//! Upstream handshakes: group UT.

use std::sync::Arc;
use std::time::Duration;

use tenantry_net::{
    CertificateRequest, Deadline, HandshakeError, HandshakeErrorKind, Identity, MinVersion,
    Request, Tickets, TlsSettingsError, Trust, UntrustedReason, UpstreamTls, UpstreamTlsSettings,
    UpstreamTrust, Verify,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::pki::{Authority, Issued, expired, leaf, named_leaf, not_yet_valid};
use crate::world::{Connected, pair, server_tls, soon, upstream_tls};

fn own_identity() -> Arc<Identity> {
    Authority::root("Ours")
        .issue(&leaf(&["tenant-a.example"]))
        .identity()
}

/// What connecting to `host` comes to, at an upstream with this certificate.
async fn connect(
    client: &UpstreamTls,
    upstream: &Arc<Identity>,
    host: &str,
) -> Result<Connected, HandshakeError> {
    let server = server_tls(upstream, Request::Off, None, Tickets::On);
    let (accepted, connected) = pair().await;
    let (_, connected) = tokio::join!(
        server.accept(accepted, soon()),
        client.connect(connected, host, soon())
    );
    connected
}

fn client(authority: &Authority) -> Arc<UpstreamTls> {
    upstream_tls(own_identity(), authority, CertificateRequest::Optional)
}

// UT-03
#[tokio::test]
async fn an_upstream_that_is_not_who_it_should_be_is_told_apart() {
    let root = Authority::root("Upstreams");
    let other = Authority::root("Others");
    let lower = root.intermediate("Lower", None);
    let host = "mx.example";
    let good = leaf(&[host]);
    let mut incomplete = lower.issue(&good);
    incomplete.chain = incomplete.leaf.clone();
    let mail_only = crate::pki::with_usage(
        leaf(&[host]),
        &[rcgen::ExtendedKeyUsagePurpose::EmailProtection],
    );
    let cases = [
        (
            root.issue(&leaf(&["other.example"])),
            HandshakeErrorKind::NameMismatch,
        ),
        (
            other.issue(&good),
            untrusted(UntrustedReason::UnknownIssuer),
        ),
        (incomplete, untrusted(UntrustedReason::UnknownIssuer)),
        (
            root.issue(&expired(leaf(&[host]))),
            untrusted(UntrustedReason::Expired),
        ),
        (
            root.issue(&not_yet_valid(leaf(&[host]))),
            untrusted(UntrustedReason::NotYetValid),
        ),
        (
            Issued::self_signed(&good),
            untrusted(UntrustedReason::SelfSigned),
        ),
        (root.issue(&mail_only), untrusted(UntrustedReason::Usage)),
    ];
    let client = client(&root);
    for (issued, expected) in cases {
        let error = connect(&client, &issued.identity(), host)
            .await
            .unwrap_err();
        assert_eq!(error.kind, expected, "{error}");
        assert_eq!(error.kind.as_str(), expected.as_str());
    }
    for issued in [root.issue(&good), lower.issue(&good)] {
        connect(&client, &issued.identity(), host).await.unwrap();
    }
}

// UT-07
#[tokio::test]
async fn names_are_matched_as_rfc_9525_says() {
    let root = Authority::root("Upstreams");
    let client = client(&root);
    let mut address = named_leaf("mx.example", &["192.0.2.1"]);
    address.subject_alt_names.truncate(1);
    for (params, host, good) in [
        (leaf(&["*.mail.example"]), "a.mail.example", true),
        (leaf(&["*.mail.example"]), "a.b.mail.example", false),
        (leaf(&["*.mail.example"]), "mail.example", false),
        (named_leaf("mx.example", &[]), "mx.example", false),
        (address, "mx.example", false),
        (leaf(&["127.0.0.1"]), "127.0.0.1", true),
        (leaf(&["127.0.0.2"]), "127.0.0.1", false),
        (leaf(&["::1"]), "[::1]", true),
        (named_leaf("127.0.0.1", &["mx.example"]), "127.0.0.1", false),
        (leaf(&["mx.example"]), "MX.Example", true),
        (leaf(&["mx.example"]), "mx.example.", true),
    ] {
        let upstream = root.issue(&params).identity();
        let outcome = connect(&client, &upstream, host).await;
        match outcome {
            Ok(_) => assert!(good, "{host}"),
            Err(error) => {
                assert!(!good, "{host}: {error}");
                assert_eq!(error.kind, HandshakeErrorKind::NameMismatch, "{host}");
            }
        }
    }
    let upstream = root.issue(&leaf(&["mx.example"])).identity();
    let error = connect(&client, &upstream, "not a name").await.unwrap_err();
    assert_eq!(error.kind, HandshakeErrorKind::InvalidName);
}

#[tokio::test]
async fn a_configured_server_name_replaces_the_hosts() {
    let root = Authority::root("Upstreams");
    let settings = |server_name: &str, verify| UpstreamTlsSettings {
        identity: own_identity(),
        trust: UpstreamTrust::Roots(root.trust()),
        verify,
        server_name: Some(server_name.to_owned()),
        certificate_request: CertificateRequest::Optional,
        min_version: MinVersion::Tls12,
    };
    let client = UpstreamTls::new(settings("mx.example", Verify::NameAndChain)).unwrap();
    let upstream = root.issue(&leaf(&["mx.example"])).identity();
    connect(&client, &upstream, "127.0.0.1").await.unwrap();
    let wrong = UpstreamTls::new(settings("no name", Verify::NameAndChain));
    assert!(matches!(wrong, Err(TlsSettingsError::ServerName(_))));
    // Without verification anything goes that proves to hold its key, and the hash says so.
    let blind = UpstreamTls::new(settings("mx.example", Verify::None)).unwrap();
    let stranger = Issued::self_signed(&expired(leaf(&["x.example"]))).identity();
    connect(&blind, &stranger, "127.0.0.1").await.unwrap();
    assert_ne!(blind.policy_hash(), client.policy_hash());
}

#[tokio::test]
async fn a_pinned_upstream_must_have_that_key() {
    let root = Authority::root("Upstreams");
    let upstream = root.issue(&leaf(&["mx.example"])).identity();
    let mut trust = Trust::builder();
    trust
        .add_pem(root.pem.as_bytes())
        .unwrap()
        .pin(upstream.fingerprint());
    let client = UpstreamTls::new(UpstreamTlsSettings {
        identity: own_identity(),
        trust: UpstreamTrust::Roots(trust.build().unwrap()),
        verify: Verify::NameAndChain,
        server_name: None,
        certificate_request: CertificateRequest::Optional,
        min_version: MinVersion::Tls12,
    })
    .unwrap();
    let error = connect(&client, &upstream, "mx.example").await.unwrap_err();
    assert_eq!(
        error.kind,
        untrusted(UntrustedReason::Pin),
        "a certificate's hash is no pin"
    );
}

// UT-02, UT-05
#[tokio::test]
async fn an_upstream_that_does_not_shake_hands_is_told_apart() {
    let client = client(&Authority::root("Upstreams"));
    let old_server = [
        &[0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1][..],
        &[9; 32],
        &[0, 0, 0x2f, 0],
    ]
    .concat();
    let cases: [(&[u8], HandshakeErrorKind); 5] = [
        (b"", HandshakeErrorKind::Closed),
        (b"500 5.5.1 what?\r\n", HandshakeErrorKind::Protocol),
        (&[0; 200], HandshakeErrorKind::Protocol),
        (&old_server, HandshakeErrorKind::Protocol),
        (&[0x15, 3, 1, 0, 2, 2, 70], HandshakeErrorKind::PeerAlert),
    ];
    for (answer, expected) in cases {
        let (mut accepted, connected) = pair().await;
        let upstream = async {
            let mut hello = [0; 5];
            accepted.read_exact(&mut hello).await.unwrap();
            let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
            let mut rest = vec![0; length];
            accepted.read_exact(&mut rest).await.unwrap();
            accepted.write_all(answer).await.unwrap();
            accepted.shutdown().await.unwrap();
        };
        let (outcome, ()) = tokio::join!(client.connect(connected, "mx.example", soon()), upstream);
        let error = outcome.unwrap_err();
        assert_eq!(error.kind, expected, "{error}");
        assert!(error.to_string().is_ascii());
    }
}

#[tokio::test]
async fn a_silent_upstream_is_given_up_at_the_deadline() {
    let client = client(&Authority::root("Upstreams"));
    let (_accepted, connected) = pair().await;
    let deadline = Deadline::after("upstream-tls", Duration::from_millis(50));
    let error = client
        .connect(connected, "mx.example", deadline)
        .await
        .unwrap_err();
    assert_eq!(error.kind, HandshakeErrorKind::Timeout("upstream-tls"));
    assert!(error.to_string().contains("upstream-tls"));
}

#[tokio::test]
async fn an_upstream_with_the_older_version_is_refused_when_the_newer_is_wanted() {
    let root = Authority::root("Upstreams");
    let client = UpstreamTls::new(UpstreamTlsSettings {
        identity: own_identity(),
        trust: UpstreamTrust::Roots(root.trust()),
        verify: Verify::NameAndChain,
        server_name: None,
        certificate_request: CertificateRequest::Optional,
        min_version: MinVersion::Tls13,
    })
    .unwrap();
    let issued = root.issue(&leaf(&["mx.example"]));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_protocol_versions(&[&rustls::version::TLS12])
    .unwrap()
    .with_no_client_auth()
    .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(
        crate::inbound_tls::certified(&issued.chain, &issued.key),
    )));
    let (accepted, connected) = pair().await;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (_, outcome) = tokio::join!(
        acceptor.accept(accepted),
        client.connect(connected, "mx.example", soon())
    );
    let kind = outcome.unwrap_err().kind;
    assert!(
        [HandshakeErrorKind::PeerAlert, HandshakeErrorKind::Protocol].contains(&kind),
        "{kind}"
    );
}

const fn untrusted(reason: UntrustedReason) -> HandshakeErrorKind {
    HandshakeErrorKind::Certificate(reason)
}
