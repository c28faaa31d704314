//! One connection and the messages on it, every phase timed.
//!
//! It is a client that measures, not one that delivers: no retries, no fall-backs, and what the
//! target does wrong is an outcome.

mod transaction;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, BytesMut};
use tenantry_net::{Channel, ChannelError, Deadline, DialError, LoadTls, Resume, Stream, dial};
use tenantry_smtp::{Offer, Reply, ReplyParser, Severity};

use crate::content::Body;
use crate::plan::{Session, TlsMode, Transfer};
use crate::result::{At, Phase};

/// A connection that can take messages.
#[derive(Debug)]
pub(crate) struct Client {
    channel: Channel,
    replies: ReplyParser,
    offer: Offer,
    timeout: Duration,
}

/// How to get a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door<'d> {
    pub(crate) address: SocketAddr,
    pub(crate) host: &'d str,
    pub(crate) hello: &'d str,
    pub(crate) mode: TlsMode,
    pub(crate) tls: &'d Arc<LoadTls>,
    pub(crate) resume: Resume,
    pub(crate) session: Session,
}

/// What is sent: the addresses are written between their brackets already.
#[derive(Debug, Default)]
pub(crate) struct Letter {
    pub(crate) sender: BytesMut,
    pub(crate) recipients: Vec<BytesMut>,
    pub(crate) body: Body,
}

/// How long the phases took.
#[derive(Debug, Default)]
pub(crate) struct Timings(pub(crate) Vec<(Phase, Duration)>);

/// How a message ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Accepted, with so many recipients.
    Accepted { recipients: u32, reply: Reply },
    /// Not accepted.
    Reply(At, Reply),
    /// Nobody knows.
    Failed(Fault),
}

/// Why a connection is no good.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) text: String,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FaultKind {
    /// No TCP connection.
    Connect,
    /// No TLS.
    Tls,
    /// No reply in time.
    Timeout,
    /// The connection went away.
    Lost,
    /// What came is no SMTP.
    Protocol,
    /// The time was over before it was answered.
    Unfinished,
}

/// Whether a connection can take another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Usable,
    Over,
}

impl FaultKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::Protocol => "protocol",
            Self::Unfinished => "unfinished",
        }
    }
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    fn of(error: &ChannelError) -> Self {
        let kind = match error {
            ChannelError::Timeout(_) => FaultKind::Timeout,
            ChannelError::Disconnected(_) | ChannelError::Io(_) => FaultKind::Lost,
            ChannelError::Alert(_) | ChannelError::Tls(_) => FaultKind::Tls,
            ChannelError::InputFull(_) => FaultKind::Protocol,
        };
        Self::new(kind, error.to_string())
    }
}

impl Timings {
    fn took(&mut self, phase: Phase, since: Instant) {
        self.0.push((phase, since.elapsed()));
    }
}

impl Client {
    /// Connects, greets, and starts TLS.
    pub(crate) async fn open(door: Door<'_>, timings: &mut Timings) -> Result<Self, Ended> {
        let deadline = Deadline::after("connecting", door.session.connect_timeout);
        let since = Instant::now();
        let tcp = dial(door.address, deadline).await.map_err(|error| {
            let kind = match error {
                DialError::Timeout(_) => FaultKind::Timeout,
                DialError::Io { .. } => FaultKind::Connect,
            };
            Ended::Failed(Fault::new(kind, error.to_string()))
        })?;
        timings.took(Phase::Connect, since);
        let stream = match door.mode {
            TlsMode::Implicit => secured(tcp, door, timings).await?,
            TlsMode::Off | TlsMode::Starttls => Stream::Plain(tcp),
        };
        let mut client = Self {
            channel: Channel::new(stream),
            replies: ReplyParser::new(),
            offer: Offer::default(),
            timeout: door.session.connect_timeout,
        };
        let since = Instant::now();
        client.expect(At::Greeting, Severity::Positive).await?;
        timings.took(Phase::Greeting, since);
        client.ehlo(door.hello, timings).await?;
        if door.mode == TlsMode::Starttls {
            client = client.starttls(door, timings).await?;
        }
        client.timeout = door.session.reply_timeout;
        Ok(client)
    }

    async fn ehlo(&mut self, hello: &str, timings: &mut Timings) -> Result<(), Ended> {
        let since = Instant::now();
        self.channel.output.put_slice(b"EHLO ");
        self.channel.output.put_slice(hello.as_bytes());
        self.channel.output.put_slice(b"\r\n");
        let reply = self.expect(At::Ehlo, Severity::Positive).await?;
        timings.took(Phase::Ehlo, since);
        self.offer = Offer::parse(&reply);
        Ok(())
    }

    async fn starttls(mut self, door: Door<'_>, timings: &mut Timings) -> Result<Self, Ended> {
        if !self.offer.starttls {
            let what = "the target does not offer STARTTLS";
            return Err(Ended::Failed(Fault::new(FaultKind::Tls, what)));
        }
        let since = Instant::now();
        self.channel.output.put_slice(b"STARTTLS\r\n");
        self.expect(At::Starttls, Severity::Positive).await?;
        timings.took(Phase::Starttls, since);
        let tcp = self
            .channel
            .into_plain()
            .map_err(|error| Ended::Failed(Fault::new(FaultKind::Protocol, error.to_string())))?;
        let stream = secured(tcp, door, timings).await?;
        let mut client = Self {
            channel: Channel::new(stream),
            ..self
        };
        client.ehlo(door.hello, timings).await?;
        Ok(client)
    }

    /// Whether the target has neither said anything nor hung up since the last message.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.channel.is_quiet()
    }

    /// Gives up what a waiting connection does not need.
    pub(crate) fn rest(&mut self) {
        self.channel.rest();
    }

    /// How content goes here.
    pub(crate) fn transfer(&self, wanted: Transfer) -> Transfer {
        match wanted {
            Transfer::Bdat if self.offer.chunking => Transfer::Bdat,
            Transfer::Bdat | Transfer::Data => Transfer::Data,
        }
    }

    /// Sends a message, and says how it ended and whether the connection is still good.
    pub(crate) async fn send(
        &mut self,
        letter: &Letter,
        session: &Session,
        timings: &mut Timings,
    ) -> (Ended, Then) {
        let since = Instant::now();
        let ended = match self.transaction(letter, session, timings).await {
            Ok(ended) | Err(ended) => ended,
        };
        match &ended {
            Ended::Accepted { .. } => {
                timings.took(Phase::Message, since);
                (ended, Then::Usable)
            }
            Ended::Failed(_) => (ended, Then::Over),
            Ended::Reply(_, reply) if reply.code() == CLOSING => (ended, Then::Over),
            Ended::Reply(At::Content, _) => (ended, Then::Usable),
            Ended::Reply(..) => {
                let then = self.reset().await;
                (ended, then)
            }
        }
    }

    /// Ends a transaction that did not end itself.
    async fn reset(&mut self) -> Then {
        self.channel.output.put_slice(b"RSET\r\n");
        match self.reply().await {
            Ok(reply) if reply.severity() == Severity::Positive => Then::Usable,
            Ok(_) | Err(_) => Then::Over,
        }
    }

    /// Says good-bye, and waits a moment for the answer.
    pub(crate) async fn quit(mut self) {
        self.timeout = FAREWELL;
        self.channel.output.put_slice(b"QUIT\r\n");
        // Whatever is answered, or not: the connection is over.
        let _ = self.reply().await;
        self.channel
            .shutdown(Deadline::after("closing", FAREWELL))
            .await;
    }

    /// The next reply, which has to be of this severity; a refusal is how the message ended.
    async fn expect(&mut self, at: At, wanted: Severity) -> Result<Reply, Ended> {
        let reply = self.reply().await?;
        match (reply.severity(), wanted) {
            (found, wanted) if found == wanted => Ok(reply),
            (Severity::Transient | Severity::Permanent, _) => Err(Ended::Reply(at, reply)),
            (Severity::Positive | Severity::Intermediate, _) => Err(unexpected(at, &reply)),
        }
    }

    async fn reply(&mut self) -> Result<Reply, Ended> {
        self.flush().await?;
        loop {
            match self.replies.next(&mut self.channel.input) {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(error) => {
                    let fault = Fault::new(FaultKind::Protocol, error.to_string());
                    return Err(Ended::Failed(fault));
                }
            }
            let deadline = Deadline::after("a reply", self.timeout);
            match self.channel.fill(deadline).await {
                Ok(0) => {
                    let what = "the target closed the connection";
                    return Err(Ended::Failed(Fault::new(FaultKind::Lost, what)));
                }
                Ok(_) => {}
                Err(error) => return Err(Ended::Failed(Fault::of(&error))),
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        if !self.channel.has_output() {
            return Ok(());
        }
        let deadline = Deadline::after("sending", self.timeout);
        let flushed = self.channel.flush(deadline).await;
        flushed.map_err(|error| Ended::Failed(Fault::of(&error)))
    }
}

/// The handshake.
async fn secured(
    tcp: tokio::net::TcpStream,
    door: Door<'_>,
    timings: &mut Timings,
) -> Result<Stream, Ended> {
    let deadline = Deadline::after("the handshake", door.session.connect_timeout);
    let since = Instant::now();
    let connected = door
        .tls
        .connect(tcp, door.host, door.resume, deadline)
        .await;
    let (stream, facts) =
        connected.map_err(|error| Ended::Failed(Fault::new(FaultKind::Tls, error.to_string())))?;
    timings.took(
        if facts.resumed {
            Phase::TlsResumed
        } else {
            Phase::TlsFull
        },
        since,
    );
    Ok(stream)
}

fn unexpected(at: At, reply: &Reply) -> Ended {
    let what = format!("the target answered {} with {}", at.as_str(), reply.code());
    Ended::Failed(Fault::new(FaultKind::Protocol, what))
}

/// The code with which a target leaves.
pub(crate) const CLOSING: u16 = 421;
/// How long a good-bye may take.
const FAREWELL: Duration = Duration::from_secs(1);
