//! The message itself, a piece at a time, by DATA or BDAT.

use tenantry_smtp::{Content, ContentFault, Reply, Severity};

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
        let strike = self.strike(FaultStage::Data, &tenants).await?;
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
                .strike(FaultStage::Data, &tenants.unwrap_or_default())
                .await?;
            self.begin_message().await;
            let reply = self.reply_of(&strike);
            if let Some(transaction) = &mut self.transaction {
                transaction.chunk_reply =
                    reply.filter(|reply| reply.severity() != Severity::Positive);
            }
        }
        self.carry().await
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
        if self.answer(&reply, &Strike::default()).await? != Severity::Positive {
            self.transaction = None;
        }
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
        self.refusal(&texts::in_exchange_words(&fault.reply()))
    }
}
