//! Misbehaviour on request: what, at which stage, how often.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

/// What a server that speaks TLS 1.0 and nothing later answers a ClientHello (RFC 2246 section
/// 7.4.1.3), for [`Stage::Handshake`].
pub const TLS10_SERVER_HELLO: &[u8] = b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01\
    a random number of 32 octets....\x00\x00\x2f\x00";

/// Where in a session a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The connection is ready for the greeting; with implicit TLS after the handshake.
    Banner,
    /// EHLO or HELO was read.
    Ehlo,
    /// STARTTLS was read.
    Starttls,
    /// The TLS handshake is due: raw answers take its place.
    Handshake,
    /// MAIL was read.
    Mail,
    /// RCPT was read.
    Rcpt,
    /// DATA was read.
    Data,
    /// Content is being read, by DATA or BDAT; see [`Fault::after_octets`].
    Content,
    /// A BDAT chunk that is not the last was read.
    Chunk,
    /// The content has ended: the reply to the final dot or to BDAT LAST.
    End,
    /// RSET was read.
    Rset,
    /// NOOP was read.
    Noop,
    /// QUIT was read.
    Quit,
}

/// One fault: at a stage, for those it is meant for, an action instead of the usual one.
///
/// The action runs in this order: wait, answer, wait again, extra octets, and then go on, close,
/// reset or hang.
#[derive(Debug, Clone)]
pub struct Fault {
    pub(super) stage: Stage,
    containing: Option<Bytes>,
    certificate: Option<String>,
    pub(super) octets: u64,
    skip: u64,
    times: u64,
    pub(super) action: Action,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Action {
    pub(super) delay: Duration,
    pub(super) answer: Answer,
    pub(super) trickle: Duration,
    pub(super) pause: Duration,
    pub(super) extra: Bytes,
    pub(super) then: Then,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Answer {
    #[default]
    Usual,
    Raw(Bytes),
    Nothing,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Then {
    #[default]
    Continue,
    Close,
    Reset,
    Hang,
}

impl Fault {
    /// A fault at a stage, every time, that does nothing yet.
    #[must_use]
    pub fn at(stage: Stage) -> Self {
        Self {
            stage,
            containing: None,
            certificate: None,
            octets: 0,
            skip: 0,
            times: u64::MAX,
            action: Action::default(),
        }
    }

    /// These raw octets instead of the usual reply, line end included. What starts with `2` or `3`
    /// has the usual effect, too; anything else refuses.
    #[must_use]
    pub fn answer(mut self, raw: impl Into<Bytes>) -> Self {
        self.action.answer = Answer::Raw(raw.into());
        self
    }

    /// No reply. At [`Stage::End`] the message counts as taken all the same.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.action.answer = Answer::Nothing;
        self
    }

    /// Waits before the reply.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.action.delay = delay;
        self
    }

    /// The reply octet by octet, with this time between them.
    #[must_use]
    pub fn trickle(mut self, pace: Duration) -> Self {
        self.action.trickle = pace;
        self
    }

    /// These octets right behind the reply, in the same write. At [`Stage::Starttls`] they are
    /// clear text that an attacker would have injected.
    #[must_use]
    pub fn inject(mut self, raw: impl Into<Bytes>) -> Self {
        self.action.extra = raw.into();
        self
    }

    /// Waits after the reply, before what was injected or before the end.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.action.pause = pause;
        self
    }

    /// Closes the connection afterwards, in order.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.action.then = Then::Close;
        self
    }

    /// Resets the connection afterwards (TCP RST), losing what the client has not read yet.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.action.then = Then::Reset;
        self
    }

    /// Neither reads nor writes any more, but keeps the connection until the upstream stops.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.action.then = Then::Hang;
        self
    }

    /// For [`Stage::Content`]: once so many octets of content were read.
    #[must_use]
    pub fn after_octets(mut self, octets: u64) -> Self {
        self.octets = octets;
        self
    }

    /// Only for commands whose line contains this.
    #[must_use]
    pub fn containing(mut self, text: impl Into<Bytes>) -> Self {
        self.containing = Some(text.into());
        self
    }

    /// Only on connections with the client certificate of this fingerprint.
    #[must_use]
    pub fn for_certificate(mut self, fingerprint: impl Into<String>) -> Self {
        self.certificate = Some(fingerprint.into());
        self
    }

    /// Not the first so many times.
    #[must_use]
    pub fn skip(mut self, times: u64) -> Self {
        self.skip = times;
        self
    }

    /// At most so many times, over all connections.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// At most once, over all connections.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }
}

/// The faults of an upstream with how often each was met. Never locked; without faults it costs
/// one comparison a command.
#[derive(Debug, Default)]
pub(super) struct Faults {
    faults: Vec<(Fault, AtomicU64)>,
}

impl Faults {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        let faults = faults.into_iter().map(|fault| (fault, AtomicU64::new(0)));
        Self {
            faults: faults.collect(),
        }
    }

    pub(super) fn has_content(&self) -> bool {
        self.faults
            .iter()
            .any(|(fault, _)| fault.stage == Stage::Content)
    }

    /// The first fault that is meant for this moment.
    pub(super) fn met(
        &self,
        stage: Stage,
        line: &[u8],
        octets: u64,
        certificate: Option<&str>,
    ) -> Option<&Action> {
        self.faults
            .iter()
            .filter(|(fault, _)| fault.stage == stage && fault.octets <= octets)
            .filter(|(fault, _)| fault.is_for(line, certificate))
            .find(|(fault, met)| {
                let met = met.fetch_add(1, Ordering::Relaxed);
                met >= fault.skip && met - fault.skip < fault.times
            })
            .map(|(fault, _)| &fault.action)
    }
}

impl Fault {
    fn is_for(&self, line: &[u8], certificate: Option<&str>) -> bool {
        let certificate_fits = match &self.certificate {
            Some(wanted) => certificate == Some(wanted.as_str()),
            None => true,
        };
        let line_fits = match &self.containing {
            Some(part) => memchr::memmem::find(line, part).is_some(),
            None => true,
        };
        certificate_fits && line_fits
    }
}
