//! Waiting for the client: every wait has a deadline, and a stop of the relay is noticed between transactions.

use std::time::Duration;

use tenantry_net::{ChannelError, Deadline};
use tokio::time::{Instant, timeout};

use super::{End, Session};
use crate::reply::{Answer, Fault};

impl Session {
    /// Whether the client talks before it was greeted (RFC 5321 section 3.1), in clear or inside implicit TLS.
    pub(super) async fn talks_first(&mut self) -> bool {
        // Filling is cancel-safe: whatever arrives later is read as the first command.
        let deadline = Deadline::after("idle", self.snapshot.timeouts.idle);
        match timeout(EARLY_TALKER, self.channel.fill(deadline)).await {
            Ok(Ok(octets)) => octets > 0,
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Waits for more of a command, at most until the idle or the no-progress deadline.
    pub(super) async fn wait_for_command(&mut self) -> Result<(), End> {
        let timeouts = &self.snapshot.timeouts;
        let stress =
            self.shared.sessions() >= self.snapshot.config.limits.stress_connections as usize;
        let idle = if stress {
            timeouts.idle_under_stress
        } else {
            timeouts.idle
        };
        let idle_until = self.request_began + idle;
        let progress_until = self.progress + timeouts.without_message;
        let deadline = Deadline::at("idle", idle_until.min(progress_until));
        let stopping = self.shared.stopping();
        let filled = if self.transaction.is_none() {
            tokio::select! {
                filled = self.channel.fill(deadline) => filled,
                // Between transactions nothing is lost by closing.
                () = stopping.cancelled() => return self.part(Answer::ShuttingDown, End::Shutdown).await,
            }
        } else {
            self.channel.fill(deadline).await
        };
        match filled {
            Ok(0) => Err(End::Gone),
            Ok(_octets) => Ok(()),
            Err(ChannelError::Timeout(_)) if progress_until <= idle_until => {
                self.part(Answer::NoProgress, End::Deadline).await
            }
            Err(ChannelError::Timeout(_)) => self.part(Answer::IdleTimeout, End::Deadline).await,
            Err(_gone) => Err(End::Gone),
        }
    }

    /// Sends all replies that are waiting.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        if self.channel.output.is_empty() {
            return Ok(());
        }
        self.request_began = Instant::now();
        let deadline = Deadline::at(
            "client write",
            self.request_began + self.snapshot.timeouts.client_write,
        );
        self.channel
            .flush(deadline)
            .await
            .map_err(|error| match error {
                ChannelError::Timeout(_) => End::Deadline,
                ChannelError::Disconnected(_)
                | ChannelError::Alert(_)
                | ChannelError::Tls(_)
                | ChannelError::InputFull(_)
                | ChannelError::Io(_) => End::Gone,
            })
    }

    /// Says that it is over, to a client in the middle of anything.
    pub(super) async fn last_word(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            let why = "cut off by the end of the relay; the upstream may have the message";
            transaction.blame(Fault::Local, why.to_owned());
            transaction.note_reply(&Answer::ShuttingDown.reply());
        }
        self.say(Answer::ShuttingDown);
        // The session is over whether the client hears it or not.
        let _ = timeout(CUT_OFF, self.flush()).await;
    }

    /// Says a last word and ends the session.
    pub(super) async fn part(&mut self, answer: Answer, end: End) -> Result<(), End> {
        self.say(answer);
        // The session is over whether the client hears it or not.
        let _ = self
            .channel
            .flush(Deadline::after("last word", LAST_WORD))
            .await;
        Err(end)
    }
}

/// How long a client has to show that it talks first. Long enough for octets sent with the connection's opening to
/// arrive, short enough that nobody notices.
const EARLY_TALKER: Duration = Duration::from_millis(2);

/// How long the last reply may take.
const LAST_WORD: Duration = Duration::from_secs(5);

/// How long it may take when the time to finish has passed.
const CUT_OFF: Duration = Duration::from_millis(300);
