//! One connection to an upstream: opened, secured, greeted; then commands out and replies in.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tenantry_net::{Channel, ChannelError, Deadline, Fingerprint, Stream, dial};
use tenantry_smtp::{ClientError, ClientSession, Offer, Reply, ReplyParser, Sent, Severity};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::error::{Stage, UpstreamError};
use super::key::PoolKey;
use super::watch::Watch;
use crate::config::{Timeouts, UpstreamTlsMode};
use crate::route::Target;
use crate::telemetry::events;

/// A connection that is ready for MAIL, or in the middle of a transaction.
///
/// It carries the key that it was opened for and the certificate that it presented: whoever sends on it must show a
/// route with the same ([`super::pool::Lease`]).
#[derive(Debug)]
pub(crate) struct Connection {
    key: Arc<PoolKey>,
    presented: Option<Fingerprint>,
    /// The certificate that the upstream asked for and so really saw.
    seen: Option<Fingerprint>,
    pub(super) channel: Channel,
    pub(super) smtp: ClientSession,
    /// Messages that were sent on it.
    pub(super) messages: u32,
    /// It served another transaction before this one.
    pub(super) reused: bool,
    /// A transaction was begun and not finished: RSET comes before the next MAIL.
    pub(super) needs_reset: bool,
    pub(super) idle_since: Instant,
    /// Replies that were waited for one by one and not yet taken.
    arrived: VecDeque<(Sent, Reply)>,
    /// A reply that nothing asked for, as far as it has come.
    interjection: ReplyParser,
}

impl Connection {
    /// Opens a connection to the target: TCP, greeting, EHLO, TLS with the target's identity, EHLO.
    ///
    /// # Errors
    /// Anything that keeps it from being usable; never falls back to clear text.
    pub(crate) async fn open<W: Watch>(
        target: &Target,
        timeouts: &Timeouts,
        instance: &str,
        watch: &mut W,
    ) -> Result<Self, UpstreamError> {
        let tcp = connect(target, timeouts, watch).await?;
        let mut connection = match target.tls_mode {
            UpstreamTlsMode::Implicit => {
                let mut connection =
                    Self::secured(target, tcp, timeouts, ClientSession::new(), watch).await?;
                connection.greeting(timeouts, instance, watch).await?;
                connection.ehlo(target, timeouts, watch).await?;
                connection
            }
            UpstreamTlsMode::Starttls => {
                let mut plain = Self::clear(target, tcp);
                plain.greeting(timeouts, instance, watch).await?;
                plain.ehlo(target, timeouts, watch).await?;
                let mut connection = plain.start_tls(target, timeouts, watch).await?;
                connection.ehlo(target, timeouts, watch).await?;
                connection
            }
            UpstreamTlsMode::Off => {
                let mut plain = Self::clear(target, tcp);
                plain.greeting(timeouts, instance, watch).await?;
                plain.ehlo(target, timeouts, watch).await?;
                plain
            }
        };
        connection.idle_since = Instant::now();
        Ok(connection)
    }

    fn clear(target: &Target, tcp: TcpStream) -> Self {
        Self::new(
            target,
            Channel::new(Stream::Plain(tcp)),
            ClientSession::new(),
            None,
        )
    }

    fn new(
        target: &Target,
        channel: Channel,
        smtp: ClientSession,
        presented: Option<Fingerprint>,
    ) -> Self {
        Connection {
            key: Arc::clone(&target.key),
            presented,
            seen: None,
            channel,
            smtp,
            messages: 0,
            reused: false,
            needs_reset: false,
            idle_since: Instant::now(),
            arrived: VecDeque::new(),
            interjection: ReplyParser::new(),
        }
    }

    async fn secured<W: Watch>(
        target: &Target,
        tcp: TcpStream,
        timeouts: &Timeouts,
        smtp: ClientSession,
        watch: &mut W,
    ) -> Result<Self, UpstreamError> {
        let deadline = Deadline::after("handshake", timeouts.handshake);
        let (stream, _facts, presented) = target
            .tls
            .connect_watched(tcp, &target.address.host, deadline, watch.witness())
            .await
            .map_err(|error| UpstreamError::Handshake(Arc::new(error)))?;
        if presented.fingerprint != target.key.identity {
            return Err(UpstreamError::WrongIdentity);
        }
        watch.secured(presented);
        let identity = Some(presented.fingerprint);
        let mut connection = Self::new(target, Channel::new(stream), smtp, identity);
        if presented.asked {
            connection.seen = identity;
        } else {
            events::certificate_not_asked(&target.key);
        }
        Ok(connection)
    }

    async fn greeting<W: Watch>(
        &mut self,
        timeouts: &Timeouts,
        instance: &str,
        watch: &mut W,
    ) -> Result<(), UpstreamError> {
        let reply = self
            .expect(Stage::Greeting, timeouts.upstream_greeting, Sent::Greeting)
            .await?;
        watch.reply(Stage::Greeting, &reply);
        // Our own greeting carries the instance id, so a connection to ourselves shows at once.
        if reply.text().contains(instance) {
            return Err(UpstreamError::Loop);
        }
        positive(reply, Stage::Greeting).map(drop)
    }

    async fn ehlo<W: Watch>(
        &mut self,
        target: &Target,
        timeouts: &Timeouts,
        watch: &mut W,
    ) -> Result<(), UpstreamError> {
        self.expect_silence(Stage::Ehlo).await?;
        self.smtp.ehlo(&target.helo, &mut self.channel.output);
        let reply = self
            .round_trip(Stage::Ehlo, timeouts.upstream_ehlo, Sent::Ehlo)
            .await?;
        watch.reply(Stage::Ehlo, &reply);
        positive(reply, Stage::Ehlo).map(drop)
    }

    async fn start_tls<W: Watch>(
        mut self,
        target: &Target,
        timeouts: &Timeouts,
        watch: &mut W,
    ) -> Result<Self, UpstreamError> {
        if !self.smtp.offer().starttls {
            return Err(UpstreamError::NoStartTls);
        }
        self.expect_silence(Stage::StartTls).await?;
        self.smtp.starttls(&mut self.channel.output);
        let reply = self
            .round_trip(Stage::StartTls, timeouts.upstream_ehlo, Sent::StartTls)
            .await?;
        watch.reply(Stage::StartTls, &reply);
        if reply.severity() != Severity::Positive {
            return Err(UpstreamError::StartTlsRefused { reply });
        }
        let tcp = self
            .channel
            .into_plain()
            .map_err(|_leftover| UpstreamError::InjectedPlaintext)?;
        let mut smtp = self.smtp;
        smtp.tls_established();
        Self::secured(target, tcp, timeouts, smtp, watch).await
    }

    /// What the upstream offers.
    pub(crate) fn offer(&self) -> &Offer {
        self.smtp.offer()
    }

    /// What it was opened for.
    pub(crate) fn key(&self) -> &PoolKey {
        &self.key
    }

    /// The certificate that the upstream saw, if it asked for one.
    pub(crate) fn seen(&self) -> Option<Fingerprint> {
        self.seen
    }

    /// The certificate that it presented, if it is a TLS connection.
    pub(crate) fn presented(&self) -> Option<Fingerprint> {
        self.presented
    }

    /// Makes sure that nothing has come that nobody asked for: a reply that stands before its command would be taken
    /// for the answer to it, and the last of them for the answer to the message.
    ///
    /// # Errors
    /// Something has; what it was meant for cannot be told.
    pub(crate) async fn expect_silence(&mut self, stage: Stage) -> Result<(), UpstreamError> {
        if self.smtp.outstanding() > 0 {
            return Ok(());
        }
        if self.channel.input.is_empty() {
            let once = |context: &mut Context<'_>| match self.channel.poll_fill(context) {
                Poll::Ready(filled) => Poll::Ready(Some(filled)),
                Poll::Pending => Poll::Ready(None),
            };
            match std::future::poll_fn(once).await {
                None => return Ok(()),
                Some(Ok(0)) => return Err(UpstreamError::Closed(stage)),
                Some(Ok(_octets)) => {}
                Some(Err(error)) => return Err(broken(&error, stage)),
            }
        }
        Err(UpstreamError::Protocol {
            stage,
            error: ClientError::Unsolicited,
        })
    }

    /// Whether MAIL was answered, though nobody has taken the answer yet.
    pub(crate) fn has_answered_mail(&self) -> bool {
        self.arrived
            .iter()
            .any(|(sent, _reply)| *sent == Sent::Mail)
    }

    /// Whether nothing came in since it was put aside: no EOF, no late reply, no half a line.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.channel.input.is_empty() && self.smtp.outstanding() == 0 && self.channel.is_quiet()
    }

    /// Sends what is waiting to be sent.
    ///
    /// # Errors
    /// The upstream does not take it in time, or is gone.
    pub(crate) async fn flush(
        &mut self,
        stage: Stage,
        within: Duration,
    ) -> Result<(), UpstreamError> {
        if self.channel.output.is_empty() {
            return Ok(());
        }
        self.channel
            .flush(Deadline::after(stage.as_str(), within))
            .await
            .map_err(|error| broken(&error, stage))
    }

    /// The next reply, with what it answers.
    ///
    /// # Errors
    /// None in time, EOF, or not SMTP.
    pub(crate) async fn reply(
        &mut self,
        stage: Stage,
        within: Duration,
    ) -> Result<(Sent, Reply), UpstreamError> {
        let deadline = Deadline::after(stage.as_str(), within);
        loop {
            if let Some(answer) = self.poll_reply(stage)? {
                return Ok(answer);
            }
            if self
                .channel
                .fill(deadline)
                .await
                .map_err(|error| broken(&error, stage))?
                == 0
            {
                return Err(UpstreamError::Closed(stage));
            }
        }
    }

    /// A reply that has arrived already.
    ///
    /// # Errors
    /// What has arrived is not SMTP.
    pub(crate) fn poll_reply(
        &mut self,
        stage: Stage,
    ) -> Result<Option<(Sent, Reply)>, UpstreamError> {
        if let Some(answer) = self.arrived.pop_front() {
            return Ok(Some(answer));
        }
        self.smtp
            .next(&mut self.channel.input)
            .map_err(|error| match error {
                ClientError::PlaintextAfterStartTls => UpstreamError::InjectedPlaintext,
                ClientError::Unsolicited | ClientError::Malformed(_) => {
                    UpstreamError::Protocol { stage, error }
                }
            })
    }

    /// Waits for the reply to the command just sent and keeps it for [`Connection::reply`]: the way to speak to an
    /// upstream without PIPELINING.
    ///
    /// # Errors
    /// As for [`Connection::reply`].
    pub(crate) async fn await_reply(
        &mut self,
        stage: Stage,
        within: Duration,
    ) -> Result<(), UpstreamError> {
        let earlier = std::mem::take(&mut self.arrived);
        let answer = self.reply(stage, within).await;
        self.arrived = earlier;
        self.arrived.push_back(answer?);
        Ok(())
    }

    /// What the upstream says while content is on its way: the answer to a chunk, or a refusal before the end of data.
    ///
    /// # Errors
    /// The upstream gave up on the message, or what has arrived is not SMTP.
    pub(crate) fn poll_interjection(
        &mut self,
        stage: Stage,
    ) -> Result<Option<(Sent, Reply)>, UpstreamError> {
        if self.smtp.outstanding() > 0 {
            return self.poll_reply(stage);
        }
        match self.interjection.next(&mut self.channel.input) {
            Ok(None) => Ok(None),
            Ok(Some(reply)) => match reply.severity() {
                Severity::Transient | Severity::Permanent => {
                    Err(UpstreamError::Refused { stage, reply })
                }
                // A yes that nobody asked for says nothing about the message.
                Severity::Positive | Severity::Intermediate => Err(UpstreamError::Protocol {
                    stage,
                    error: ClientError::Unsolicited,
                }),
            },
            Err(error) => Err(UpstreamError::Protocol {
                stage,
                error: ClientError::from(error),
            }),
        }
    }

    /// Takes in what has arrived, without waiting; whatever is wrong with it shows when it is read.
    pub(crate) async fn glance(&mut self) {
        let once =
            |context: &mut Context<'_>| Poll::Ready(self.channel.poll_fill(context).is_ready());
        std::future::poll_fn(once).await;
    }

    async fn expect(
        &mut self,
        stage: Stage,
        within: Duration,
        what: Sent,
    ) -> Result<Reply, UpstreamError> {
        let (sent, reply) = self.reply(stage, within).await?;
        debug_assert_eq!(sent, what, "replies come in the order of the commands");
        Ok(reply)
    }

    async fn round_trip(
        &mut self,
        stage: Stage,
        within: Duration,
        what: Sent,
    ) -> Result<Reply, UpstreamError> {
        self.flush(stage, within).await?;
        self.expect(stage, within, what).await
    }

    /// Says goodbye and closes; whatever the upstream does, it is over soon.
    pub(crate) async fn quit(mut self) {
        self.smtp.quit(&mut self.channel.output);
        self.channel
            .shutdown(Deadline::after("goodbye", GOODBYE))
            .await;
    }
}

/// Tries the upstream's addresses in the resolver's order. Each has its own time, so that one that swallows everything
/// does not hide the next; all together have twice that.
async fn connect<W: Watch>(
    target: &Target,
    timeouts: &Timeouts,
    watch: &mut W,
) -> Result<TcpStream, UpstreamError> {
    let one = timeouts.upstream_connect;
    let all = Deadline::after("connect", one.saturating_mul(2));
    let host = target.address.host.as_str();
    let lookup = tokio::net::lookup_host((host, target.address.port));
    let addresses: Vec<SocketAddr> = timeout_at(Deadline::after("lookup", one).at, lookup)
        .await
        .map_err(|_elapsed| UpstreamError::Resolve(format!("{host}: no answer in time")))?
        .map_err(|error| UpstreamError::Resolve(format!("{host}: {error}")))?
        .collect();
    watch.addresses(&addresses);
    let mut last = UpstreamError::Resolve(format!("{host}: no address"));
    for address in addresses {
        let dialled = dial(address, Deadline::after("connect", one).earlier(all)).await;
        watch.dialled(address, dialled.as_ref().map(|_tcp| ()));
        match dialled {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = UpstreamError::Connect(format!("{address}: {error}")),
        }
        if all.has_passed() {
            break;
        }
    }
    Err(last)
}

fn positive(reply: Reply, stage: Stage) -> Result<Reply, UpstreamError> {
    match reply.severity() {
        Severity::Positive => Ok(reply),
        Severity::Intermediate | Severity::Transient | Severity::Permanent => {
            Err(UpstreamError::Refused { stage, reply })
        }
    }
}

/// What a broken channel means at this stage.
pub(super) fn broken(error: &ChannelError, stage: Stage) -> UpstreamError {
    match error {
        ChannelError::Timeout(_) => UpstreamError::Timeout(stage),
        ChannelError::Alert(alert) => UpstreamError::Alert {
            stage,
            alert: alert.clone(),
        },
        ChannelError::Disconnected(_)
        | ChannelError::Tls(_)
        | ChannelError::InputFull(_)
        | ChannelError::Io(_) => UpstreamError::Closed(stage),
    }
}

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
