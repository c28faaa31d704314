//! Resumed sessions: never another identity, never a trust that is gone.

use std::sync::{Arc, Mutex};

use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{HandshakeKind, SignatureScheme, version};
use tenantry_net::{
    CertificateRequest, ClientCertificate, Fingerprint, HandshakeErrorKind, Request, Tickets,
    UntrustedReason,
};

use crate::inbound_tls::certified;
use crate::pki::{Authority, leaf};
use crate::world::{HOST, Server, bare_client, bare_greet, greet, server_tls, shake, upstream_tls};

fn fingerprint(certificate: &ClientCertificate) -> Fingerprint {
    let ClientCertificate::Verified(verified) = certificate else {
        panic!("not verified: {certificate:?}");
    };
    verified.fingerprint()
}

#[tokio::test]
async fn a_resumed_session_has_its_certificate_and_is_evaluated_again() {
    let root = Authority::root("Clients");
    let issued = root.issue(&leaf(&["tenant-a.example"]));
    let server = Server::requesting(root.policy());
    let client = server.client(issued.identity());
    let (first, facts, presented) = greet(&server.tls, &client).await;
    assert!(!first.facts.resumed && !facts.resumed && presented.asked);
    let (second, facts, presented) = greet(&server.tls, &client).await;
    assert!(second.facts.resumed && facts.resumed);
    assert!(presented.asked, "the resumed session had the certificate");
    assert_eq!(presented.fingerprint, issued.identity().fingerprint());
    assert_eq!(fingerprint(&second.certificate), presented.fingerprint);
    // The evidence can be judged anew whenever the configuration changes.
    let chain = second.presented.unwrap();
    assert_eq!(chain.fingerprint(), Some(presented.fingerprint));
    let now = Authority::root("Others").policy();
    let ClientCertificate::Untrusted(untrusted) = now.evaluate(&chain) else {
        panic!("trust is gone");
    };
    assert_eq!(untrusted.reason, UntrustedReason::UnknownIssuer);
}

#[tokio::test]
async fn two_identities_at_one_upstream_never_resume_as_one_another() {
    let root = Authority::root("Clients");
    let server = Server::requesting(root.policy());
    let tenants: Vec<_> = (0..20)
        .map(|n| {
            let name = format!("tenant-{n}.example");
            server.client(root.issue(&leaf(&[&name])).identity())
        })
        .collect();
    let mut resumed = 0;
    for round in 0..4 {
        for client in &tenants {
            let (accepted, facts, presented) = greet(&server.tls, client).await;
            assert_eq!(
                fingerprint(&accepted.certificate),
                client.identity_fingerprint()
            );
            assert_eq!(presented.fingerprint, client.identity_fingerprint());
            assert_eq!(
                facts.resumed,
                round > 0,
                "its own session, from its second time on"
            );
            resumed += usize::from(facts.resumed);
        }
    }
    assert_eq!(resumed, 60, "resumption is on, so the test means something");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handshakes_at_the_same_time_do_not_mix() {
    let root = Authority::root("Clients");
    let asking = Arc::new(Server::requesting(root.policy()));
    let silent = server_tls(asking.tls.identity(), Request::Off, None, Tickets::On);
    let mut running = tokio::task::JoinSet::new();
    for n in 0..24 {
        let name = format!("tenant-{n}.example");
        let client = asking.client(root.issue(&leaf(&[&name])).identity());
        let (asking, silent) = (asking.clone(), silent.clone());
        running.spawn(async move {
            for _ in 0..8 {
                let (accepted, _, presented) = greet(&asking.tls, &client).await;
                assert!(presented.asked);
                let seen = fingerprint(&accepted.certificate);
                assert_eq!(seen, client.identity_fingerprint());
                // The same value at a server that shares its name and asks for nothing.
                let (accepted, _, presented) = greet(&silent, &client).await;
                assert_eq!(accepted.certificate, ClientCertificate::NotOffered);
                assert!(!presented.asked || accepted.facts.resumed);
            }
        });
    }
    while let Some(finished) = running.join_next().await {
        finished.unwrap();
    }
}

/// The negative control: one configuration whose resolver switches certificates resumes as the
/// first tenant. This is what [`tenantry_net::UpstreamTls`] makes impossible.
#[tokio::test]
async fn one_shared_configuration_resumes_as_the_first_identity() {
    #[derive(Debug)]
    struct Switching(Mutex<Arc<CertifiedKey>>);
    impl ResolvesClientCert for Switching {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            Some(self.0.lock().unwrap().clone())
        }
        fn has_certs(&self) -> bool {
            true
        }
    }
    let root = Authority::root("Clients");
    let first = root.issue(&leaf(&["tenant-a.example"]));
    let second = root.issue(&leaf(&["tenant-b.example"]));
    let server = Server::requesting(root.policy());
    let switching = Arc::new(Switching(Mutex::new(certified(&first.chain, &first.key))));
    let versions = &[&version::TLS13];
    let config = Arc::new(bare_client(
        &server.authority,
        versions,
        Some(switching.clone()),
    ));
    bare_greet(&server.tls, &config).await;
    *switching.0.lock().unwrap() = certified(&second.chain, &second.key);
    let (accepted, kind) = bare_greet(&server.tls, &config).await;
    assert_eq!(kind, HandshakeKind::Resumed);
    assert_eq!(
        fingerprint(&accepted.certificate),
        first.identity().fingerprint()
    );
}

#[tokio::test]
async fn a_reload_without_the_authority_trusts_no_earlier_session() {
    let root = Authority::root("Clients");
    let identity = root.issue(&leaf(&["tenant-a.example"])).identity();
    let server = Server::requesting(root.policy());
    let client = server.client(identity.clone());
    greet(&server.tls, &client).await;
    let reloaded = server_tls(
        server.tls.identity(),
        Request::Request,
        Some(Authority::root("Others").policy()),
        Tickets::On,
    );
    let (accepted, facts, presented) = greet(&reloaded, &client).await;
    assert!(!accepted.facts.resumed && !facts.resumed);
    assert!(presented.asked);
    assert!(matches!(
        accepted.certificate,
        ClientCertificate::Untrusted(_)
    ));
}

#[tokio::test]
async fn one_listener_does_not_resume_what_another_handed_out() {
    let root = Authority::root("Clients");
    let server = Server::requesting(root.policy());
    let client = server.client(root.issue(&leaf(&["tenant-a.example"])).identity());
    greet(&server.tls, &client).await;
    let other = server_tls(
        server.tls.identity(),
        Request::Request,
        Some(root.policy()),
        Tickets::On,
    );
    assert!(!greet(&other, &client).await.1.resumed);
}

#[tokio::test]
async fn tickets_can_be_switched_off() {
    let server = Server::new(Request::Off, None, Tickets::Off);
    let resuming = Server::new(Request::Off, None, Tickets::On);
    for version in [&version::TLS13, &version::TLS12] {
        for (server, expected) in [
            (&server, HandshakeKind::Full),
            (&resuming, HandshakeKind::Resumed),
        ] {
            let config = Arc::new(bare_client(&server.authority, &[version], None));
            bare_greet(&server.tls, &config).await;
            assert_eq!(
                bare_greet(&server.tls, &config).await.1,
                expected,
                "{version:?}"
            );
        }
    }
}

// UT-04
#[tokio::test]
async fn whether_the_certificate_was_sent_is_known_of_every_connection() {
    let root = Authority::root("Clients");
    let identity = root.issue(&leaf(&["tenant-a.example"])).identity();
    let server = Server::new(Request::Off, None, Tickets::On);
    let relaxed = server.client(identity.clone());
    for round in 0..3 {
        let (_, facts, presented) = greet(&server.tls, &relaxed).await;
        assert_eq!(facts.resumed, round > 0);
        assert!(
            !presented.asked,
            "neither sent now nor in the session that is resumed"
        );
    }
    let strict = upstream_tls(
        identity.clone(),
        &server.authority,
        CertificateRequest::Required,
    );
    for _ in 0..2 {
        let (_, connected) = shake(&server.tls, &strict).await;
        let kind = connected.unwrap_err().kind;
        assert_eq!(kind, HandshakeErrorKind::NoCertificateRequested);
    }
    // The same upstream begins to ask: sessions from before do not count as asked.
    let asking = server_tls(
        server.tls.identity(),
        Request::Request,
        Some(root.policy()),
        Tickets::On,
    );
    let (_, facts, presented) = greet(&asking, &relaxed).await;
    assert!(!facts.resumed && presented.asked);
    for _ in 0..2 {
        let (_, facts, presented) = greet(&asking, &strict).await;
        assert!(presented.asked, "resumed: {}", facts.resumed);
    }
}

#[test]
fn settings_that_differ_have_different_hashes() {
    let root = Authority::root("Clients");
    let identity = root.issue(&leaf(&[HOST])).identity();
    let hash = |authority: &Authority, request| {
        upstream_tls(identity.clone(), authority, request).policy_hash()
    };
    let required = CertificateRequest::Required;
    let optional = CertificateRequest::Optional;
    assert_eq!(hash(&root, required), hash(&root, required));
    assert_ne!(hash(&root, required), hash(&root, optional));
    assert_ne!(
        hash(&root, optional),
        hash(&Authority::root("Others"), optional)
    );
}
