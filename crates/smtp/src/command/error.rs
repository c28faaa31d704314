//! Why a line is not a command, and what the client hears.

use thiserror::Error;

use crate::address::{AddressError, Role};
use crate::parameter::ParameterError;
use crate::reply::{EnhancedCode, Reply};

/// Why a line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The verb is unknown.
    #[error("command is not recognised")]
    Unrecognised,
    /// The verb is known and not spoken here.
    #[error("command is not implemented")]
    NotImplemented,
    /// The line belongs to HTTP, TLS, SSH or the PROXY protocol.
    #[error("line belongs to another protocol")]
    OtherProtocol,
    /// The argument has control octets, or octets beyond ASCII where they may not be.
    #[error("argument has octets that it may not have")]
    Octets,
    /// The command needs an argument.
    #[error("argument is missing")]
    ArgumentMissing,
    /// The command takes no argument.
    #[error("command takes no argument")]
    ArgumentUnexpected,
    /// The argument does not follow the grammar.
    #[error("argument does not follow the grammar")]
    Argument,
    /// The chunk is larger than any number here.
    #[error("chunk size is out of range")]
    ChunkSize,
    /// The chunk has no size that can be read.
    #[error("chunk size does not follow the grammar")]
    ChunkSyntax,
    /// The address of MAIL is refused.
    #[error("sender: {0}")]
    Sender(AddressError),
    /// The address of RCPT is refused.
    #[error("recipient: {0}")]
    Recipient(AddressError),
    /// A parameter is refused.
    #[error("{0}")]
    Parameter(ParameterError),
}

impl CommandError {
    /// The refusal that the client gets; it repeats nothing of what the client sent.
    #[must_use]
    pub const fn reply(&self) -> Reply {
        const fn code(subject: u16, detail: u16) -> Option<EnhancedCode> {
            Some(EnhancedCode::new(5, subject, detail))
        }
        match self {
            Self::Unrecognised => Reply::fixed(500, code(5, 1), "Command not recognised"),
            Self::NotImplemented => Reply::fixed(502, code(5, 1), "Command not implemented"),
            Self::OtherProtocol => Reply::fixed(554, code(5, 0), "This is SMTP"),
            Self::Octets => Reply::fixed(501, code(5, 2), "Invalid octets in argument"),
            Self::ArgumentMissing => Reply::fixed(501, code(5, 4), "Argument required"),
            Self::ArgumentUnexpected => Reply::fixed(501, code(5, 4), "No argument allowed"),
            Self::Argument => Reply::fixed(501, code(5, 4), "Argument syntax"),
            Self::ChunkSyntax => Reply::fixed(501, code(5, 4), "Chunk size syntax, closing"),
            Self::ChunkSize => Reply::fixed(552, code(3, 4), "Chunk too big"),
            Self::Sender(error) => error.reply(Role::Sender),
            Self::Recipient(error) => error.reply(Role::Recipient),
            Self::Parameter(error) => error.reply(),
        }
    }
}
