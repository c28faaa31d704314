//! One message over an upstream connection: MAIL, RCPT and DATA in as few round trips as the upstream allows.
//!
//! The connection is taken when the first recipient goes out. A kept connection that turns out dead before MAIL was
//! answered is replaced by a new one, once and unseen; after that nothing is ever sent twice.

use std::sync::Arc;

use tenantry_net::Fingerprint;
use tenantry_smtp::{ClientError, Mail, Rcpt, Reply, Sent, Severity};

use super::commands::{present_the_right_identity, queue_mail, queue_rcpt, step, suits};
use super::content::{Large, Outgoing};
use super::error::{Stage, UpstreamError};
use super::pool::{Freshness, Lease};
use crate::config::Timeouts;
use crate::route::{Route, Target};
use crate::telemetry::events;

/// One message on its way to one tenant's upstream.
#[derive(Debug)]
pub(crate) struct Exchange {
    route: Arc<Route>,
    pub(super) timeouts: Arc<Timeouts>,
    instance: Arc<str>,
    pub(super) lease: Option<Lease>,
    mail: MailState,
    /// The upstream's answer to a DATA that went out together with the recipients.
    data: Option<Reply>,
    accepted: u32,
    failed: Option<UpstreamError>,
    /// The upstream that took the transaction, for the log.
    target: usize,
    identity: Option<Fingerprint>,
    pub(super) content: ContentState,
}

/// Whether the upstream has been shown any content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentState {
    NotBegun,
    Begun,
}

/// How far MAIL is.
#[derive(Clone, Debug)]
enum MailState {
    Waiting,
    Accepted,
    Refused(Reply),
}

/// Whether DATA goes out behind the recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// More recipients may come.
    Wait,
    /// The client has asked for DATA already.
    Data,
}

impl Exchange {
    /// A message for this route; nothing is sent yet.
    pub(crate) fn new(route: Arc<Route>, timeouts: Arc<Timeouts>, instance: Arc<str>) -> Self {
        Exchange {
            route,
            timeouts,
            instance,
            lease: None,
            mail: MailState::Waiting,
            data: None,
            accepted: 0,
            failed: None,
            target: 0,
            identity: None,
            content: ContentState::NotBegun,
        }
    }

    /// Hands a group of recipients over; the answers come in the same order.
    ///
    /// # Errors
    /// The transaction as a whole failed; nothing of it is valid any more.
    pub(crate) async fn recipients(
        &mut self,
        mail: &Mail,
        group: &[Rcpt],
        then: Then,
    ) -> Result<Vec<Reply>, UpstreamError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.hand_over(mail, group, then).await;
        if let Err(error) = &result {
            self.fail(error.clone());
        }
        result
    }

    async fn hand_over(
        &mut self,
        mail: &Mail,
        group: &[Rcpt],
        then: Then,
    ) -> Result<Vec<Reply>, UpstreamError> {
        if let MailState::Refused(reply) = &self.mail {
            return Ok(vec![reply.clone(); group.len()]);
        }
        let mut freshness = Freshness::KeptOrNew;
        loop {
            if self.lease.is_none() {
                self.lease = Some(self.lease(freshness).await?);
            }
            match self.send_group(mail, group, then).await {
                Err(error) if self.may_retry(&error) => {
                    self.lease = None;
                    freshness = Freshness::New;
                }
                result => return result,
            }
        }
    }

    /// A kept connection that was dead all along: nothing was asked of the upstream yet.
    fn may_retry(&mut self, error: &UpstreamError) -> bool {
        let dead = matches!(
            error,
            UpstreamError::Closed(_)
                | UpstreamError::Protocol {
                    error: ClientError::Unsolicited,
                    ..
                }
        ) || says_goodbye(error);
        let Some(lease) = &mut self.lease else {
            return false;
        };
        let connection = lease.connection();
        dead && connection.reused
            && matches!(self.mail, MailState::Waiting)
            && !connection.has_answered_mail()
    }

    async fn lease(&mut self, freshness: Freshness) -> Result<Lease, UpstreamError> {
        let mut last = None;
        for (index, target) in self.route.targets.iter().enumerate() {
            match target
                .slot
                .lease(target, &self.timeouts, &self.instance, freshness)
                .await
            {
                Ok(mut lease) => {
                    self.target = index;
                    self.identity = lease.connection().seen();
                    return Ok(lease);
                }
                Err(error) => {
                    events::upstream_failed(&target.key, &error);
                    if !error.is_before_the_transaction() {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or(UpstreamError::Busy))
    }

    async fn send_group(
        &mut self,
        mail: &Mail,
        group: &[Rcpt],
        then: Then,
    ) -> Result<Vec<Reply>, UpstreamError> {
        let timeouts = Arc::clone(&self.timeouts);
        let route = Arc::clone(&self.route);
        let Some(lease) = &mut self.lease else {
            return Err(UpstreamError::Busy);
        };
        let connection = lease.connection();
        let waiting = matches!(self.mail, MailState::Waiting);
        if waiting {
            suits(connection, mail, &route)?;
            present_the_right_identity(connection, route.targets.get(self.target))?;
            connection.expect_silence(Stage::Mail).await?;
            if connection.needs_reset {
                connection.smtp.rset(&mut connection.channel.output);
                step(connection, Stage::Mail, timeouts.upstream_mail).await?;
                connection.expect_silence(Stage::Mail).await?;
            }
            queue_mail(connection, mail);
            step(connection, Stage::Mail, timeouts.upstream_mail).await?;
        }
        for rcpt in group {
            connection.expect_silence(Stage::Rcpt).await?;
            queue_rcpt(connection, rcpt);
            step(connection, Stage::Rcpt, timeouts.upstream_rcpt).await?;
        }
        let data =
            then == Then::Data && connection.offer().pipelining && !connection.offer().chunking;
        if data {
            connection.smtp.data(&mut connection.channel.output);
        }
        connection
            .flush(Stage::Rcpt, timeouts.upstream_rcpt)
            .await?;
        self.collect(group.len(), data).await
    }

    async fn collect(
        &mut self,
        recipients: usize,
        data: bool,
    ) -> Result<Vec<Reply>, UpstreamError> {
        let mut replies = Vec::with_capacity(recipients);
        while replies.len() < recipients {
            let (sent, reply) = self.next_reply().await?;
            match sent {
                Sent::Mail => self.mail_answered(reply)?,
                Sent::Rcpt => {
                    if reply.code() == GOING_AWAY {
                        return Err(UpstreamError::Refused {
                            stage: Stage::Rcpt,
                            reply,
                        });
                    }
                    replies.push(self.recipient_answered(reply));
                }
                Sent::Rset | Sent::Noop => {}
                Sent::Greeting
                | Sent::Ehlo
                | Sent::StartTls
                | Sent::Data
                | Sent::Content
                | Sent::Chunk
                | Sent::Quit => {
                    return Err(UpstreamError::Closed(Stage::Rcpt));
                }
            }
        }
        if data {
            let (_sent, reply) = self.next_reply().await?;
            self.data = Some(reply);
        }
        Ok(replies)
    }

    async fn next_reply(&mut self) -> Result<(Sent, Reply), UpstreamError> {
        let (stage, within) = match self.mail {
            MailState::Waiting => (Stage::Mail, self.timeouts.upstream_mail),
            MailState::Accepted | MailState::Refused(_) => {
                (Stage::Rcpt, self.timeouts.upstream_rcpt)
            }
        };
        match &mut self.lease {
            Some(lease) => lease.connection().reply(stage, within).await,
            None => Err(UpstreamError::Closed(stage)),
        }
    }

    fn mail_answered(&mut self, reply: Reply) -> Result<(), UpstreamError> {
        if reply.code() == GOING_AWAY {
            return Err(UpstreamError::Refused {
                stage: Stage::Mail,
                reply,
            });
        }
        match reply.severity() {
            Severity::Positive => {
                self.mail = MailState::Accepted;
                if let Some(lease) = &mut self.lease {
                    lease.connection().needs_reset = true;
                }
            }
            Severity::Intermediate | Severity::Transient | Severity::Permanent => {
                self.mail = MailState::Refused(reply);
            }
        }
        Ok(())
    }

    fn recipient_answered(&mut self, reply: Reply) -> Reply {
        if let MailState::Refused(refusal) = &self.mail {
            return refusal.clone();
        }
        if reply.severity() == Severity::Positive {
            self.accepted += 1;
        }
        reply
    }

    /// Gets the upstream ready for the content: BDAT needs nothing, DATA needs its 354.
    ///
    /// # Errors
    /// The upstream does not want the content, or the transaction failed before.
    pub(crate) async fn start_content(
        &mut self,
        mail: &Mail,
        large: Large,
    ) -> Result<Outgoing, UpstreamError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.ask_for_content(mail, large).await;
        if let Err(error) = &result {
            self.fail(error.clone());
        }
        result
    }

    async fn ask_for_content(
        &mut self,
        mail: &Mail,
        large: Large,
    ) -> Result<Outgoing, UpstreamError> {
        let limit = self.route.tenant.max_message_size;
        let Some(lease) = &mut self.lease else {
            return Err(UpstreamError::Closed(Stage::Data));
        };
        let connection = lease.connection();
        connection.expect_silence(Stage::Data).await?;
        let offer = *connection.offer();
        let body = mail.parameters.body();
        if offer.chunking {
            return Ok(Outgoing::chunks(&offer, body, limit, large));
        }
        self.ask_for_data().await?;
        Ok(Outgoing::lines(&offer, limit))
    }

    /// DATA and its 354, unless that was asked together with the recipients.
    ///
    /// # Errors
    /// The upstream does not want the content.
    pub(super) async fn ask_for_data(&mut self) -> Result<(), UpstreamError> {
        let within = self.timeouts.upstream_data;
        let Some(lease) = &mut self.lease else {
            return Err(UpstreamError::Closed(Stage::Data));
        };
        let connection = lease.connection();
        let reply = match self.data.take() {
            Some(reply) => reply,
            None => {
                connection.expect_silence(Stage::Data).await?;
                connection.smtp.data(&mut connection.channel.output);
                connection.flush(Stage::Data, within).await?;
                connection.reply(Stage::Data, within).await?.1
            }
        };
        match reply.severity() {
            Severity::Intermediate => {
                self.content = ContentState::Begun;
                Ok(())
            }
            Severity::Positive => Err(UpstreamError::Nonsense {
                stage: Stage::Data,
                code: reply.code(),
            }),
            Severity::Transient | Severity::Permanent => Err(UpstreamError::Refused {
                stage: Stage::Data,
                reply,
            }),
        }
    }

    /// Whether the upstream accepted at least one recipient and the transaction still stands.
    pub(crate) fn has_recipients(&self) -> bool {
        self.accepted > 0 && self.failed.is_none()
    }

    /// Why the transaction failed, if it did.
    pub(crate) fn failure(&self) -> Option<&UpstreamError> {
        self.failed.as_ref()
    }

    /// Ends the transaction as failed. A refusal leaves the connection usable, everything else closes it without an
    /// end of data, so that no half message is ever taken for a whole one.
    pub(crate) fn fail(&mut self, error: UpstreamError) {
        let usable = if let UpstreamError::Refused { stage, .. } = &error {
            !says_goodbye(&error)
                && matches!(
                    stage,
                    Stage::Mail | Stage::Rcpt | Stage::Data | Stage::FinalReply
                )
        } else {
            matches!(error, UpstreamError::Unsupported(_))
                && self.data.is_none()
                && matches!(self.mail, MailState::Waiting)
        };
        match self.lease.take() {
            Some(lease) if usable => lease.put_back(),
            Some(_) | None => {}
        }
        self.failed = Some(error);
    }

    /// Gives the connection back after the upstream's last word on the message.
    pub(crate) fn finished(&mut self) {
        if let Some(mut lease) = self.lease.take() {
            let connection = lease.connection();
            connection.messages += 1;
            connection.needs_reset = false;
            lease.put_back();
        }
    }

    /// Takes note that no content will follow a DATA that went out with the recipients: an upstream that waits for
    /// content all the same is left at once, and never sees an end of data.
    pub(crate) fn decline_content(&mut self) {
        if self.waits_for_content() {
            self.fail(UpstreamError::Closed(Stage::Data));
        }
    }

    /// Whether the upstream said 354 to a DATA that went out with the recipients; its answer is used up.
    fn waits_for_content(&mut self) -> bool {
        let answer = self.data.take();
        answer.is_some_and(|reply| reply.severity() == Severity::Intermediate)
    }

    /// Leaves the transaction without a message; the connection resets itself before its next use.
    pub(crate) fn abandon(&mut self) {
        // An upstream that waits for content must never see an end of data.
        let waits_for_content = self.waits_for_content();
        if let Some(lease) = self.lease.take().filter(|_lease| !waits_for_content) {
            lease.put_back();
        }
    }

    /// Ends the transaction in the middle of its content: the connection closes without an end of data, unless none of
    /// the content was begun.
    pub(crate) fn abort(&mut self) {
        if self.content == ContentState::NotBegun {
            self.abandon();
        } else {
            self.lease = None;
        }
    }

    /// The certificate that the upstream saw, for the log.
    pub(crate) fn identity(&self) -> Option<Fingerprint> {
        self.identity
    }

    /// The upstream in use, for the log.
    pub(crate) fn target(&self) -> Option<&Target> {
        self.route.targets.get(self.target)
    }
}

/// Whether the upstream refused because it closes the connection.
fn says_goodbye(error: &UpstreamError) -> bool {
    matches!(error, UpstreamError::Refused { reply, .. } if reply.code() == GOING_AWAY)
}

/// "Service not available, closing transmission channel" (RFC 5321 section 4.2.3).
const GOING_AWAY: u16 = 421;
