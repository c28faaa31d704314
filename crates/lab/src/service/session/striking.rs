//! Faults as a session executes them, and answers as they go out.

use bytes::BufMut;
use tenantry_smtp::{Reply, Severity};
use tokio::time::sleep;

use super::transaction::{Outcome, Part, Transaction};
use super::{End, Session};
use crate::file::{FaultAction, FaultReply, FaultStage};
use crate::service::faults::Strike;
use crate::service::host;
use crate::world::TenantIndex;

impl Session {
    /// What strikes at a stage: waits its delay, and ends the session if that is what it does.
    pub(super) async fn strike(
        &mut self,
        stage: FaultStage,
        tenants: &[TenantIndex],
    ) -> Result<Strike, End> {
        let strike = self.struck(stage, tenants).await?;
        self.survive(&strike).await?;
        Ok(strike)
    }

    /// What strikes at a stage, after its delay; [`Self::survive`] has to follow.
    pub(super) async fn struck(
        &mut self,
        stage: FaultStage,
        tenants: &[TenantIndex],
    ) -> Result<Strike, End> {
        if !self.shared.faults.concern(stage) {
            return Ok(Strike::default());
        }
        let strike = self.shared.faults.strike(stage, &self.seen.region, tenants);
        if !strike.delay.is_zero() {
            // Answers to earlier commands are not part of it.
            self.flush().await?;
            sleep(strike.delay).await;
        }
        Ok(strike)
    }

    /// Ends the session, if that is what the strike does.
    pub(super) async fn survive(&mut self, strike: &Strike) -> Result<(), End> {
        let Some(end) = end_of(strike) else {
            return Ok(());
        };
        self.flush().await?;
        Err(end)
    }

    /// What a fault makes of a message before its end: the reply that refuses it, nothing if the
    /// connection ends instead; `None` if it may go on. `wanted` is what its sender hopes for.
    pub(super) fn kept_off(&self, strike: &Strike, wanted: Severity) -> Option<Option<Reply>> {
        if end_of(strike).is_some() {
            return Some(None);
        }
        let reply = self.reply_of(strike)?;
        (reply.severity() != wanted).then_some(Some(reply))
    }

    /// Journals what does not arrive.
    pub(super) async fn journal_lost(
        &self,
        transaction: &Transaction,
        parts: Vec<Part>,
        reply: Option<&Reply>,
        fault: Option<String>,
    ) {
        let outcome = Outcome {
            accepted: false,
            reply,
            unanswered: reply.is_none(),
            fault,
        };
        for (number, part) in parts.into_iter().enumerate() {
            let record = transaction.record(&self.seen, part, number, None, &outcome);
            self.shared.journal.add(record).await;
        }
    }

    /// The reply that a fault gives instead of the usual one.
    pub(super) fn reply_of(&self, strike: &Strike) -> Option<Reply> {
        match strike.reply.as_ref()? {
            FaultReply::Refusal(refusal) => Some(self.refusal(refusal.text())),
            FaultReply::Raw(text) => Some(host::plain(text)),
        }
    }

    /// Answers the oldest command, as a fault will have it or with `usual`; says what the answer
    /// amounts to.
    pub(super) async fn answer(&mut self, usual: &Reply, strike: &Strike) -> Result<Severity, End> {
        let other = self.reply_of(strike);
        let reply = other.as_ref().unwrap_or(usual);
        self.smtp.answer(reply);
        self.write(reply, strike).await?;
        Ok(reply.severity())
    }

    /// Writes a reply, late or octet by octet if a fault wants it so.
    pub(super) async fn write(&mut self, reply: &Reply, strike: &Strike) -> Result<(), End> {
        if !strike.late.is_zero() {
            self.flush().await?;
            sleep(strike.late).await;
        }
        if strike.tarpit.is_zero() {
            reply.write_to(&mut self.channel.output);
            return Ok(());
        }
        self.flush().await?;
        let mut octets = bytes::BytesMut::new();
        reply.write_to(&mut octets);
        for octet in octets {
            sleep(strike.tarpit).await;
            self.channel.output.put_u8(octet);
            self.flush().await?;
        }
        Ok(())
    }
}

/// How a strike ends the session.
pub(super) const fn end_of(strike: &Strike) -> Option<End> {
    match strike.action {
        Some(FaultAction::Drop) => Some(End::Dropped),
        Some(FaultAction::HalfClose) => Some(End::HalfClosed),
        Some(FaultAction::Reset) => Some(End::Reset),
        Some(
            FaultAction::BadTls
            | FaultAction::ExpiredCertificate
            | FaultAction::LateReply
            | FaultAction::CloseAfterDot,
        )
        | None => None,
    }
}
