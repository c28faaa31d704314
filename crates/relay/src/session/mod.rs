//! Step `session`: one connection of one client, from the greeting to the goodbye.
//!
//! The protocol machine says which command may come now, this module asks what the configuration says to it, and
//! `transaction` and `content` do it. A session knows TLS, certificate and peer; a transaction knows the envelope; RSET
//! ends the second only. No task is started and no lock is held: a session is one future, and dropping it drops
//! whatever it had. Steps that an idle session does not take are boxed, so that it does not carry them.

mod commands;
mod content;
mod delivery;
mod envelope;
mod transaction;
mod waiting;

use std::net::SocketAddr;
use std::sync::Arc;

use tenantry_attribution::SessionEvidence;
use tenantry_net::{Channel, ClientCertificate, Deadline, PresentedChain, Request, TlsFacts};
use tenantry_smtp::{Offer, OfferLimits, Reply, ServerEvent, ServerSession, TlsState};
use tokio::time::Instant;

use crate::config::{Listener, ListenerTls, TrustedExchange};
use crate::evidence;
use crate::relay::Shared;
use crate::reply::Answer;
use crate::shadow::ShadowSession;
use crate::snapshot::Snapshot;
use crate::telemetry::events::{self, SessionLine};
use transaction::Transaction;

/// What the handshake found out about a client, fixed until the connection ends.
#[derive(Debug)]
pub(crate) struct Secured {
    /// TLS as negotiated.
    pub(crate) facts: TlsFacts,
    /// What the client's certificate was worth at the time.
    pub(crate) certificate: ClientCertificate,
    /// The certificate itself, to be judged again after a reload.
    pub(crate) presented: Option<PresentedChain>,
}

/// One connection of one client.
#[derive(Debug)]
pub(crate) struct Session {
    shared: Arc<Shared>,
    /// The configuration of the running transaction, else the one in force when the last one began.
    snapshot: Arc<Snapshot>,
    listener: Arc<str>,
    id: String,
    peer: SocketAddr,
    channel: Channel,
    smtp: ServerSession,
    offer: Offer,
    secured: Option<Secured>,
    evidence: SessionEvidence,
    shadow: Option<Arc<ShadowSession>>,
    exchange_server: TrustedExchange,
    helo: String,
    hello: commands::Hello,
    pending: Vec<envelope::Pending>,
    transaction: Option<Box<Transaction>>,
    /// When the session began or last completed a message.
    progress: Instant,
    /// When the client had our last reply: from then on its next command is due.
    request_began: Instant,
    began: Instant,
    transactions: u64,
}

/// How a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// Not at all: the client said QUIT.
    Quit,
    /// Inside TLS.
    StartTls,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum End {
    /// QUIT.
    #[error("quit")]
    Quit,
    /// The client closed or reset the connection.
    #[error("the client went away")]
    Gone,
    /// We closed for a protocol error or a limit.
    #[error("closed for a protocol error or a limit")]
    Refused,
    /// A deadline passed.
    #[error("a deadline passed")]
    Deadline,
    /// The relay is stopping.
    #[error("shutting down")]
    Shutdown,
    /// STARTTLS led nowhere.
    #[error("the TLS handshake failed")]
    Tls,
    /// The relay has stopped before the session could end.
    #[error("cut off by the end of the relay")]
    CutOff,
}

impl Session {
    /// A session on a channel that is ready for the greeting.
    pub(crate) fn new(
        shared: Arc<Shared>,
        snapshot: Arc<Snapshot>,
        listener: &Listener,
        peer: SocketAddr,
        channel: Channel,
        secured: Option<Secured>,
    ) -> Self {
        let tls = match (listener.tls, &secured) {
            (_, Some(_)) => TlsState::Active,
            (ListenerTls::StarttlsRequired | ListenerTls::Implicit, None) => TlsState::Required,
            (ListenerTls::Starttls, None) => TlsState::Offered,
            (ListenerTls::Off, None) => TlsState::Off,
        };
        let evidence = session_evidence(&snapshot, listener, peer, secured.as_ref());
        let shadow = ShadowSession::new(&snapshot, listener, peer, secured.as_ref());
        let exchange_server = exchange_server(&snapshot, &evidence);
        let offer = offer(&snapshot, listener, tls, exchange_server);
        let now = Instant::now();
        Session {
            id: shared.next_session(),
            smtp: ServerSession::new(snapshot.server_limits(listener), offer, tls),
            offer,
            listener: Arc::clone(&listener.name),
            shared,
            snapshot,
            peer,
            channel,
            secured,
            evidence,
            shadow,
            exchange_server,
            helo: String::new(),
            hello: commands::Hello::Plain,
            pending: Vec::new(),
            transaction: None,
            progress: now,
            request_began: now,
            began: now,
            transactions: 0,
        }
    }

    /// Serves the client until the connection ends, and logs how it went.
    pub(crate) async fn run(mut self: Box<Self>) {
        let cut_off = self.shared.cut_off().clone();
        let mut end = self.greet().await.err();
        let end = loop {
            if let Some(end) = end {
                break end;
            }
            let course = tokio::select! {
                course = self.serve() => course,
                // Whatever it waits for: there is no more time. What is in flight was not acknowledged.
                () = cut_off.cancelled() => {
                    self.last_word().await;
                    break End::CutOff;
                }
            };
            match course {
                Ok(Course::StartTls) => match Box::pin(self.start_tls()).await {
                    Some(secured) => *self = secured,
                    None => return,
                },
                Ok(Course::Quit) => end = Some(End::Quit),
                Err(why) => end = Some(why),
            }
        };
        self.abandon(end);
        self.log_end(end);
        if end != End::Gone {
            let deadline = Deadline::after("goodbye", GOODBYE);
            self.channel.shutdown(deadline).await;
        }
    }

    fn log_end(&self, end: End) {
        events::session_closed(&SessionLine {
            session: &self.id,
            listener: &self.listener,
            peer: self.peer,
            tls: self.secured.as_ref().map(|secured| &secured.facts),
            certificate: self.secured.as_ref().map(|secured| &secured.certificate),
            helo: &self.helo,
            transactions: self.transactions,
            messages: self.smtp.messages(),
            elapsed: self.began.elapsed(),
            end,
        });
    }

    async fn serve(&mut self) -> Result<Course, End> {
        loop {
            self.work().await?;
            self.flush().await?;
            if self.smtp.starttls_pending() {
                return Ok(Course::StartTls);
            }
            if self.smtp.closed() {
                return Ok(Course::Quit);
            }
            self.wait_for_command().await?;
        }
    }

    /// Handles everything that has arrived.
    async fn work(&mut self) -> Result<(), End> {
        loop {
            match self.smtp.next(&mut self.channel.input) {
                Some(ServerEvent::Command(command)) => {
                    events::command(&self.id, command.verb());
                    self.command(command).await?;
                }
                Some(ServerEvent::Refuse(reply)) => {
                    // A refused chunk takes its transaction with it.
                    if !self.smtp.state().in_transaction() {
                        self.abandon_transaction("what it was refused");
                    }
                    reply.write_to(&mut self.channel.output);
                    if self.smtp.refused_data() && !self.channel.input.is_empty() {
                        return self.part(Answer::TalksInContent, End::Refused).await;
                    }
                }
                Some(ServerEvent::Close(reply)) => {
                    reply.write_to(&mut self.channel.output);
                    self.flush().await?;
                    return Err(End::Refused);
                }
                None if self.smtp.outstanding() > 0 => {
                    Box::pin(self.settle(envelope::More::MayCome)).await;
                }
                None => return Ok(()),
            }
        }
    }

    async fn greet(&mut self) -> Result<(), End> {
        if self.talks_first().await {
            self.say(Answer::TalksFirst);
            self.flush().await?;
            return Err(End::Refused);
        }
        let hostname = &self.snapshot.config.hostname;
        let greeting = Reply::plain(
            220,
            format!("{hostname} ESMTP Tenantry {}", self.shared.instance),
        );
        greeting.write_to(&mut self.channel.output);
        self.flush().await
    }

    /// Writes an answer to the oldest command.
    fn answer(&mut self, reply: &Reply) {
        let from = self.smtp.state();
        self.smtp.answer(reply);
        events::answered(&self.id, reply.code(), from, self.smtp.state());
        reply.write_to(&mut self.channel.output);
    }

    /// Writes a reply that answers no command.
    fn say(&mut self, answer: Answer) {
        answer.reply().write_to(&mut self.channel.output);
    }

    /// Takes the configuration now in force; whatever it says of the client counts from now on.
    ///
    /// # Errors
    /// The listener is no longer there.
    fn renew(&mut self) -> Result<(), Answer> {
        if self.shared.is_current(&self.snapshot) {
            return Ok(());
        }
        let snapshot = self.shared.snapshot();
        let Some(listener) = snapshot.listener(&self.listener) else {
            return Err(Answer::ListenerGone);
        };
        match &mut self.secured {
            Some(secured) => secured.certificate = judged_anew(listener, secured),
            None if listener.tls != ListenerTls::Off && listener.tls != ListenerTls::Starttls => {
                return Err(Answer::ListenerGone);
            }
            None => {}
        }
        let secured = self.secured.as_ref();
        self.evidence = session_evidence(&snapshot, listener, self.peer, secured);
        self.shadow = ShadowSession::new(&snapshot, listener, self.peer, secured);
        self.exchange_server = exchange_server(&snapshot, &self.evidence);
        self.snapshot = snapshot;
        Ok(())
    }

    fn listener_settings(&self) -> Option<&Listener> {
        self.snapshot.listener(&self.listener)
    }
}

/// What a certificate is worth under the listener's present settings.
pub(crate) fn judged_anew(listener: &Listener, secured: &Secured) -> ClientCertificate {
    let judge = listener.server_tls.as_ref().and_then(|tls| tls.judge());
    match (listener.client_certificates, judge, &secured.presented) {
        (Request::Off, _, _) | (_, None, _) => ClientCertificate::NotOffered,
        (_, Some(_), None) => ClientCertificate::NotPresented,
        (_, Some(judge), Some(presented)) => judge.evaluate(presented),
    }
}

fn session_evidence(
    snapshot: &Snapshot,
    listener: &Listener,
    peer: SocketAddr,
    secured: Option<&Secured>,
) -> SessionEvidence {
    let certificate = secured.map_or(&ClientCertificate::NotOffered, |secured| {
        &secured.certificate
    });
    SessionEvidence::new(
        &snapshot.config.directory,
        evidence::certificate(certificate),
        peer.ip(),
        listener.untrusted_certificate,
    )
}

/// A client is a trusted Exchange server if any of the peers that it is says so.
fn exchange_server(snapshot: &Snapshot, evidence: &SessionEvidence) -> TrustedExchange {
    let peers = evidence
        .peers()
        .ids()
        .iter()
        .filter_map(|id| snapshot.config.peers.get(id.index()));
    let mut exchange = peers.map(|peer| peer.exchange);
    if exchange.any(|exchange| exchange == TrustedExchange::Yes) {
        TrustedExchange::Yes
    } else {
        TrustedExchange::No
    }
}

/// What the session offers in EHLO. The tenant is not known yet, so everything is offered that an upstream may take;
/// what this message's upstream does not take is refused when it is known.
fn offer(
    snapshot: &Snapshot,
    listener: &Listener,
    tls: TlsState,
    exchange: TrustedExchange,
) -> Offer {
    let limits = &snapshot.config.limits;
    Offer {
        size: Some(listener.max_message_size),
        pipelining: true,
        eight_bit_mime: true,
        smtputf8: true,
        enhanced_status_codes: true,
        chunking: true,
        binary_mime: true,
        dsn: true,
        starttls: matches!(tls, TlsState::Offered | TlsState::Required),
        xoorg: exchange == TrustedExchange::Yes,
        limits: Some(OfferLimits {
            mail_max: limits.messages,
            rcpt_max: limits.recipients,
        }),
    }
}

/// How long closing may take.
const GOODBYE: std::time::Duration = std::time::Duration::from_secs(2);
