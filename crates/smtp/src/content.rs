//! The content of a message on the wire: what may be in it, how DATA frames it.
//!
//! The way in ([`DataDecoder`], [`ContentCheck`]) and the way out ([`DataEncoder`]) share no code,
//! so that a mistake in one cannot let a smuggled message through the other.

mod check;
mod decoder;
mod encoder;
mod scan;

use thiserror::Error;

pub use check::{ContentCheck, ContentMode};
pub use decoder::{DataDecoder, Decoded};
pub use encoder::{DataEncoder, EncodeError};

use crate::reply::{EnhancedCode, Reply};

/// How much content is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentLimits {
    /// Octets of the message.
    pub max_octets: u64,
    /// Octets of a line without its CRLF.
    pub max_line: usize,
}

/// What is wrong with a content; the first fault counts, but for an end that is in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum ContentFault {
    /// A CR that no LF follows.
    #[error("message has a bare CR")]
    BareCr,
    /// An LF that follows no CR.
    #[error("message has a bare LF")]
    BareLf,
    /// A NUL.
    #[error("message has a NUL")]
    Nul,
    /// A line over the limit.
    #[error("message has a line over the limit")]
    LineTooLong,
    /// More octets than the limit.
    #[error("message is over the size limit")]
    TooBig,
    /// More BDAT chunks than the limit.
    #[error("message has too many chunks")]
    TooManyChunks,
    /// CR CR LF "." CR LF: an end of data to some and none to others, so that what follows may be content as well as
    /// commands. Nothing of it may be read: the connection is closed.
    #[error("message has an end that is in doubt")]
    DoubtfulEnd,
}

impl ContentFault {
    /// The refusal of the message, due after its true end.
    #[must_use]
    pub const fn reply(self) -> Reply {
        let syntax = Some(EnhancedCode::new(5, 5, 2));
        let content = Some(EnhancedCode::new(5, 6, 0));
        let size = Some(EnhancedCode::new(5, 3, 4));
        match self {
            Self::BareCr => Reply::fixed(550, syntax, "Message has a bare CR"),
            Self::BareLf => Reply::fixed(550, syntax, "Message has a bare LF"),
            Self::Nul => Reply::fixed(550, syntax, "Message has a NUL"),
            Self::LineTooLong => Reply::fixed(554, content, "Message has a line that is too long"),
            Self::TooBig => Reply::fixed(552, size, "Message too big"),
            Self::TooManyChunks => Reply::fixed(552, size, "Message has too many chunks"),
            Self::DoubtfulEnd => {
                Reply::fixed(521, syntax, "Message has a bare CR before its end, closing")
            }
        }
    }

    /// A stable word for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BareCr => "bare-cr",
            Self::BareLf => "bare-lf",
            Self::Nul => "nul",
            Self::LineTooLong => "line-too-long",
            Self::TooBig => "too-big",
            Self::TooManyChunks => "too-many-chunks",
            Self::DoubtfulEnd => "doubtful-end",
        }
    }
}

impl Default for ContentLimits {
    /// 150 MiB and 65,535 octets.
    fn default() -> Self {
        Self {
            max_octets: 150 * 1024 * 1024,
            max_line: 65_535,
        }
    }
}
