//! Faults as a session executes them, and answers as they go out.

use bytes::BufMut;
use tenantry_smtp::{Reply, Severity};
use tokio::time::sleep;

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
        if !self.shared.faults.concern(stage) {
            return Ok(Strike::default());
        }
        let strike = self.shared.faults.strike(stage, &self.seen.region, tenants);
        if !strike.delay.is_zero() {
            // Answers to earlier commands are not part of it.
            self.flush().await?;
            sleep(strike.delay).await;
        }
        let end = match strike.action {
            Some(FaultAction::Drop) => End::Dropped,
            Some(FaultAction::HalfClose) => End::HalfClosed,
            Some(FaultAction::Reset) => End::Reset,
            Some(
                FaultAction::BadTls
                | FaultAction::ExpiredCertificate
                | FaultAction::LateReply
                | FaultAction::CloseAfterDot,
            )
            | None => return Ok(strike),
        };
        self.flush().await?;
        Err(end)
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
