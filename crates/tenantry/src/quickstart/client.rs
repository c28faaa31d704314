//! A client that sends one message over STARTTLS and reports every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tenantry_net::{AnonymousTls, Channel, Deadline, Stream, UpstreamTls};
use tenantry_smtp::{ClientSession, DataEncoder, Reply, Severity};
use tokio::net::{TcpSocket, TcpStream};

/// How the client proves who it is.
#[derive(Clone, Debug)]
pub(super) enum Tls {
    /// Not at all.
    Anonymous(Arc<AnonymousTls>),
    /// With a certificate.
    Certificate(Arc<UpstreamTls>),
}

/// The answers to one message.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    /// One for each recipient.
    pub(super) recipients: Vec<Reply>,
    /// The answer to the message, if it was sent.
    pub(super) message: Option<Reply>,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Envelope<'a> {
    /// MAIL FROM, without angle brackets.
    pub(super) sender: &'a str,
    /// RCPT TO, without angle brackets.
    pub(super) recipients: &'a [&'a str],
    /// The content, with CRLF line ends.
    pub(super) content: &'a [u8],
}

/// Sends one message from one address to another.
pub(super) async fn send(
    from: SocketAddr,
    to: SocketAddr,
    tls: &Tls,
    envelope: Envelope<'_>,
) -> anyhow::Result<Answers> {
    let socket = TcpSocket::new_v4()?;
    socket
        .bind(from)
        .with_context(|| format!("cannot send from {from}"))?;
    let mut client = Client::greeted(socket.connect(to).await?)
        .await?
        .secured(tls)
        .await?;
    let answers = client.message(envelope).await?;
    client.smtp.quit(&mut client.channel.output);
    client.channel.shutdown(Deadline::after("quit", WAIT)).await;
    Ok(answers)
}

struct Client {
    channel: Channel,
    smtp: ClientSession,
}

impl Client {
    async fn greeted(tcp: TcpStream) -> anyhow::Result<Self> {
        let mut client = Client {
            channel: Channel::new(Stream::Plain(tcp)),
            smtp: ClientSession::new(),
        };
        client.answer().await?;
        client.smtp.ehlo(NAME, &mut client.channel.output);
        client.answer().await?;
        Ok(client)
    }

    async fn secured(mut self, tls: &Tls) -> anyhow::Result<Self> {
        ensure!(
            self.smtp.offer().starttls,
            "the server does not offer STARTTLS"
        );
        self.smtp.starttls(&mut self.channel.output);
        self.answer().await?;
        let tcp = self.channel.into_plain()?;
        let deadline = Deadline::after("handshake", WAIT);
        let stream = match tls {
            Tls::Anonymous(tls) => tls.connect(tcp, "localhost", deadline).await?.0,
            Tls::Certificate(tls) => tls.connect(tcp, "localhost", deadline).await?.0,
        };
        self.smtp.tls_established();
        let mut client = Client {
            channel: Channel::new(stream),
            smtp: self.smtp,
        };
        client.smtp.ehlo(NAME, &mut client.channel.output);
        client.answer().await?;
        Ok(client)
    }

    async fn message(&mut self, envelope: Envelope<'_>) -> anyhow::Result<Answers> {
        let output = &mut self.channel.output;
        self.smtp
            .mail(&super::world::reverse_path(envelope.sender)?, [], output);
        for recipient in envelope.recipients {
            self.smtp
                .rcpt(&super::world::forward_path(recipient)?, [], output);
        }
        self.answer().await?;
        let mut recipients = Vec::new();
        for _recipient in envelope.recipients {
            recipients.push(self.answer().await?);
        }
        let message = match recipients
            .iter()
            .any(|reply| reply.severity() == Severity::Positive)
        {
            true => Some(self.content(envelope.content).await?),
            false => None,
        };
        Ok(Answers {
            recipients,
            message,
        })
    }

    async fn content(&mut self, content: &[u8]) -> anyhow::Result<Reply> {
        self.smtp.data(&mut self.channel.output);
        let ready = self.answer().await?;
        if ready.severity() != Severity::Intermediate {
            return Ok(ready);
        }
        let mut encoder = DataEncoder::new();
        encoder.encode(content, &mut self.channel.output)?;
        encoder.finish(&mut self.channel.output)?;
        self.smtp.content_sent();
        self.answer().await
    }

    async fn answer(&mut self) -> anyhow::Result<Reply> {
        let deadline = Deadline::after("answer", WAIT);
        self.channel.flush(deadline).await?;
        loop {
            if let Some((_sent, reply)) = self.smtp.next(&mut self.channel.input)? {
                return Ok(reply);
            }
            if self.channel.fill(deadline).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}

const NAME: &str = "client.quickstart.example";
const WAIT: Duration = Duration::from_secs(10);
