//! A client that hands in one message and tells every answer.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tenantry_net::{
    AnonymousTls, CertificateRequest, Channel, Deadline, Identity, MinVersion, Stream, Trust,
    UpstreamTls, UpstreamTlsSettings, UpstreamTrust, Verify,
};
use tokio::net::TcpSocket;

/// One message.
pub(crate) struct Delivery<'a> {
    pub(crate) from: IpAddr,
    pub(crate) to: SocketAddr,
    /// The name that the server's certificate must have.
    pub(crate) name: &'a str,
    /// The folder with `authority.pem`, if TLS is wanted.
    pub(crate) tls: Option<&'a Path>,
    /// The certificate's file without ending.
    pub(crate) certificate: Option<&'a Path>,
    pub(crate) mail_from: &'a str,
    pub(crate) rcpt_to: &'a [String],
    pub(crate) content: &'a str,
}

/// The answers to RCPT, and to the content if some recipient was taken.
pub(crate) struct Answers {
    pub(crate) recipients: Vec<String>,
    pub(crate) content: Option<String>,
}

impl Delivery<'_> {
    pub(crate) async fn send(&self) -> Answers {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(self.from, 0)).unwrap();
        let tcp = socket.connect(self.to).await.unwrap();
        let mut channel = Channel::new(Stream::Plain(tcp));
        answer(&mut channel).await;
        ask(&mut channel, EHLO).await;
        if let Some(pki) = self.tls {
            let ready = ask(&mut channel, "STARTTLS").await;
            assert!(ready.starts_with("220"), "{ready}");
            channel = Channel::new(self.handshake(channel, pki).await);
            ask(&mut channel, EHLO).await;
        }
        let mail = format!("MAIL FROM:<{}>", self.mail_from);
        let sender = ask(&mut channel, &mail).await;
        assert!(sender.starts_with("250 2.1.0"), "{sender}");
        let mut recipients = Vec::new();
        for rcpt in self.rcpt_to {
            recipients.push(ask(&mut channel, &format!("RCPT TO:<{rcpt}>")).await);
        }
        let mut content = None;
        if recipients.iter().any(|reply| reply.starts_with("250")) {
            let ready = ask(&mut channel, "DATA").await;
            assert!(ready.starts_with("354"), "{ready}");
            content = Some(ask(&mut channel, &format!("{}\r\n.", self.content)).await);
        }
        ask(&mut channel, "QUIT").await;
        Answers {
            recipients,
            content,
        }
    }

    /// The server's name and chain must be right, as the relay wants them.
    async fn handshake(&self, channel: Channel, pki: &Path) -> Stream {
        let plain = channel.into_plain().unwrap();
        let mut roots = Trust::builder();
        roots.add_pem_file(&pki.join("authority.pem")).unwrap();
        let trust = UpstreamTrust::Roots(roots.build().unwrap());
        let deadline = Deadline::after("handshake", SOON);
        match self.certificate {
            None => {
                let tls = AnonymousTls::new(&trust, Verify::NameAndChain, None).unwrap();
                tls.connect(plain, self.name, deadline).await.unwrap().0
            }
            Some(stem) => {
                let chain = std::fs::read(stem.with_extension("pem")).unwrap();
                let key = std::fs::read(stem.with_extension("key")).unwrap();
                let tls = UpstreamTls::new(UpstreamTlsSettings {
                    identity: Identity::from_pem(&chain, &key).unwrap(),
                    trust,
                    verify: Verify::NameAndChain,
                    server_name: None,
                    certificate_request: CertificateRequest::Required,
                    min_version: MinVersion::default(),
                });
                let connected = tls.unwrap().connect(plain, self.name, deadline).await;
                connected.unwrap().0
            }
        }
    }
}

async fn ask(channel: &mut Channel, line: &str) -> String {
    channel.output.extend_from_slice(line.as_bytes());
    channel.output.extend_from_slice(b"\r\n");
    answer(channel).await
}

/// The last line of a reply.
async fn answer(channel: &mut Channel) -> String {
    let deadline = Deadline::after("answer", SOON);
    channel.flush(deadline).await.unwrap();
    loop {
        while let Some(end) = channel.input.iter().position(|octet| *octet == b'\n') {
            let line = channel.input.split_to(end + 1);
            if line.get(3) == Some(&b' ') {
                return String::from_utf8_lossy(&line).trim_end().to_owned();
            }
        }
        let more = channel.fill(deadline).await.unwrap();
        assert!(more > 0, "the connection ended");
    }
}

const EHLO: &str = "EHLO client.example";
const SOON: Duration = Duration::from_secs(20);
