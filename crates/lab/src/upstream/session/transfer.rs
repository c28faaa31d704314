//! DATA and BDAT: content from its first octet to the reply at its end.

use std::fmt::Write;
use std::sync::Arc;

use bytes::BytesMut;

use super::speech::{Effect, effect};
use super::{Ended, Session};
use crate::upstream::command::chunk;
use crate::upstream::content::{Collected, Collector, Decoder, Progress};
use crate::upstream::fault::Stage;
use crate::upstream::record::{Outcome, Record, Via};
use crate::upstream::settings::Keep;

impl Session {
    pub(super) async fn data(&mut self, line: &[u8]) -> Result<(), Ended> {
        if self.envelope.count == 0 || self.chunks.is_some() {
            return self.say(b"503 5.5.2 Need rcpt command\r\n").await;
        }
        let usual = b"354 Start mail input; end with <CRLF>.<CRLF>\r\n";
        if self.reply(Stage::Data, line, usual).await? != Effect::Positive {
            return Ok(());
        }
        let collector = self.collector();
        match self.content(collector).await {
            Ok(collector) => self.end(line, Via::Data, collector).await,
            Err(ended) => {
                self.shared.journal.count(|counters| &counters.truncated);
                Err(ended)
            }
        }
    }

    async fn content(&mut self, mut collector: Collector) -> Result<Collector, Ended> {
        let mut decoder = Decoder::new(self.shared.settings.end_of_data);
        loop {
            let progress = decoder.decode(self.wire.input(), &mut collector);
            self.during_content(&collector).await?;
            match progress {
                Progress::More => self.fill().await?,
                Progress::End => return Ok(collector),
                Progress::EndThenLineFeed => {
                    self.line_feed_follows = true;
                    return Ok(collector);
                }
            }
        }
    }

    pub(super) async fn bdat(&mut self, line: &[u8], argument: &[u8]) -> Result<(), Ended> {
        let Some((size, last)) = chunk(argument) else {
            self.say(b"501 5.5.4 Invalid chunk size\r\n").await?;
            return Err(Ended::Closed);
        };
        let mut collector = match self.chunks.take() {
            Some(collector) => collector,
            None if self.envelope.count > 0 => self.collector(),
            None => return self.unwanted_chunk(size).await,
        };
        let mut left = size;
        while left > 0 {
            match self.piece(&mut left).await {
                Ok(piece) => collector.take(&piece),
                Err(ended) => {
                    self.shared.journal.count(|counters| &counters.truncated);
                    return Err(ended);
                }
            }
            self.during_content(&collector).await?;
        }
        if last {
            return self.end(line, Via::Bdat, collector).await;
        }
        self.chunks = Some(collector);
        let usual = format!("250 2.0.0 {size} octets received\r\n");
        if self.reply(Stage::Chunk, line, usual.as_bytes()).await? == Effect::Negative {
            self.forget();
        }
        Ok(())
    }

    /// The octets of a refused chunk follow all the same (RFC 3030 section 2).
    async fn unwanted_chunk(&mut self, size: u64) -> Result<(), Ended> {
        let mut left = size;
        while left > 0 {
            self.piece(&mut left).await?;
        }
        self.say(b"503 5.5.2 Need rcpt command\r\n").await
    }

    /// What has arrived of the rest of a chunk; at least one octet.
    async fn piece(&mut self, left: &mut u64) -> Result<BytesMut, Ended> {
        if self.wire.input().is_empty() {
            self.fill().await?;
        }
        let arrived = self.wire.input().len();
        let length = usize::try_from(*left).map_or(arrived, |left| left.min(arrived));
        *left = left.saturating_sub(length as u64);
        Ok(self.wire.input().split_to(length))
    }

    /// The message is complete: first the journal, then the reply, so that whoever has seen the
    /// reply finds the message there.
    async fn end(&mut self, line: &[u8], via: Via, collector: Collector) -> Result<(), Ended> {
        let action = self.met(Stage::End, line, collector.size());
        let mut usual = BytesMut::new();
        let number = self.entry.connection.number();
        let message = self.entry.connection.messages().saturating_add(1);
        let written = if collector.size() > self.shared.settings.limits.content {
            usual.write_str("552 5.3.4 Message too big\r\n")
        } else {
            write!(
                usual,
                "250 2.6.0 <{number}.{message}> Queued mail for delivery\r\n"
            )
        };
        debug_assert!(written.is_ok(), "a BytesMut grows");
        let outcome = match effect(action.as_ref(), &usual) {
            Effect::Positive => Outcome::Accepted,
            Effect::Negative => Outcome::Refused,
            Effect::Silent => Outcome::Unanswered,
        };
        self.keep(via, outcome, collector.finish()).await;
        match action {
            None => {
                self.wire.output().extend_from_slice(&usual);
                self.bound_output().await
            }
            Some(action) => self.perform(&action, &usual).await,
        }
    }

    async fn keep(&mut self, via: Via, outcome: Outcome, collected: Collected) {
        let size = collected.size;
        let mut envelope = std::mem::take(&mut self.envelope);
        let shared = &self.shared;
        let domain = envelope.domain.take();
        if shared.settings.keep != Keep::Counts {
            let connection = Arc::clone(&self.entry.connection);
            let helo = self.helo.clone().unwrap_or_default();
            let record = Record::new(connection, helo, envelope, via, outcome, collected);
            shared.journal.record(&self.entry, record).await;
        }
        match outcome {
            Outcome::Accepted | Outcome::Unanswered => {
                if let Some(domain) = domain {
                    shared.journal.tallied(&self.entry.connection, &domain);
                }
                shared.journal.delivered(&self.entry.connection, size);
            }
            Outcome::Refused => shared.journal.count(|counters| &counters.refused),
        }
    }

    async fn during_content(&mut self, collector: &Collector) -> Result<(), Ended> {
        if !self.shared.faults.has_content() {
            return Ok(());
        }
        match self.met(Stage::Content, b"", collector.size()) {
            None => Ok(()),
            Some(action) => {
                let done = self.perform(&action, b"").await;
                self.flush().await?;
                done
            }
        }
    }

    fn collector(&self) -> Collector {
        let settings = &self.shared.settings;
        Collector::new(settings.keep, settings.limits.content)
    }
}
