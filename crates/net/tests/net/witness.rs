//! What a witness has seen when a handshake with an upstream is over, well or badly.

use std::sync::Arc;

use tenantry_net::{
    CertificateRequest, HandshakeSeen, HandshakeWitness, Identity, NameVerdict, Request, Tickets,
    TlsFailure, UntrustedReason, UpstreamTls,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::pki::{Authority, leaf, named_leaf};
use crate::world::{pair, server_tls, soon, upstream_tls};

const HOST: &str = "mx.example";

struct World {
    root: Authority,
    client: Arc<UpstreamTls>,
}

impl World {
    fn new() -> Self {
        let root = Authority::root("Upstreams");
        let identity = Authority::root("Ours")
            .issue(&leaf(&["tenant-a.example"]))
            .identity();
        let client = upstream_tls(identity, &root, CertificateRequest::Optional);
        Self { root, client }
    }

    /// What the witness of a handshake with this upstream saw, and whether it succeeded.
    async fn watch(&self, upstream: &Arc<Identity>, request: Request) -> (HandshakeSeen, bool) {
        let policy = match request {
            Request::Off => None,
            Request::Request | Request::Require => Some(self.root.policy()),
        };
        let server = server_tls(upstream, request, policy, Tickets::On);
        let witness = HandshakeWitness::new();
        let (accepted, connected) = pair().await;
        let watching = Some(Arc::clone(&witness));
        let (_, outcome) = tokio::join!(
            server.accept(accepted, soon()),
            self.client
                .connect_watched(connected, HOST, soon(), watching)
        );
        (witness.seen(), outcome.is_ok())
    }
}

#[tokio::test]
async fn a_good_handshake_shows_chain_request_and_what_was_agreed() {
    let world = World::new();
    let upstream = world.root.server(&[HOST]);
    // A second one resumes nothing, though the server gives tickets: it shows the same.
    for _ in 0..2 {
        let (seen, good) = world.watch(&upstream, Request::Request).await;
        assert!(good);
        assert_eq!(
            (seen.path, seen.name),
            (Some(Ok(())), Some(NameVerdict::Matches))
        );
        assert_eq!(
            (seen.chain_length, seen.asked_name.as_deref()),
            (1, Some(HOST))
        );
        let [certificate] = seen.chain.as_slice() else {
            panic!("{seen:?}");
        };
        assert_eq!(certificate.summary.names, [HOST]);
        assert!(!certificate.common_name_only);
        let request = seen.request.unwrap();
        assert!(request.answered);
        assert_eq!(request.named, request.authorities.len());
        let agreed = seen.agreed.unwrap();
        assert!(!agreed.resumed);
        assert_eq!(
            (agreed.version, agreed.group),
            ("TLSv1.3", "X25519MLKEM768")
        );
    }
    let (seen, good) = world.watch(&upstream, Request::Off).await;
    assert!(good && seen.request.is_none());
}

#[tokio::test]
async fn a_refused_certificate_shows_both_verdicts_and_what_it_has() {
    let world = World::new();
    let stranger = Authority::root("Strangers");
    let lower = world.root.intermediate("Lower", None);
    for (upstream, path, name, length) in [
        (
            stranger.server(&["other.example"]),
            Err(UntrustedReason::UnknownIssuer),
            NameVerdict::Differs,
            1,
        ),
        (
            stranger.server(&[HOST]),
            Err(UntrustedReason::UnknownIssuer),
            NameVerdict::Matches,
            1,
        ),
        (
            lower
                .issue(&leaf(&["192.0.2.1", "other.example"]))
                .identity(),
            Ok(()),
            NameVerdict::Differs,
            2,
        ),
    ] {
        let (seen, good) = world.watch(&upstream, Request::Request).await;
        assert!(!good);
        assert_eq!((seen.path, seen.name), (Some(path), Some(name)));
        assert_eq!((seen.chain_length, seen.chain.len()), (length, length));
        assert!(
            seen.request.is_some(),
            "asked before the certificate was judged"
        );
        assert!(seen.agreed.is_none());
    }
    let (seen, _) = world
        .watch(
            &world.root.issue(&named_leaf(HOST, &[])).identity(),
            Request::Off,
        )
        .await;
    assert!(
        seen.chain
            .iter()
            .all(|certificate| certificate.common_name_only)
    );
    assert_eq!(seen.name, Some(NameVerdict::Differs));
}

#[tokio::test]
async fn what_is_no_tls_and_what_is_too_old_are_told_apart() {
    let world = World::new();
    let handshake_failure = TlsFailure::Alert(String::from("HandshakeFailure"));
    let cases: [(&[u8], TlsFailure); 3] = [
        (b"500 5.5.1 what?\r\n", TlsFailure::NotTls),
        (&[0x15, 3, 1, 0, 2, 2, 70], TlsFailure::OldVersion),
        (&[0x15, 3, 1, 0, 2, 2, 40], handshake_failure),
    ];
    for (answer, expected) in cases {
        let (mut accepted, connected) = pair().await;
        let upstream = async {
            let mut hello = [0; 5];
            accepted.read_exact(&mut hello).await.unwrap();
            let length = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
            accepted.read_exact(&mut vec![0; length]).await.unwrap();
            accepted.write_all(answer).await.unwrap();
            accepted.shutdown().await.unwrap();
        };
        let witness = HandshakeWitness::new();
        let watching = Some(Arc::clone(&witness));
        let connecting = world
            .client
            .connect_watched(connected, HOST, soon(), watching);
        let (outcome, ()) = tokio::join!(connecting, upstream);
        assert!(outcome.is_err());
        assert_eq!(witness.seen().failure, Some(expected));
    }
}
