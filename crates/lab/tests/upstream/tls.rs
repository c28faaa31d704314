//! TLS: whose certificate came with which message, and handshakes that go wrong (group UT).

use std::sync::Arc;

use tenantry_lab::pki::{Authority, CertificateSpec, Issued, Validity, self_signed};
use tenantry_lab::upstream::{
    ClientCertificates, Fault, RecordingUpstream, Resumption, Security, Stage, TLS10_SERVER_HELLO,
    Tallying, UpstreamSettings,
};
use tenantry_net::{
    CertificateRequest, Channel, Deadline, HandshakeError, Identity, MinVersion, Stream, Trust,
    UpstreamTls, UpstreamTlsSettings, UpstreamTrust, Verify,
};
use tokio::net::TcpStream;

use crate::SOON;

/// An authority with an upstream's certificate.
struct World {
    authority: Authority,
    server: Issued,
}

impl World {
    fn new() -> Self {
        let authority = Authority::new("world").unwrap();
        let server = authority.server(&["upstream.example"]).unwrap();
        Self { authority, server }
    }

    fn starttls(&self) -> UpstreamSettings {
        UpstreamSettings::starttls(&self.server, &[&self.authority])
    }

    fn tenant(&self, name: &str) -> Issued {
        self.authority.client(&[name]).unwrap()
    }

    fn tls(&self, identity: &Issued) -> Arc<UpstreamTls> {
        let mut trust = Trust::builder();
        trust
            .add_pem(self.authority.certificate_pem().as_bytes())
            .unwrap();
        let identity =
            Identity::from_pem(identity.chain_pem.as_bytes(), identity.key_pem.as_bytes()).unwrap();
        UpstreamTls::new(UpstreamTlsSettings {
            identity,
            trust: UpstreamTrust::Roots(trust.build().unwrap()),
            verify: Verify::NameAndChain,
            server_name: None,
            certificate_request: CertificateRequest::Optional,
            min_version: MinVersion::default(),
        })
        .unwrap()
    }
}

fn deadline() -> Deadline {
    Deadline::after("test", SOON)
}

/// A client in the middle of a conversation.
struct Client(Channel);

impl Client {
    async fn connect(upstream: &RecordingUpstream) -> Self {
        let tcp = TcpStream::connect(upstream.address()).await.unwrap();
        Self(Channel::new(Stream::Plain(tcp)))
    }

    /// Up to TLS and the second EHLO.
    async fn secure(
        upstream: &RecordingUpstream,
        tls: &UpstreamTls,
    ) -> Result<Self, HandshakeError> {
        let mut client = Self::connect(upstream).await;
        assert!(client.reply().await.starts_with("220"));
        assert!(client.ask("EHLO x\r\n").await.contains("STARTTLS"));
        assert!(client.ask("STARTTLS\r\n").await.starts_with("220"));
        let plain = client.0.into_plain().unwrap();
        let (stream, _, _) = tls.connect(plain, "upstream.example", deadline()).await?;
        let mut client = Self(Channel::new(stream));
        assert!(!client.ask("EHLO x\r\n").await.contains("STARTTLS"));
        Ok(client)
    }

    async fn send(&mut self, text: &str) {
        self.0.output.extend_from_slice(text.as_bytes());
        self.0.flush(deadline()).await.unwrap();
    }

    async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.reply().await
    }

    /// One reply, or what there is when the connection ends.
    async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            while let Some(end) = self.0.input.iter().position(|octet| *octet == b'\n') {
                let line = self.0.input.split_to(end + 1);
                reply.push_str(&String::from_utf8_lossy(&line));
                if line.get(3) != Some(&b'-') {
                    return reply;
                }
            }
            if self.0.fill(deadline()).await.unwrap() == 0 {
                return reply;
            }
        }
    }

    async fn deliver(&mut self, sender: &str) -> String {
        let envelope = format!("MAIL FROM:<{sender}>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n");
        self.send(&envelope).await;
        let mail = self.reply().await;
        if !mail.starts_with("250") {
            return mail;
        }
        assert!(self.reply().await.starts_with("250"));
        assert!(self.reply().await.starts_with("354"));
        self.ask("Subject: x\r\n\r\nx\r\n.\r\n").await
    }
}

#[tokio::test]
async fn each_message_carries_the_certificate_of_its_very_connection() {
    let world = World::new();
    let tenants = ["a", "b"].map(|name| world.tenant(&format!("mail.tenant-{name}.example")));
    let [a, b] = &tenants;
    let settings = world.starttls().with_tenant(a, "a").with_tenant(b, "b");
    let upstream = RecordingUpstream::start(settings.with_tally(Tallying::BySender))
        .await
        .unwrap();
    let (tls_a, tls_b) = (world.tls(a), world.tls(b));
    for _ in 0..3 {
        for (tls, sender) in [(&tls_a, "x@a.example"), (&tls_b, "x@b.example")] {
            let mut client = Client::secure(&upstream, tls).await.unwrap();
            assert!(client.deliver(sender).await.starts_with("250 2.6.0"));
            assert!(client.deliver(sender).await.starts_with("250 2.6.0"));
        }
    }
    let journal = upstream.journal();
    assert_eq!(journal.await_messages(12, SOON).await.unwrap().len(), 12);
    for (certificate, tenant) in [(a, "a"), (b, "b")] {
        let messages = journal.by_tenant(tenant);
        assert_eq!(messages.len(), 6);
        assert_eq!(journal.by_certificate(&certificate.fingerprint()).len(), 6);
        for message in messages {
            assert_eq!(message.sender(), format!("x@{tenant}.example"));
            let tls = message.connection.tls().unwrap();
            let seen = tls.certificate.as_ref().unwrap();
            assert_eq!(seen.names, [format!("mail.tenant-{tenant}.example")]);
            assert_eq!((tls.version, seen.problem), ("TLSv1.3", None));
        }
    }
    let tally: Vec<_> = journal
        .tally()
        .into_iter()
        .map(|row| (row.fingerprint, row.names, row.domain, row.messages))
        .collect();
    let row = |issued: &Issued, name: &str| {
        let names = vec![format!("mail.tenant-{name}.example")];
        let domain = format!("{name}.example");
        (Some(issued.fingerprint()), names, domain, 6)
    };
    assert_eq!(tally, [row(a, "a"), row(b, "b")]);
    let totals = journal.totals();
    assert_eq!(
        (totals.handshakes, totals.resumed),
        (6, 4),
        "resumed, and still known"
    );
    let journal = upstream.stop().await;
    assert_eq!(journal.totals().open, 0);
}

#[tokio::test]
async fn without_resumption_every_handshake_is_full() {
    let world = World::new();
    let tls = world.tls(&world.tenant("a.example"));
    let mut settings = world.starttls();
    if let Security::Starttls(tls) = &mut settings.security {
        tls.resumption = Resumption::Off;
    }
    let upstream = RecordingUpstream::start(settings).await.unwrap();
    for _ in 0..3 {
        let mut client = Client::secure(&upstream, &tls).await.unwrap();
        client.deliver("x@a.example").await;
    }
    let totals = upstream.stop().await.totals();
    assert_eq!(
        (totals.handshakes, totals.resumed, totals.delivered),
        (3, 0, 3)
    );
}

#[tokio::test]
async fn mail_is_refused_without_tls_and_without_a_certificate_that_verifies() {
    let world = World::new();
    let stranger = Authority::new("stranger").unwrap();
    let spec = CertificateSpec::client(&["a.example"]);
    let expired = spec.clone().with_validity(Validity::Expired);
    let problems = [
        ("unknown-issuer", stranger.issue(&spec).unwrap()),
        ("expired", world.authority.issue(&expired).unwrap()),
        ("self-signed", self_signed(&spec).unwrap()),
    ];
    for (problem, certificate) in problems {
        let upstream = RecordingUpstream::start(world.starttls()).await.unwrap();
        let mut client = Client::connect(&upstream).await;
        client.reply().await;
        client.ask("EHLO x\r\n").await;
        assert!(
            client
                .ask("MAIL FROM:<x@a.example>\r\n")
                .await
                .starts_with("530 5.7.0")
        );
        let tls = world.tls(&certificate);
        let mut client = Client::secure(&upstream, &tls).await.unwrap();
        assert!(
            client
                .deliver("x@a.example")
                .await
                .starts_with("550 5.7.64")
        );
        let journal = upstream.stop().await;
        let connections = journal.connections();
        let tls = connections.last().unwrap().tls().unwrap();
        let seen = tls.certificate.as_ref().unwrap();
        assert_eq!(&*seen.fingerprint, certificate.fingerprint());
        assert_eq!((seen.problem, seen.names.len()), (Some(problem), 0));
        assert_eq!(
            (journal.totals().unverified, journal.totals().delivered),
            (1, 0)
        );
    }
}

#[tokio::test]
async fn an_upstream_may_ask_for_nothing_or_take_anything() {
    let world = World::new();
    let certificate = world.tenant("a.example");
    let tls = world.tls(&certificate);
    for (demand, expected) in [
        (ClientCertificates::Off, None),
        (ClientCertificates::Request, Some(certificate.fingerprint())),
    ] {
        let upstream = RecordingUpstream::start(world.starttls().demanding(demand))
            .await
            .unwrap();
        let mut client = Client::secure(&upstream, &tls).await.unwrap();
        assert!(client.deliver("x@a.example").await.starts_with("250"));
        let messages = upstream.stop().await.messages();
        let message = messages.first().unwrap();
        assert_eq!(message.fingerprint(), expected.as_deref());
    }
}

#[tokio::test]
async fn implicit_tls_greets_inside() {
    let world = World::new();
    let tls = world.tls(&world.tenant("a.example"));
    let settings = UpstreamSettings::implicit(&world.server, &[&world.authority]);
    let upstream = RecordingUpstream::start(settings).await.unwrap();
    let tcp = TcpStream::connect(upstream.address()).await.unwrap();
    let (stream, _, _) = tls
        .connect(tcp, "upstream.example", deadline())
        .await
        .unwrap();
    let mut client = Client(Channel::new(stream));
    assert!(client.reply().await.starts_with("220"));
    assert!(!client.ask("EHLO x\r\n").await.contains("STARTTLS"));
    assert!(client.deliver("x@a.example").await.starts_with("250"));
    assert!(client.ask("QUIT\r\n").await.starts_with("221"));
    upstream.stop().await;
}

#[tokio::test]
async fn starttls_can_be_refused_poisoned_or_left_out() {
    let world = World::new();
    let refuse = Fault::at(Stage::Starttls).answer("454 4.7.0 no TLS\r\n");
    let upstream = RecordingUpstream::start(world.starttls().with_fault(refuse))
        .await
        .unwrap();
    let mut client = Client::connect(&upstream).await;
    client.reply().await;
    client.ask("EHLO x\r\n").await;
    assert!(client.ask("STARTTLS\r\n").await.starts_with("454"));
    assert!(
        client.ask("NOOP\r\n").await.starts_with("250"),
        "the session goes on in clear text"
    );

    let poison = Fault::at(Stage::Starttls).inject("250 injected\r\n");
    let upstream = RecordingUpstream::start(world.starttls().with_fault(poison))
        .await
        .unwrap();
    let mut client = Client::connect(&upstream).await;
    client.reply().await;
    client.ask("EHLO x\r\n").await;
    assert!(client.ask("STARTTLS\r\n").await.starts_with("220"));
    assert_eq!(client.reply().await, "250 injected\r\n");

    let upstream = RecordingUpstream::start(UpstreamSettings::plain())
        .await
        .unwrap();
    let mut client = Client::connect(&upstream).await;
    client.reply().await;
    assert!(!client.ask("EHLO x\r\n").await.contains("STARTTLS"));
    assert!(client.ask("STARTTLS\r\n").await.starts_with("503"));
}

#[tokio::test]
async fn handshakes_can_fail_in_every_way() {
    let world = World::new();
    let tls = world.tls(&world.tenant("a.example"));
    for fault in [
        Fault::at(Stage::Handshake).answer("554 this is no TLS\r\n"),
        Fault::at(Stage::Handshake).answer(TLS10_SERVER_HELLO),
        Fault::at(Stage::Handshake).silent().close(),
        Fault::at(Stage::Handshake).silent().reset(),
        Fault::at(Stage::Handshake).close(),
    ] {
        let settings = world.starttls().with_fault(fault.clone());
        let upstream = RecordingUpstream::start(settings).await.unwrap();
        let failed = Client::secure(&upstream, &tls).await;
        assert!(failed.is_err(), "{fault:?}");
        let totals = upstream.stop().await.totals();
        assert_eq!((totals.handshakes, totals.mails), (0, 0), "{fault:?}");
    }
}

#[tokio::test]
async fn faults_can_be_for_one_certificate_alone() {
    let world = World::new();
    let (a, b) = (world.tenant("a.example"), world.tenant("b.example"));
    let fault = Fault::at(Stage::Mail)
        .answer("550 5.7.1 not you\r\n")
        .for_certificate(a.fingerprint());
    let settings = world.starttls().with_fault(fault);
    let upstream = RecordingUpstream::start(settings).await.unwrap();
    for (certificate, expected) in [(&a, "550 5.7.1"), (&b, "250 2.6.0")] {
        let tls = world.tls(certificate);
        let mut client = Client::secure(&upstream, &tls).await.unwrap();
        assert!(client.deliver("x@a.example").await.starts_with(expected));
    }
    assert_eq!(upstream.stop().await.messages().len(), 1);
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_does_not_keep_the_upstream() {
    let world = World::new();
    let settings = UpstreamSettings::implicit(&world.server, &[&world.authority]);
    let upstream = RecordingUpstream::start(settings).await.unwrap();
    let silent = TcpStream::connect(upstream.address()).await.unwrap();
    let journal = upstream.journal();
    let open = journal.await_totals("a connection", SOON, |totals| totals.open == 1);
    open.await.unwrap();
    let stopped = tokio::time::timeout(SOON, upstream.stop()).await.unwrap();
    assert_eq!(stopped.totals().open, 0);
    drop(silent);
}
