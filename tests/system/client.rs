//! A client that says exactly what it is told to: raw octets in chosen pieces, over plain TCP or TLS.

use std::fmt;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tenantry_lab::pki::{Authority, Issued};
use tenantry_net::{
    AnonymousTls, CertificateRequest, Channel, ChannelError, Deadline, Identity, MinVersion,
    Stream, Trust, UpstreamTls, UpstreamTlsSettings, UpstreamTrust, Verify,
};
use tokio::net::TcpSocket;

/// The longest that any step of a test may take; what is waited for comes much sooner.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Where clients of a peer connect from, unless a test says otherwise.
pub(crate) const PEER: &str = "127.0.0.1";

/// Where clients connect from that are nobody's peer.
pub(crate) const STRANGER: &str = "127.9.9.9";

/// One connection to the relay.
#[derive(Debug)]
pub(crate) struct Client {
    channel: Channel,
}

/// How a client does TLS.
#[derive(Clone, Debug)]
pub(crate) enum Tls {
    /// Without a certificate.
    Anonymous(Arc<AnonymousTls>),
    /// With one.
    Certificate(Arc<UpstreamTls>),
}

/// A reply of the relay.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its code.
    pub(crate) code: u16,
    /// The text of every line, enhanced code included.
    pub(crate) lines: Vec<String>,
}

/// What a message should look like on its way in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Envelope<'a> {
    /// MAIL FROM, without angle brackets.
    pub(crate) sender: &'a str,
    /// RCPT TO, without angle brackets.
    pub(crate) recipients: &'a [&'a str],
}

impl Tls {
    /// Without a client certificate, trusting this authority.
    pub(crate) fn anonymous(authority: &Authority) -> Self {
        Tls::Anonymous(
            AnonymousTls::new(&trust(authority), Verify::NameAndChain, Some(SERVER)).unwrap(),
        )
    }

    /// With a client certificate, good or bad.
    pub(crate) fn with(authority: &Authority, certificate: &Issued) -> Self {
        Tls::versioned(authority, certificate, MinVersion::default())
    }

    /// With a client certificate and a lowest version.
    pub(crate) fn versioned(
        authority: &Authority,
        certificate: &Issued,
        min_version: MinVersion,
    ) -> Self {
        let identity = Identity::from_pem(
            certificate.chain_pem.as_bytes(),
            certificate.key_pem.as_bytes(),
        );
        let tls = UpstreamTls::new(UpstreamTlsSettings {
            identity: identity.unwrap(),
            trust: trust(authority),
            verify: Verify::NameAndChain,
            server_name: Some(SERVER.to_owned()),
            certificate_request: CertificateRequest::Optional,
            min_version,
        });
        Tls::Certificate(tls.unwrap())
    }
}

impl Client {
    /// Connects from an address of this host's loopback; reads nothing yet.
    pub(crate) async fn connect(from: &str, to: SocketAddr) -> Self {
        let from: IpAddr = from.parse().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from, 0)).unwrap();
        let tcp = socket.connect(to).await.unwrap();
        Client {
            channel: Channel::new(Stream::Plain(tcp)),
        }
    }

    /// Connects and waits for the greeting.
    pub(crate) async fn greeted(from: &str, to: SocketAddr) -> Self {
        let mut client = Client::connect(from, to).await;
        client.expect(220).await;
        client
    }

    /// Connects and says EHLO.
    pub(crate) async fn ehlo(from: &str, to: SocketAddr) -> Self {
        let mut client = Client::greeted(from, to).await;
        client.says("EHLO client.example", 250).await;
        client
    }

    /// Connects, begins TLS with STARTTLS and says EHLO inside.
    pub(crate) async fn starttls(from: &str, to: SocketAddr, tls: &Tls) -> Self {
        let mut client = Client::ehlo(from, to).await;
        client.says("STARTTLS", 220).await;
        let mut client = client.secured(tls).await.unwrap();
        client.says("EHLO client.example", 250).await;
        client
    }

    /// Connects with TLS from the first octet and says EHLO.
    pub(crate) async fn implicit(from: &str, to: SocketAddr, tls: &Tls) -> Self {
        let client = Client::connect(from, to).await;
        let mut client = client.secured(tls).await.unwrap();
        client.expect(220).await;
        client.says("EHLO client.example", 250).await;
        client
    }

    /// Performs a TLS handshake now. An error is the handshake's, in words.
    pub(crate) async fn secured(self, tls: &Tls) -> Result<Self, String> {
        let tcp = self
            .channel
            .into_plain()
            .map_err(|leftover| leftover.to_string())?;
        let deadline = Deadline::after("client handshake", PATIENCE);
        let connected = match tls {
            Tls::Anonymous(tls) => tls
                .connect(tcp, SERVER, deadline)
                .await
                .map(|(stream, _)| stream),
            Tls::Certificate(tls) => tls
                .connect(tcp, SERVER, deadline)
                .await
                .map(|(stream, _, _)| stream),
        };
        let stream = connected.map_err(|error| error.to_string())?;
        Ok(Client {
            channel: Channel::new(stream),
        })
    }

    /// Sends octets in one write: one segment, or one TLS record, if they fit.
    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.try_send(octets).await.unwrap();
    }

    /// As [`Client::send`], for a relay that may have closed already.
    pub(crate) async fn try_send(&mut self, octets: impl AsRef<[u8]>) -> Result<(), ChannelError> {
        self.channel.output.extend_from_slice(octets.as_ref());
        self.channel
            .flush(Deadline::after("client write", PATIENCE))
            .await
    }

    /// Sends pieces in a write each, with a pause between them, which is part of what is being tested.
    pub(crate) async fn send_pieces(&mut self, pieces: &[&[u8]], pause: Duration) {
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                tokio::time::sleep(pause).await;
            }
            self.send(piece).await;
        }
    }

    /// The next reply.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.try_answer()
            .await
            .expect("the relay closed the connection instead of answering")
    }

    /// The next reply, or `None` when the relay closed the connection.
    pub(crate) async fn try_answer(&mut self) -> Option<Answer> {
        loop {
            if let Some(answer) = parse(&mut self.channel.input) {
                return Some(answer);
            }
            if self.fill().await == 0 {
                assert!(
                    self.channel.input.is_empty(),
                    "the relay closed in the middle of a reply: {:?}",
                    self.channel.input
                );
                return None;
            }
        }
    }

    /// The next reply, or `None` when the relay ended the connection instead, perhaps with a TLS alert.
    pub(crate) async fn try_answer_or_alert(&mut self) -> Option<Answer> {
        loop {
            if let Some(answer) = parse(&mut self.channel.input) {
                return Some(answer);
            }
            let filled = self.channel.fill(Deadline::after("answer", PATIENCE)).await;
            if !filled.is_ok_and(|octets| octets > 0) {
                return None;
            }
        }
    }

    /// The next reply, which must have this code.
    pub(crate) async fn expect(&mut self, code: u16) -> Answer {
        let answer = self.answer().await;
        assert_eq!(answer.code, code, "{answer:?}");
        answer
    }

    /// Sends a command line and waits for its reply.
    pub(crate) async fn command(&mut self, line: impl AsRef<[u8]>) -> Answer {
        let mut octets = line.as_ref().to_vec();
        octets.extend_from_slice(b"\r\n");
        self.send(octets).await;
        self.answer().await
    }

    /// Sends a command line, whose reply must have this code.
    pub(crate) async fn says(&mut self, line: impl AsRef<[u8]>, code: u16) -> Answer {
        let line = line.as_ref();
        let answer = self.command(line).await;
        assert_eq!(
            answer.code,
            code,
            "{answer:?} to {}",
            line.escape_ascii().to_string().get(..80).unwrap_or("...")
        );
        answer
    }

    /// MAIL, RCPT and DATA, all of which must be accepted.
    pub(crate) async fn open(&mut self, envelope: Envelope<'_>) {
        self.says(format!("MAIL FROM:<{}>", envelope.sender), 250)
            .await;
        for recipient in envelope.recipients {
            self.says(format!("RCPT TO:<{recipient}>"), 250).await;
        }
        self.says("DATA", 354).await;
    }

    /// Sends a whole message as it is, dots and end of data included, and gives the reply to it.
    pub(crate) async fn message(
        &mut self,
        envelope: Envelope<'_>,
        raw: impl AsRef<[u8]>,
    ) -> Answer {
        self.open(envelope).await;
        self.send(raw).await;
        self.answer().await
    }

    /// Whether the relay has closed the connection or said something by now.
    pub(crate) fn is_closed(&mut self) -> bool {
        !self.channel.is_quiet()
    }

    /// Everything that the relay says until it closes the connection, which it must.
    pub(crate) async fn until_closed(&mut self) -> Vec<u8> {
        while self.fill().await > 0 {}
        // So that the relay need not wait for our side of the goodbye; it may be gone already.
        let _ = socket2::SockRef::from(self.channel.stream().tcp()).shutdown(Shutdown::Write);
        self.channel.input.split().to_vec()
    }

    /// The replies until the relay closes the connection, which it must.
    pub(crate) async fn answers_until_closed(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.try_answer().await {
            answers.push(answer);
        }
        self.until_closed().await;
        answers
    }

    /// The relay must close the connection now, without another word.
    pub(crate) async fn expect_closed(&mut self) {
        let rest = self.until_closed().await;
        assert!(
            rest.is_empty(),
            "instead of closing, the relay said {:?}",
            rest.escape_ascii().to_string()
        );
    }

    /// Waits until at least so many octets of replies have arrived, without taking them.
    pub(crate) async fn await_octets(&mut self, octets: usize) -> &[u8] {
        while self.channel.input.len() < octets && self.fill().await > 0 {}
        &self.channel.input
    }

    /// QUIT, and the end of the connection.
    pub(crate) async fn quit(mut self) {
        self.says("QUIT", 221).await;
        self.expect_closed().await;
    }

    /// Closes without a word.
    pub(crate) fn vanish(self) {
        self.channel.abort();
    }

    /// Resets the connection (TCP RST).
    pub(crate) fn reset(self) {
        self.channel
            .stream()
            .tcp()
            .set_zero_linger()
            .expect("the system can reset connections");
        self.channel.abort();
    }

    /// Closes our side alone; the relay can still answer.
    pub(crate) fn half_close(&self) {
        socket2::SockRef::from(self.channel.stream().tcp())
            .shutdown(Shutdown::Write)
            .unwrap();
    }

    /// Waits for octets from the relay; a reset counts as the end.
    async fn fill(&mut self) -> usize {
        match self
            .channel
            .fill(Deadline::after("answer of the relay", PATIENCE))
            .await
        {
            Ok(octets) => octets,
            Err(ChannelError::Disconnected(_)) => 0,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Answer {
    /// The enhanced code, if every line begins with the same one.
    pub(crate) fn enhanced(&self) -> Option<&str> {
        let first = self.lines.first()?.split(' ').next()?;
        let shape = first.split('.').count() == 3
            && first
                .chars()
                .all(|character| character.is_ascii_digit() || character == '.');
        let everywhere = self.lines.iter().all(|line| line.starts_with(first));
        (shape && everywhere).then_some(first)
    }

    /// All lines, one after the other.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// The reply must be this code and enhanced code: `550 5.7.64`.
    #[track_caller]
    pub(crate) fn is(&self, wanted: &str) {
        let found = format!("{} {}", self.code, self.enhanced().unwrap_or_default());
        assert_eq!(found.trim_end(), wanted, "{self:?}");
    }

    /// Whether it is a permanent refusal.
    pub(crate) fn is_permanent(&self) -> bool {
        (500..600).contains(&self.code)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.code, self.lines)
    }
}

/// Takes one reply from the input; independent of the relay's own parser, and strict.
fn parse(input: &mut BytesMut) -> Option<Answer> {
    let mut lines = Vec::new();
    let mut rest: &[u8] = input;
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        assert!(
            // RFC 5321 section 4.5.3.1.5, with the CRLF.
            (3..=510).contains(&line.len())
                && line
                    .iter()
                    .all(|octet| (b' '..=b'~').contains(octet) || *octet == b'\t'),
            "a bad reply line: {}",
            line.escape_ascii()
        );
        let line = std::str::from_utf8(line).unwrap();
        let (code, text) = line.split_at(3);
        let last = !text.starts_with('-');
        lines.push(text.get(1..).unwrap_or_default().to_owned());
        if last {
            let code = code.parse().unwrap();
            let taken = input.len() - rest.len();
            input.advance(taken);
            return Some(Answer { code, lines });
        }
    }
}

fn trust(authority: &Authority) -> UpstreamTrust {
    let mut builder = Trust::builder();
    builder
        .add_pem(authority.certificate_pem().as_bytes())
        .unwrap();
    UpstreamTrust::Roots(builder.build().unwrap())
}

/// The name on the relay's and the upstreams' certificates.
const SERVER: &str = "localhost";
