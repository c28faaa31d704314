//! What is said, when, and what a fault says instead.

use std::time::Duration;

use super::{Ended, Session};
use crate::upstream::fault::{Action, Answer, Stage, Then};

/// Replies that wait to be written, at most.
const LONGEST_OUTPUT: usize = 64 * 1024;

/// What a reply does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Positive,
    Negative,
    Silent,
}

impl Session {
    /// Says the usual, or what a fault says instead.
    pub(super) async fn reply(
        &mut self,
        stage: Stage,
        line: &[u8],
        usual: &[u8],
    ) -> Result<Effect, Ended> {
        match self.met(stage, line, 0) {
            None => {
                self.say(usual).await?;
                Ok(effect(None, usual))
            }
            Some(action) => {
                self.perform(&action, usual).await?;
                Ok(effect(Some(&action), usual))
            }
        }
    }

    pub(super) fn met(&self, stage: Stage, line: &[u8], octets: u64) -> Option<Action> {
        let certificate = self.entry.connection.fingerprint();
        self.shared
            .faults
            .met(stage, line, octets, certificate)
            .cloned()
    }

    pub(super) async fn perform(&mut self, action: &Action, usual: &[u8]) -> Result<(), Ended> {
        self.wait(action.delay).await?;
        let answer = match &action.answer {
            Answer::Usual => usual,
            Answer::Raw(raw) => raw,
            Answer::Nothing => b"",
        };
        if action.trickle.is_zero() {
            self.wire.output().extend_from_slice(answer);
        } else {
            for octet in answer {
                self.wire.output().extend_from_slice(&[*octet]);
                self.wait(action.trickle).await?;
            }
        }
        self.wait(action.pause).await?;
        self.wire.output().extend_from_slice(&action.extra);
        match action.then {
            Then::Continue => self.bound_output().await,
            Then::Close => {
                self.flush().await?;
                Err(Ended::Closed)
            }
            Then::Reset => {
                self.flush().await?;
                Err(Ended::Reset)
            }
            Then::Hang => {
                self.flush().await?;
                // Ends when the upstream stops.
                std::future::pending().await
            }
        }
    }

    /// Everything said so far is written before a wait, or it would be no wait for the client.
    pub(super) async fn wait(&mut self, time: Duration) -> Result<(), Ended> {
        if time.is_zero() {
            return Ok(());
        }
        self.flush().await?;
        tokio::time::sleep(time).await;
        Ok(())
    }

    pub(super) async fn say(&mut self, reply: &[u8]) -> Result<(), Ended> {
        self.wire.output().extend_from_slice(reply);
        self.bound_output().await
    }

    /// A client that sends without reading must not make replies pile up.
    pub(super) async fn bound_output(&mut self) -> Result<(), Ended> {
        if self.wire.output().len() < LONGEST_OUTPUT {
            return Ok(());
        }
        self.flush().await
    }

    pub(super) async fn flush(&mut self) -> Result<(), Ended> {
        let idle = self.shared.settings.limits.idle;
        self.wire.flush(idle).await.map_err(|_| Ended::Gone)
    }

    /// Writes what was said and reads more.
    pub(super) async fn fill(&mut self) -> Result<(), Ended> {
        self.flush().await?;
        let idle = self.shared.settings.limits.idle;
        match self.wire.fill(idle).await {
            Ok(0) | Err(_) => Err(Ended::Gone),
            Ok(_) => Ok(()),
        }
    }
}

pub(super) fn effect(action: Option<&Action>, usual: &[u8]) -> Effect {
    let said = match action.map(|action| &action.answer) {
        None | Some(Answer::Usual) => usual,
        Some(Answer::Raw(raw)) => raw,
        Some(Answer::Nothing) => return Effect::Silent,
    };
    match said.first() {
        Some(b'2' | b'3') => Effect::Positive,
        Some(_) | None => Effect::Negative,
    }
}
