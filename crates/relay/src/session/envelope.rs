//! Recipients: decided here, confirmed by the upstream, answered in the order of asking.
//!
//! Recipients that arrive together go upstream together; nothing is said to the client about a recipient before the
//! upstream has said it.

use tenantry_smtp::{Rcpt, Reply};

use super::Session;
use crate::evidence;
use crate::reply::{self, Fault};
use crate::upstream::error::UpstreamError;
use crate::upstream::exchange::Then;

/// A recipient that waits for its answer.
#[derive(Debug)]
pub(super) enum Pending {
    /// Our own decision was no.
    Refused(Reply),
    /// The upstream is to be asked.
    Ask(Rcpt),
}

/// What follows the recipients at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    /// Perhaps further recipients.
    MayCome,
    /// DATA, which has arrived already.
    DataFollows,
}

impl Session {
    /// Takes the decision about a recipient; the answer follows in [`Session::settle`].
    pub(super) fn recipient(&mut self, rcpt: Rcpt) {
        let Some(transaction) = &mut self.transaction else {
            // The protocol machine hands out RCPT in a transaction only.
            self.pending
                .push(Pending::Refused(reply::Answer::NoRecipients.reply()));
            return;
        };
        let evidence = evidence::recipient(&rcpt.path);
        let outcome = transaction.decide(&self.evidence, &evidence, &rcpt.path);
        let pending = match reply::to_outcome(&outcome) {
            Some(refusal) => {
                transaction.note_reply(&refusal);
                let reason = outcome.reason().unwrap_or_default();
                transaction.blame(
                    Fault::Client,
                    format!("a recipient is not accepted: {reason}"),
                );
                Pending::Refused(refusal)
            }
            None => Pending::Ask(rcpt),
        };
        self.pending.push(pending);
    }

    /// Asks the upstream about the recipients that wait, and answers all of them.
    pub(super) async fn settle(&mut self, more: More) {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return;
        }
        let mut asked = Vec::with_capacity(pending.len());
        let mut order = Vec::with_capacity(pending.len());
        for recipient in pending {
            match recipient {
                Pending::Refused(reply) => order.push(Some(reply)),
                Pending::Ask(rcpt) => {
                    asked.push(rcpt);
                    order.push(None);
                }
            }
        }
        let mut answers = self.ask_upstream(&asked, more).await.into_iter();
        for known in order {
            let fallback = || reply::to_upstream_error(&UpstreamError::Busy);
            let reply = known.or_else(|| answers.next()).unwrap_or_else(fallback);
            self.answer(&reply);
        }
    }

    async fn ask_upstream(&mut self, asked: &[Rcpt], more: More) -> Vec<Reply> {
        if asked.is_empty() {
            return Vec::new();
        }
        let Some(transaction) = &mut self.transaction else {
            return Vec::new();
        };
        let then = match more {
            More::MayCome => Then::Wait,
            More::DataFollows => Then::Data,
        };
        let replies = match transaction.ask(&self.shared, asked, then).await {
            Ok(replies) => {
                transaction.upstream_answered(&replies);
                replies.iter().map(reply::from_upstream).collect()
            }
            Err(error) => vec![reply::to_upstream_error(&error); asked.len()],
        };
        if let Some(last) = replies.last() {
            transaction.note_reply(last);
        }
        replies
    }
}
