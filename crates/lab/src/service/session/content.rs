//! The message itself, a piece at a time, by DATA or BDAT.

use tenantry_smtp::{Content, ContentFault, Reply, Severity, State};

use super::striking::end_of;
use super::{End, Session};
use crate::file::FaultStage;
use crate::service::faults::Strike;
use crate::service::message::Message;
use crate::service::texts;

impl Session {
    pub(super) async fn data(&mut self) -> Result<(), End> {
        let Some(transaction) = &self.transaction else {
            return self.lost().await;
        };
        let tenants = transaction.tenants();
        let strike = self.struck(FaultStage::Data, &tenants).await?;
        self.journal_data(&strike, Severity::Intermediate).await;
        self.survive(&strike).await?;
        if self.answer(&texts::START_INPUT, &strike).await? != Severity::Intermediate {
            // Whoever sends on behind DATA without its 354 sends content (RFC 2920 section 3.1).
            return match self.channel.input.is_empty() {
                true => Ok(()),
                false => Err(self.part(texts::TALKS_IN_CONTENT)),
            };
        }
        self.begin_message().await;
        self.flush().await?;
        self.carry().await
    }

    /// BDAT: the chunk follows whatever its answer will be (RFC 3030 section 2).
    pub(super) async fn chunk(&mut self) -> Result<(), End> {
        let begun = self
            .transaction
            .as_ref()
            .is_some_and(|transaction| transaction.message.is_some());
        if !begun {
            let tenants = self.transaction.as_ref().map(|found| found.tenants());
            let strike = self
                .struck(FaultStage::Data, &tenants.unwrap_or_default())
                .await?;
            if end_of(&strike).is_some() {
                self.journal_data(&strike, Severity::Positive).await;
                return self.survive(&strike).await;
            }
            self.begin_message().await;
            let reply = self.kept_off(&strike, Severity::Positive).flatten();
            if let Some(transaction) = &mut self.transaction {
                transaction.chunk_fault = reply
                    .as_ref()
                    .and_then(|_refused| strike.word(FaultStage::Data));
                transaction.chunk_reply = reply;
            }
        }
        self.carry().await
    }

    /// Journals a message that a fault keeps from being sent.
    async fn journal_data(&self, strike: &Strike, wanted: Severity) {
        let lost = self.kept_off(strike, wanted);
        if let (Some(reply), Some(transaction)) = (lost, &self.transaction) {
            let (parts, fault) = (transaction.parts(), strike.word(FaultStage::Data));
            self.journal_lost(transaction, parts, reply.as_ref(), fault)
                .await;
        }
    }

    async fn begin_message(&mut self) {
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        let draft = match &self.shared.maildir {
            // What will be refused is not written.
            Some(maildir) if transaction.refusal().is_none() || transaction.profile().p2_from => {
                let parts = transaction.parts();
                match parts.first() {
                    Some(part) => {
                        let world = transaction.rulebook.forest.world();
                        let tenant = part.tenant.and_then(|tenant| world.tenant(tenant));
                        let stamps = part.stamps(&transaction.rulebook, 0);
                        maildir.begin(tenant, stamps.as_bytes()).await.map(Some)
                    }
                    None => Ok(None),
                }
            }
            Some(_) | None => Ok(None),
        };
        transaction.message = Some(Message::new(draft));
    }

    /// Reads content to its end, or to the end of the chunk, and answers.
    async fn carry(&mut self) -> Result<(), End> {
        loop {
            let progress = self.decode().await;
            match progress {
                Content::More => {
                    self.flush().await?;
                    self.wait_for_content().await?;
                }
                Content::ChunkEnd { last: false } => return self.chunk_ended().await,
                Content::MessageEnd | Content::ChunkEnd { last: true } => {
                    return self.message_ended().await;
                }
            }
        }
    }

    /// Moves what has arrived into the message.
    async fn decode(&mut self) -> Content {
        let message = self
            .transaction
            .as_mut()
            .and_then(|transaction| transaction.message.as_mut());
        match message {
            Some(message) => {
                let progress = self
                    .smtp
                    .content(&mut self.channel.input, &mut message.piece);
                message.take().await;
                progress
            }
            None => {
                let mut dropped = bytes::BytesMut::new();
                self.smtp.content(&mut self.channel.input, &mut dropped)
            }
        }
    }

    async fn chunk_ended(&mut self) -> Result<(), End> {
        let other = self
            .transaction
            .as_ref()
            .and_then(|transaction| transaction.chunk_reply.clone());
        let reply = match (self.smtp.content_fault(), other) {
            (Some(fault), _) => self.content_refusal(fault),
            (None, Some(reply)) => reply,
            (None, None) => {
                let octets = self.smtp.content_octets();
                Reply::new(
                    250,
                    (2, 6, 0),
                    format!("CHUNK received OK, {octets} octets"),
                )
            }
        };
        if reply.severity() != Severity::Positive
            && let Some(transaction) = self.transaction.take()
        {
            // What was refused in its midst does not go on.
            let (parts, fault) = (transaction.parts(), transaction.chunk_fault.clone());
            self.journal_lost(&transaction, parts, Some(&reply), fault)
                .await;
        }
        self.answer(&reply, &Strike::default()).await?;
        Ok(())
    }

    /// The message has arrived: the verdict, and what may follow it.
    async fn message_ended(&mut self) -> Result<(), End> {
        let doubtful = self.smtp.content_fault() == Some(ContentFault::DoubtfulEnd);
        self.conclude().await?;
        if doubtful {
            // What follows may be content to whoever wrote it: none of it is read.
            return Err(End::Closed);
        }
        Ok(())
    }

    pub(super) fn content_refusal(&self, fault: ContentFault) -> Reply {
        let by_chunks = matches!(self.smtp.state(), State::Chunk | State::ChunkEnd);
        if fault == ContentFault::BareLf && by_chunks {
            return self.refusal(texts::BARE_LF_IN_CHUNK);
        }
        self.refusal(&texts::in_exchange_words(&fault.reply()))
    }
}
