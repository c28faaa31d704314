//! One connection, from its greeting to its end. Order and syntax are the protocol machine's;
//! what a message is worth is the transaction's; here both meet the wire.

mod commands;
mod content;
mod handshake;
mod striking;
mod transaction;
mod verdict;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tenantry_net::{Channel, ChannelError, Deadline};
use tenantry_smtp::{
    ContentLimits, Offer, Reply, ServerEvent, ServerLimits, ServerSession, TlsState,
};
use tokio_util::sync::CancellationToken;

use super::shared::{Door, Shared};
use super::texts;
use crate::file::{FaultAction, FaultStage};
use crate::journal::SessionSeen;
use crate::world::TenantIndex;
use transaction::Transaction;

pub(super) struct Session {
    shared: Arc<Shared>,
    door: Arc<Door>,
    channel: Channel,
    smtp: ServerSession,
    seen: Arc<SessionSeen>,
    transaction: Option<Box<Transaction>>,
    /// Whose the last message was.
    last_tenants: Vec<TenantIndex>,
    /// What a fault makes of the next handshake.
    handshake: Option<FaultAction>,
    /// Until when the command that is awaited has to be complete.
    awaited: Option<Deadline>,
    stop: CancellationToken,
}

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// In order: what is to be said has been written.
    Closed,
    /// The client has gone, or took too long.
    Gone,
    /// Without a word.
    Dropped,
    /// With a TCP RST.
    Reset,
    /// We say nothing more and listen until the client leaves.
    HalfClosed,
}

impl Session {
    pub(super) fn new(
        shared: Arc<Shared>,
        door: Arc<Door>,
        peer: SocketAddr,
        channel: Channel,
        stop: CancellationToken,
    ) -> Self {
        let seen = SessionSeen {
            id: format!("{:016X}", shared.next_id()),
            region: door.region.clone(),
            certificate: None,
            ip: shared.addresses.taken_as(peer.ip()),
            peer,
            tls: None,
            helo: String::new(),
        };
        let limits = server_limits(&shared);
        let offer = offer(&shared, TlsState::Offered);
        Self {
            smtp: ServerSession::new(limits, offer, TlsState::Offered),
            seen: Arc::new(seen),
            shared,
            door,
            channel,
            transaction: None,
            last_tenants: Vec::new(),
            handshake: None,
            awaited: None,
            stop,
        }
    }

    /// Serves the client until one side ends it.
    pub(super) async fn run(mut self) {
        let mut course = self.greet().await;
        loop {
            if course.is_ok() {
                course = self.converse().await;
            }
            match course {
                Ok(()) => match Box::pin(self.start_tls()).await {
                    Some(session) => self = session,
                    None => return,
                },
                Err(end) => return self.finish(end).await,
            }
        }
    }

    async fn greet(&mut self) -> Result<(), End> {
        for stage in [FaultStage::Connect, FaultStage::Greeting] {
            let strike = self.strike(stage, &[]).await?;
            if let Some(reply) = self.reply_of(&strike) {
                self.write(&reply, &strike).await?;
                return Err(End::Closed);
            }
            if stage == FaultStage::Greeting {
                let greeting = self.door.host.greeting(&self.seen.id);
                self.write(&greeting, &strike).await?;
            }
        }
        self.flush().await
    }

    /// Takes commands until TLS is to begin.
    async fn converse(&mut self) -> Result<(), End> {
        loop {
            self.work().await?;
            self.flush().await?;
            if self.smtp.starttls_pending() {
                return Ok(());
            }
            if self.smtp.closed() {
                return Err(End::Closed);
            }
            self.wait_for_command().await?;
        }
    }

    /// Handles everything that has arrived.
    async fn work(&mut self) -> Result<(), End> {
        while let Some(event) = self.smtp.next(&mut self.channel.input) {
            self.awaited = None;
            match event {
                ServerEvent::Command(command) => self.command(command).await?,
                ServerEvent::Refuse(reply) => {
                    // A refused chunk takes its transaction with it.
                    if !self.smtp.state().in_transaction() {
                        self.transaction = None;
                    }
                    self.refuse(&texts::in_exchange_words(&reply));
                    if self.smtp.refused_data() && !self.channel.input.is_empty() {
                        return Err(self.part(texts::TALKS_IN_CONTENT));
                    }
                }
                ServerEvent::Close(reply) => {
                    return Err(self.part(&texts::in_exchange_words(&reply)));
                }
            }
        }
        Ok(())
    }

    /// Nothing is lost when the wait is cut short: octets stay in the channel. A command that
    /// comes octet by octet has no more time than another.
    async fn wait_for_command(&mut self) -> Result<(), End> {
        let whole = || Deadline::after("command", self.shared.timeouts.command);
        let deadline = self.awaited.unwrap_or_else(whole);
        self.awaited = Some(deadline);
        let filled = if self.smtp.state().in_transaction() {
            self.channel.fill(deadline).await
        } else {
            let waited = self.stop.run_until_cancelled(self.channel.fill(deadline));
            match waited.await {
                Some(filled) => filled,
                None => return Err(self.part(texts::STOPPING)),
            }
        };
        self.filled(filled)
    }

    async fn wait_for_content(&mut self) -> Result<(), End> {
        let deadline = Deadline::after("content", self.shared.timeouts.content);
        let filled = self.channel.fill(deadline).await;
        self.filled(filled)
    }

    fn filled(&mut self, filled: Result<usize, ChannelError>) -> Result<(), End> {
        match filled {
            Ok(0) => Err(End::Gone),
            Ok(_) => Ok(()),
            Err(ChannelError::Timeout(_)) => Err(self.part(texts::TOO_SLOW)),
            Err(error) => {
                tracing::debug!(session = %self.seen.id, %error, "the client is gone");
                Err(End::Gone)
            }
        }
    }

    async fn flush(&mut self) -> Result<(), End> {
        if !self.channel.has_output() {
            return Ok(());
        }
        let deadline = Deadline::after("write", self.shared.timeouts.write);
        let flushed = self.channel.flush(deadline).await;
        flushed.map_err(|error| {
            tracing::debug!(session = %self.seen.id, %error, "the client is gone");
            End::Gone
        })
    }

    /// Writes a refusal that answers nothing the machine waits for.
    fn refuse(&mut self, text: &str) {
        self.refusal(text).write_to(&mut self.channel.output);
    }

    /// The last word.
    fn part(&mut self, text: &str) -> End {
        self.refuse(text);
        End::Closed
    }

    /// A refusal as this session gives it.
    fn refusal(&self, text: &str) -> Reply {
        self.door.host.refusal(text, &self.seen.id, self.seen.ip)
    }

    async fn finish(self, end: End) {
        tracing::debug!(session = %self.seen.id, ?end, "session closed");
        match end {
            End::Gone | End::Dropped => self.channel.abort(),
            End::Closed => {
                let deadline = Deadline::after("farewell", FAREWELL);
                self.channel.shutdown(deadline).await;
            }
            End::HalfClosed => {
                let deadline = Deadline::after("command", self.shared.timeouts.command);
                self.channel.shutdown(deadline).await;
            }
            End::Reset => {
                if let Err(error) = self.channel.stream().tcp().set_zero_linger() {
                    tracing::warn!(%error, "cannot reset a connection");
                }
                self.channel.abort();
            }
        }
    }
}

fn server_limits(shared: &Shared) -> ServerLimits {
    let limits = &shared.limits;
    ServerLimits {
        content: ContentLimits {
            max_octets: limits.size,
            ..ContentLimits::default()
        },
        // One more, so that it is the transaction that refuses, and journals.
        recipients: limits.recipients.saturating_add(1),
        protocol_errors: limits.errors,
        non_mail_commands: limits.non_mail_commands,
        // To be refused all day long is what the lab is for.
        excuses: u32::MAX,
        messages: u64::MAX,
        chunks: limits.chunks,
        ..ServerLimits::default()
    }
}

/// What the machine takes. XOORG is taken, though no EHLO reply ever has it (section 1.14).
fn offer(shared: &Shared, tls: TlsState) -> Offer {
    Offer {
        size: Some(shared.limits.size),
        pipelining: true,
        eight_bit_mime: true,
        smtputf8: true,
        enhanced_status_codes: true,
        chunking: true,
        binary_mime: true,
        dsn: true,
        starttls: matches!(tls, TlsState::Offered | TlsState::Required),
        xoorg: true,
        limits: None,
    }
}

/// How long a client that was told good-bye may take to leave.
const FAREWELL: Duration = Duration::from_secs(1);
