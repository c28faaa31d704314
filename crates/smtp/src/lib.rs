//! The SMTP protocol without I/O: octets to commands, replies and message content, for both sides.
//!
//! Everything here is pure: no sockets, no clock, no logging. Callers own the buffers; nothing
//! depends on the pieces in which octets arrive. What does not follow the protocol is refused,
//! never repaired. No input makes it panic, and all that it holds is bounded.
//!
//! | side | machine | parts |
//! |---|---|---|
//! | server | [`ServerSession`] | [`Command`], [`DataDecoder`], [`ContentCheck`] |
//! | client | [`ClientSession`] | [`ReplyParser`], [`DataEncoder`] |
//! | both | | [`Reply`], [`Offer`], [`Mailbox`] |

mod address;
mod client;
mod command;
mod content;
mod extension;
mod parameter;
mod reply;
mod server;

pub use address::{AddressError, ForwardPath, Mailbox, Postmaster, ReversePath, Role, Utf8};
pub use client::{ClientError, ClientSession, Sent, put_decimal};
pub use command::{ClientName, Command, CommandError, Mail, Rcpt};
pub use content::{
    ContentCheck, ContentFault, ContentLimits, ContentMode, DataDecoder, DataEncoder, Decoded,
    EncodeError,
};
pub use extension::{Offer, OfferLimits};
pub use parameter::{Body, Parameter, ParameterError, Parameters, Return};
pub use reply::{EnhancedCode, MAX_LINES, Reply, ReplyError, ReplyParser, Severity, parse_reply};
pub use server::{Content, ServerEvent, ServerLimits, ServerSession, State, TlsState};
