//! The answer to a whole message: what its content, its recipients, its hops and the tenant's
//! quota say, in that order; then maildir, journal, answer.

use tenantry_smtp::{Reply, Severity};

use super::striking::end_of;
use super::transaction::{Outcome, Part, Transaction};
use super::{End, Session};
use crate::file::{FaultAction, FaultStage};
use crate::reply::Refusal;
use crate::service::faults::Strike;
use crate::service::message::Arrived;
use crate::service::texts;

impl Session {
    /// Ends the transaction.
    pub(super) async fn conclude(&mut self) -> Result<(), End> {
        let Some(mut transaction) = self.transaction.take() else {
            return self.lost().await;
        };
        let Some(message) = transaction.message.take() else {
            return self.lost().await;
        };
        let mut arrived = message.finish(self.smtp.content_fault().is_none());
        self.judge_again(&mut transaction, &arrived);
        let tenants = transaction.tenants();
        let strike = self.struck(FaultStage::EndOfData, &tenants).await?;
        self.last_tenants = tenants;
        let parts = transaction.parts();
        if end_of(&strike).is_some() {
            let outcome = Outcome {
                accepted: false,
                reply: None,
                unanswered: true,
                fault: strike.word(FaultStage::EndOfData),
            };
            self.journal(&transaction, parts, &arrived, &outcome).await;
            return self.survive(&strike).await;
        }
        let mut reply = self.verdict(&transaction, &arrived, &strike);
        // What cannot be journalled is not taken; the attempt to journal this tells when it can.
        if reply.severity() == Severity::Positive
            && (self.shared.journal.is_failing()
                || self.keep(&transaction, &parts, &mut arrived).await.is_err())
        {
            reply = self.refusal(texts::NOT_KEPT);
        }
        let close = strike.action == Some(FaultAction::CloseAfterDot);
        let outcome = Outcome {
            accepted: reply.severity() == Severity::Positive,
            reply: Some(&reply),
            unanswered: close,
            fault: strike
                .word(FaultStage::EndOfData)
                .filter(|_| arrived.complete || strike.action.is_some())
                .or_else(|| transaction.chunk_fault.clone()),
        };
        self.journal(&transaction, parts, &arrived, &outcome).await;
        if close {
            self.flush().await?;
            return Err(End::Dropped);
        }
        // The fault's own reply, if there is one, is `reply` already.
        let strike = Strike {
            reply: None,
            ..strike
        };
        self.answer(&reply, &strike).await.map(drop)
    }

    /// For the profile that looks at the From header, which is known only now.
    fn judge_again(&self, transaction: &mut Transaction, arrived: &Arrived) {
        if transaction.profile().p2_from {
            let from = arrived.header.from();
            let rulebook = &transaction.rulebook;
            let again = self.begin(rulebook, &transaction.mail_from, from.as_deref());
            transaction.judge_again(again);
        }
    }

    async fn journal(
        &self,
        transaction: &Transaction,
        parts: Vec<Part>,
        arrived: &Arrived,
        outcome: &Outcome<'_>,
    ) {
        for (number, part) in parts.into_iter().enumerate() {
            let record = transaction.record(&self.seen, part, number, Some(arrived), outcome);
            self.shared.journal.add(record).await;
        }
    }

    fn verdict(&self, transaction: &Transaction, arrived: &Arrived, strike: &Strike) -> Reply {
        if let Some(fault) = self.smtp.content_fault() {
            return self.content_refusal(fault);
        }
        if let Some(reply) = self
            .reply_of(strike)
            .or_else(|| transaction.chunk_reply.clone())
        {
            return reply;
        }
        match self.refusal_of(transaction, arrived) {
            Some(refusal) => self.refusal(refusal.text()),
            None => self.queued(arrived),
        }
    }

    fn refusal_of(&self, transaction: &Transaction, arrived: &Arrived) -> Option<Refusal> {
        if let Some(refusal) = transaction.refusal() {
            return Some(refusal);
        }
        let most = usize::try_from(self.shared.limits.hop_limit).unwrap_or(usize::MAX);
        if arrived.header.hops() > most {
            return Some(Refusal::HopCountAttr34);
        }
        let (tenant, demand) = transaction.demand(None)?;
        let world = transaction.rulebook.forest.world();
        let quota = &world.tenant(tenant)?.quota;
        self.shared.quotas.take(tenant, quota, demand).err()
    }

    /// `250 2.6.0 <message-id> [InternalId=..., Hostname=...] N bytes in ..., Queued mail for
    /// delivery`.
    fn queued(&self, arrived: &Arrived) -> Reply {
        let server = &self.door.host.server;
        let id = self.shared.next_id();
        let message_id: String = match arrived.header.message_id() {
            Some(given) => given.chars().take(LONGEST_ID).collect(),
            None => format!("<{id:x}@{server}>"),
        };
        let size = arrived.size;
        let seconds = arrived.took.as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate for people; messages are far smaller than 2^52 octets"
        )]
        let rate = size as f64 / 1024.0 / seconds;
        Reply::new(
            250,
            (2, 6, 0),
            format!(
                "{message_id} [InternalId={id}, Hostname={server}] {size} bytes in {seconds:.3}, \
                 {rate:.3} KB/sec Queued mail for delivery"
            ),
        )
    }

    /// Writes one copy for each tenant, where there is a maildir.
    async fn keep(
        &self,
        transaction: &Transaction,
        parts: &[Part],
        arrived: &mut Arrived,
    ) -> Result<(), ()> {
        if arrived.failed {
            return Err(());
        }
        let (Some(maildir), Some(mut draft)) = (&self.shared.maildir, arrived.draft.take()) else {
            return Ok(());
        };
        let rulebook = &transaction.rulebook;
        let kept = async {
            let mut copies = Vec::new();
            let mut whole = false;
            for (number, part) in parts.iter().enumerate() {
                let stamps = part.stamps(rulebook, number);
                if number == 0 && draft.stamps() == stamps.as_bytes() {
                    whole = true;
                    continue;
                }
                let world = rulebook.forest.world();
                let tenant = part.tenant.and_then(|tenant| world.tenant(tenant));
                let mut copy = maildir.begin(tenant, stamps.as_bytes()).await?;
                draft.copy_into(&mut copy).await?;
                copies.push(copy);
            }
            if whole {
                copies.push(draft);
            }
            for copy in copies {
                copy.keep().await?;
            }
            Ok::<_, std::io::Error>(())
        };
        kept.await.map_err(|error| {
            tracing::error!(%error, "cannot keep a message");
        })
    }
}

/// Characters of a Message-ID in the reply, whose line has 512 octets.
const LONGEST_ID: usize = 250;
