//! One connection and the messages on it, every phase timed.
//!
//! It is a client that measures, not one that delivers: no retries, no fall-backs, and what the
//! target does wrong is an outcome.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{BufMut as _, BytesMut};
use tenantry_net::{Channel, ChannelError, Deadline, DialError, LoadTls, Resume, Stream, dial};
use tenantry_smtp::{Offer, Reply, ReplyParser, Severity};

use crate::content::Body;
use crate::id::put_decimal;
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
    Accepted { recipients: u32 },
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

/// How a message goes.
#[derive(Debug, Clone, Copy)]
struct Way {
    transfer: Transfer,
    pipelined: bool,
    /// The chunk is small enough to be sent before the recipients are answered.
    along: bool,
    since: Instant,
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
        self.channel.output.put_slice(b"STARTTLS\r\n");
        self.expect(At::Starttls, Severity::Positive).await?;
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

    async fn transaction(
        &mut self,
        letter: &Letter,
        session: &Session,
        timings: &mut Timings,
    ) -> Result<Ended, Ended> {
        let transfer = self.transfer(session.transfer);
        let pipelined = session.pipelining && self.offer.pipelining;
        let way = Way {
            transfer,
            pipelined,
            along: pipelined && transfer == Transfer::Bdat && letter.body.len() <= ALONG,
            since: Instant::now(),
        };
        let (accepted, refused) = self.envelope(letter, way, timings).await?;
        match transfer {
            Transfer::Data => self.data(letter, refused, way, timings).await?,
            Transfer::Bdat => self.chunk(letter, refused, way, timings).await?,
        }
        let sent = if way.along { way.since } else { Instant::now() };
        let reply = self.reply().await?;
        timings.took(Phase::Reply, sent);
        match reply.severity() {
            Severity::Positive => Ok(Ended::Accepted {
                recipients: accepted,
            }),
            Severity::Intermediate => Err(unexpected(At::Content, &reply)),
            Severity::Transient | Severity::Permanent => Ok(Ended::Reply(At::Content, reply)),
        }
    }

    /// MAIL and RCPT, and whatever goes along with them: how many recipients were accepted, and
    /// what refuses the whole transaction.
    async fn envelope(
        &mut self,
        letter: &Letter,
        way: Way,
        timings: &mut Timings,
    ) -> Result<(u32, Option<Ended>), Ended> {
        let mut answered = (0, None);
        self.put_mail(letter);
        if !way.pipelined {
            self.expect(At::Mail, Severity::Positive).await?;
            timings.took(Phase::Mail, way.since);
            let since = Instant::now();
            for recipient in &letter.recipients {
                self.put_rcpt(recipient);
                self.recipient(&mut answered).await?;
            }
            timings.took(Phase::Rcpt, since);
            let (accepted, refusal) = answered;
            return Ok((accepted, refusal.filter(|_| accepted == 0)));
        }
        for recipient in &letter.recipients {
            self.put_rcpt(recipient);
        }
        match way.transfer {
            Transfer::Data => self.channel.output.put_slice(b"DATA\r\n"),
            Transfer::Bdat if way.along => self.put_chunk(letter, timings).await?,
            Transfer::Bdat => {}
        }
        let mail = self.expect(At::Mail, Severity::Positive).await.err();
        match mail {
            Some(Ended::Failed(fault)) => return Err(Ended::Failed(fault)),
            // RFC 5321 section 3.8: nothing is answered after it.
            Some(Ended::Reply(at, reply)) if reply.code() == CLOSING => {
                return Err(Ended::Reply(at, reply));
            }
            Some(Ended::Reply(..) | Ended::Accepted { .. }) | None => {}
        }
        timings.took(Phase::Mail, way.since);
        for _ in &letter.recipients {
            self.recipient(&mut answered).await?;
        }
        timings.took(Phase::Rcpt, way.since);
        // What refuses MAIL refuses all; later replies only follow from it.
        let (accepted, refusal) = answered;
        Ok((accepted, mail.or(refusal.filter(|_| accepted == 0))))
    }

    /// The chunk, unless it went along already or there is nobody to take it.
    async fn chunk(
        &mut self,
        letter: &Letter,
        refused: Option<Ended>,
        way: Way,
        timings: &mut Timings,
    ) -> Result<(), Ended> {
        match refused {
            Some(refused) => {
                if way.along {
                    self.reply().await?;
                }
                Err(refused)
            }
            None if way.along => Ok(()),
            None => self.put_chunk(letter, timings).await,
        }
    }

    async fn put_chunk(&mut self, letter: &Letter, timings: &mut Timings) -> Result<(), Ended> {
        let begun = Instant::now();
        self.put_bdat(letter);
        self.content(letter, Transfer::Bdat).await?;
        timings.took(Phase::Transfer, begun);
        Ok(())
    }

    /// DATA and the content, or what makes of a refused transaction a finished one.
    async fn data(
        &mut self,
        letter: &Letter,
        refused: Option<Ended>,
        way: Way,
        timings: &mut Timings,
    ) -> Result<(), Ended> {
        if !way.pipelined {
            if let Some(refused) = refused {
                return Err(refused);
            }
            let asked = Instant::now();
            self.channel.output.put_slice(b"DATA\r\n");
            self.expect(At::Data, Severity::Intermediate).await?;
            timings.took(Phase::Data, asked);
        } else {
            let go_on = self.expect(At::Data, Severity::Intermediate).await;
            timings.took(Phase::Data, way.since);
            match (refused, go_on) {
                (None, go_on) => drop(go_on?),
                (Some(_), Err(Ended::Failed(fault))) => return Err(Ended::Failed(fault)),
                (Some(refused), Err(_)) => return Err(refused),
                (Some(refused), Ok(_)) => {
                    // RFC 2920 section 3.1: nobody is there to take it, so nothing is sent.
                    self.channel.output.put_slice(b".\r\n");
                    self.reply().await?;
                    return Err(refused);
                }
            }
        }
        let begun = Instant::now();
        self.content(letter, Transfer::Data).await?;
        timings.took(Phase::Transfer, begun);
        Ok(())
    }

    /// The reply to one RCPT: counts those accepted, and keeps the first that was not.
    async fn recipient(&mut self, answered: &mut (u32, Option<Ended>)) -> Result<(), Ended> {
        match self.expect(At::Rcpt, Severity::Positive).await {
            Ok(_) => answered.0 += 1,
            Err(Ended::Failed(fault)) => return Err(Ended::Failed(fault)),
            Err(Ended::Reply(at, reply)) if reply.code() == CLOSING => {
                return Err(Ended::Reply(at, reply));
            }
            Err(refused) => {
                answered.1.get_or_insert(refused);
            }
        }
        Ok(())
    }

    /// Hands all content to the system.
    async fn content(&mut self, letter: &Letter, end: Transfer) -> Result<(), Ended> {
        for piece in letter.body.pieces() {
            if self.channel.output.len() + piece.len() > PIECE {
                self.flush().await?;
            }
            self.channel.output.put_slice(piece);
        }
        if end == Transfer::Data {
            self.channel.output.put_slice(b".\r\n");
        }
        self.flush().await
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

    fn put_mail(&mut self, letter: &Letter) {
        let size = letter.body.len();
        let out = &mut self.channel.output;
        out.put_slice(b"MAIL FROM:<");
        out.put_slice(&letter.sender);
        out.put_u8(b'>');
        if self.offer.size.is_some() {
            out.put_slice(b" SIZE=");
            put_decimal(size, out);
        }
        out.put_slice(b"\r\n");
    }

    fn put_rcpt(&mut self, recipient: &[u8]) {
        let out = &mut self.channel.output;
        out.put_slice(b"RCPT TO:<");
        out.put_slice(recipient);
        out.put_slice(b">\r\n");
    }

    fn put_bdat(&mut self, letter: &Letter) {
        let out = &mut self.channel.output;
        out.put_slice(b"BDAT ");
        put_decimal(letter.body.len(), out);
        out.put_slice(b" LAST\r\n");
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
/// Chunks up to so many octets are sent before the recipients are answered.
const ALONG: u64 = 64 * 1024;
/// Octets that are handed to the system at once.
const PIECE: usize = 64 * 1024;
/// How long a good-bye may take.
const FAREWELL: Duration = Duration::from_secs(1);
