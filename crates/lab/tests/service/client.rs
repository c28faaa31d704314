//! A client that says what it is told, in clear text or TLS, from an address of its choice.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tenantry_lab::pki::Issued;
use tenantry_net::{
    AnonymousTls, CertificateRequest, Channel, ChannelError, Deadline, Identity, MinVersion,
    Stream, UpstreamTls, UpstreamTlsSettings, UpstreamTrust, Verify,
};
use tokio::net::TcpSocket;

use crate::SOON;

pub(crate) struct Client(pub(crate) Channel);

/// TLS with a client certificate, whoever the server is.
pub(crate) fn tls_with(identity: &Issued) -> Arc<UpstreamTls> {
    let identity =
        Identity::from_pem(identity.chain_pem.as_bytes(), identity.key_pem.as_bytes()).unwrap();
    UpstreamTls::new(UpstreamTlsSettings {
        identity,
        trust: UpstreamTrust::System,
        verify: Verify::None,
        server_name: None,
        certificate_request: CertificateRequest::Required,
        min_version: MinVersion::default(),
    })
    .unwrap()
}

pub(crate) fn deadline() -> Deadline {
    Deadline::after("test", SOON)
}

impl Client {
    /// Connects and says nothing, nor hears anything.
    pub(crate) async fn connect(from: IpAddr, to: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        let tcp = socket.connect(to).await.unwrap();
        Self(Channel::new(Stream::Plain(tcp)))
    }

    /// Up to EHLO, in clear text.
    pub(crate) async fn greeted(from: IpAddr, to: SocketAddr) -> Self {
        let mut client = Self::connect(from, to).await;
        client.expect("220 ").await;
        client.ask("EHLO client.example", "250-").await;
        client
    }

    /// Up to EHLO, in TLS.
    pub(crate) async fn secure(from: IpAddr, to: SocketAddr, identity: Option<&Issued>) -> Self {
        let mut client = Self::greeted(from, to).await;
        client.ask("STARTTLS", "220 2.0.0 SMTP server ready").await;
        let plain = client.0.into_plain().unwrap();
        let stream = match identity {
            Some(identity) => {
                let tls = tls_with(identity);
                let connected = tls.connect(plain, "lab.example", deadline()).await;
                connected.unwrap().0
            }
            None => {
                let tls = AnonymousTls::new(&UpstreamTrust::System, Verify::None, None).unwrap();
                let connected = tls.connect(plain, "lab.example", deadline()).await;
                connected.unwrap().0
            }
        };
        let mut client = Self(Channel::new(stream));
        client.ask("EHLO client.example", "250-").await;
        client
    }

    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.0.output.extend_from_slice(octets.as_ref());
        self.0.flush(deadline()).await.unwrap();
    }

    /// Sends a line and gives the reply, which must begin as expected.
    pub(crate) async fn ask(&mut self, line: &str, expected: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        self.expect(expected).await
    }

    pub(crate) async fn expect(&mut self, expected: &str) -> String {
        let reply = self.reply().await;
        assert!(
            reply.starts_with(expected),
            "expected {expected:?}, got {reply:?}"
        );
        reply
    }

    /// One reply, or nothing when the connection ends, in whatever way.
    pub(crate) async fn reply_or_end(&mut self) -> String {
        loop {
            if let Some(end) = self.0.input.iter().position(|octet| *octet == b'\n') {
                let line = self.0.input.split_to(end + 1);
                return String::from_utf8_lossy(&line).into_owned();
            }
            match self.0.fill(deadline()).await {
                Ok(0) | Err(_) => return String::new(),
                Ok(_) => {}
            }
        }
    }

    /// One reply, or what there is when the connection ends.
    pub(crate) async fn reply(&mut self) -> String {
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

    /// What still comes until the server ends the connection, and how it ends it.
    pub(crate) async fn rest(&mut self) -> (String, Result<(), ChannelError>) {
        let ended = loop {
            match self.0.fill(deadline()).await {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        let text = String::from_utf8_lossy(&self.0.input).into_owned();
        (text, ended)
    }

    /// MAIL and RCPT; gives the reply to each recipient.
    pub(crate) async fn envelope(&mut self, mail_from: &str, rcpts: &[&str]) -> Vec<String> {
        self.ask(&format!("MAIL FROM:<{mail_from}>"), "250 2.1.0 Sender OK")
            .await;
        let mut replies = Vec::new();
        for rcpt in rcpts {
            replies.push(self.ask(&format!("RCPT TO:<{rcpt}>"), "").await);
        }
        replies
    }

    /// DATA with a content that needs no stuffing; gives the final reply.
    pub(crate) async fn content(&mut self, content: &str) -> String {
        self.ask("DATA", "354 Start mail input; end with <CRLF>.<CRLF>")
            .await;
        self.ask(&format!("{content}\r\n."), "").await
    }

    /// A whole message; gives the final reply.
    pub(crate) async fn message(&mut self, mail_from: &str, rcpts: &[&str]) -> String {
        for reply in self.envelope(mail_from, rcpts).await {
            assert!(reply.starts_with("250 2.1.5 Recipient OK"), "{reply}");
        }
        self.content(MESSAGE).await
    }
}

/// A small message; what is received has a CRLF more.
pub(crate) const MESSAGE: &str =
    "Message-ID: <1@client.example>\r\nSubject: test\r\n\r\nHello world.";
