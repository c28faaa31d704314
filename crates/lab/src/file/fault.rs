//! `[[fault]]`: what goes wrong, where, and how often. The front end executes it.

use std::time::Duration;

use crate::reply::Refusal;
use crate::world::{Region, TenantIndex};

/// One fault. Of several that apply at the same moment all are executed, in the file's order.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultSpec {
    /// Only for messages attributed to this tenant, or (where attribution gives none) to a
    /// recipient of it.
    pub tenant: Option<TenantIndex>,
    /// Only at this region's endpoint.
    pub region: Option<Region>,
    /// When in a session it happens.
    pub stage: FaultStage,
    /// How likely each occurrence is, from 0 to 1; drawn from the world's seed.
    pub probability: f64,
    /// How many occurrences pass unharmed first.
    pub after: u64,
    /// How many occurrences are hit then; absent: all.
    pub times: Option<u64>,
    /// Wait before going on.
    pub delay: Duration,
    /// Wait before every octet of the reply; zero: none.
    pub tarpit: Duration,
    /// Answer this instead of the usual reply.
    pub reply: Option<FaultReply>,
    /// Do this to the connection.
    pub action: Option<FaultAction>,
    /// Refuse only what comes faster than this.
    pub throttle: Option<Throttle>,
}

/// When in a session a fault happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultStage {
    /// The connection was accepted, nothing was said.
    Connect,
    /// The greeting is due.
    Greeting,
    /// EHLO or HELO was read.
    Ehlo,
    /// STARTTLS was read; the handshake is part of it.
    Starttls,
    /// MAIL was read.
    Mail,
    /// RCPT was read.
    Rcpt,
    /// DATA was read, or the first BDAT.
    Data,
    /// The content has ended: the reply to the final dot, or to the last BDAT, is due.
    EndOfData,
    /// QUIT was read.
    Quit,
}

/// What a fault answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultReply {
    /// A refusal of the service, with its exact text and the service's suffix.
    Refusal(Refusal),
    /// Code and text as written, without suffix.
    Raw(String),
}

/// What a fault does to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultAction {
    /// Close it without a word.
    Drop,
    /// Close the sending direction, go on reading.
    HalfClose,
    /// Reset it.
    Reset,
    /// After `220` to STARTTLS, send octets that are no TLS.
    BadTls,
    /// Present a server certificate that has expired.
    ExpiredCertificate,
    /// Take and journal the message at once, and answer only after `delay`.
    LateReply,
    /// Take and journal the message, and close without an answer.
    CloseAfterDot,
}

/// A throttling curve: a bucket of `burst` that fills with `messages_per_second`.
#[derive(Debug, Clone, PartialEq)]
pub struct Throttle {
    /// What passes for ever.
    pub messages_per_second: f64,
    /// What passes at once.
    pub burst: u32,
    /// What the others hear.
    pub reply: FaultReply,
}
