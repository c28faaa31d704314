//! May this command come now? Nothing here changes the session.

use super::content::Skip;
use super::texts;
use super::transaction::MailFacts;
use super::{ServerSession, State, TlsState};
use crate::command::{Command, CommandError, Mail, Rcpt};
use crate::parameter::Body;
use crate::reply::Reply;

/// What is to be done about a line.
#[derive(Debug)]
pub(super) enum Admission {
    /// Hand it out; RCPT is counted, anything else becomes due.
    Take(Command, Option<Due>),
    Refuse(Reply, ErrorKind),
    Close(Reply),
    /// Consume the chunk that follows, then refuse it.
    Skip(Skip),
}

/// What a refusal counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ErrorKind {
    /// A violation of syntax or order.
    Protocol,
    /// No SMTP command at all.
    Unrecognised,
    /// Nothing wrong but too much; not counted.
    Limit,
}

/// What was handed out and waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Greeting { extended: bool },
    Mail(MailFacts),
    Data,
    Message,
    Chunk { last: bool },
    Reset,
    StartTls,
    Quit,
    Other,
}

impl Admission {
    /// Whether it may be handed out while recipients are due.
    pub(super) const fn is_grouped(&self) -> bool {
        matches!(
            self,
            Self::Take(Command::Rcpt(_) | Command::Data | Command::Bdat { .. }, _)
        )
    }

    const fn order(reply: Reply) -> Self {
        Self::Refuse(reply, ErrorKind::Protocol)
    }
}

impl From<CommandError> for Admission {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::OtherProtocol => Self::Close(texts::NOT_SMTP),
            // The octets of such a chunk could not be told from commands.
            CommandError::ChunkSize => Self::Close(error.reply()),
            CommandError::Unrecognised => Self::Refuse(error.reply(), ErrorKind::Unrecognised),
            CommandError::NotImplemented
            | CommandError::Octets
            | CommandError::ArgumentMissing
            | CommandError::ArgumentUnexpected
            | CommandError::Argument
            | CommandError::Sender(_)
            | CommandError::Recipient(_)
            | CommandError::Parameter(_) => Self::Refuse(error.reply(), ErrorKind::Protocol),
        }
    }
}

/// Whether a command brings no mail forward.
pub(super) fn is_non_mail(command: &Command, state: State) -> bool {
    match command {
        Command::Noop | Command::Vrfy | Command::Expn | Command::Help => true,
        Command::Rset => !state.in_transaction(),
        Command::Ehlo(_) | Command::Helo(_) => state != State::Connected,
        Command::Mail(_)
        | Command::Rcpt(_)
        | Command::Data
        | Command::Bdat { .. }
        | Command::Quit
        | Command::StartTls => false,
    }
}

impl ServerSession {
    pub(super) fn admit_command(&self, command: Command) -> Admission {
        if let Command::Bdat { size, last } = command {
            return self.admit_chunk(size, last);
        }
        if self.tls == TlsState::Required && !is_allowed_in_clear(&command) {
            return Admission::order(texts::TLS_REQUIRED);
        }
        let take = |due| Admission::Take(command.clone(), Some(due));
        match &command {
            Command::Ehlo(_) => take(Due::Greeting { extended: true }),
            Command::Helo(_) => take(Due::Greeting { extended: false }),
            Command::Mail(mail) => self.admit_mail(mail).unwrap_or_else(|| {
                take(Due::Mail(MailFacts {
                    smtputf8: mail.parameters.smtputf8(),
                    body: mail.parameters.body().unwrap_or_default(),
                }))
            }),
            Command::Rcpt(rcpt) => match self.admit_rcpt(rcpt) {
                Some(refusal) => refusal,
                None => Admission::Take(command, None),
            },
            Command::Data => self.admit_data().unwrap_or_else(|| take(Due::Data)),
            Command::Bdat { .. } => Admission::order(texts::NO_MAIL),
            Command::Rset => take(Due::Reset),
            Command::Quit => take(Due::Quit),
            Command::StartTls => match self.tls {
                TlsState::Off => Admission::order(texts::NOT_OFFERED),
                TlsState::Active => Admission::order(texts::TLS_ACTIVE),
                TlsState::Optional | TlsState::Required if self.state == State::Connected => {
                    Admission::order(texts::NO_GREETING)
                }
                TlsState::Optional | TlsState::Required => take(Due::StartTls),
            },
            Command::Noop | Command::Vrfy | Command::Expn | Command::Help => take(Due::Other),
        }
    }

    fn admit_mail(&self, mail: &Mail) -> Option<Admission> {
        match self.state {
            State::Connected => return Some(Admission::order(texts::NO_GREETING)),
            State::Greeted => {}
            State::Mail
            | State::Data
            | State::DataEnd
            | State::Chunk
            | State::ChunkEnd
            | State::Chunked
            | State::StartTls
            | State::Closed => return Some(Admission::order(texts::MAIL_TWICE)),
        }
        if self.messages >= self.limits.messages {
            return Some(Admission::Close(texts::TOO_MANY_MESSAGES));
        }
        let max = self.limits.content.max_octets;
        let offered = self.offer.size.filter(|size| *size > 0).unwrap_or(max);
        (mail.parameters.size() > Some(max.min(offered)))
            .then_some(Admission::Refuse(texts::TOO_BIG, ErrorKind::Limit))
    }

    fn admit_rcpt(&self, rcpt: &Rcpt) -> Option<Admission> {
        if let Some(refusal) = self.no_transaction() {
            return Some(Admission::order(refusal));
        }
        if !self.transaction.mail.smtputf8 && !rcpt.is_ascii() {
            return Some(Admission::order(texts::NO_SMTPUTF8));
        }
        if self.transaction.asked >= self.limits.recipients.saturating_add(OVERSHOOT) {
            return Some(Admission::Close(texts::ENDLESS_RECIPIENTS));
        }
        let held = self
            .transaction
            .accepted
            .saturating_add(self.recipients_due);
        (held >= self.limits.recipients).then_some(Admission::Refuse(
            texts::TOO_MANY_RECIPIENTS,
            ErrorKind::Limit,
        ))
    }

    fn admit_data(&self) -> Option<Admission> {
        let refusal = self.no_transaction().or_else(|| self.no_recipients());
        if let Some(refusal) = refusal {
            return Some(Admission::order(refusal));
        }
        (self.transaction.mail.body == Body::BinaryMime)
            .then_some(Admission::order(texts::BINARY_NEEDS_BDAT))
    }

    /// Why there is no transaction to which a command could belong.
    fn no_transaction(&self) -> Option<Reply> {
        match self.state {
            State::Mail => None,
            State::Connected => Some(texts::NO_GREETING),
            State::Chunk | State::ChunkEnd | State::Chunked => Some(texts::CHUNKS_OPEN),
            State::Greeted | State::Data | State::DataEnd | State::StartTls | State::Closed => {
                Some(texts::NO_MAIL)
            }
        }
    }

    fn no_recipients(&self) -> Option<Reply> {
        match (self.transaction.accepted, self.transaction.asked) {
            _ if self.recipients_due > 0 => None,
            (0, 0) => Some(texts::NO_RCPT),
            (0, _) => Some(texts::NO_VALID_RCPT),
            (_, _) => None,
        }
    }

    /// A chunk's octets follow whatever the answer, so a refused one is skipped.
    fn admit_chunk(&self, size: u64, last: bool) -> Admission {
        if size
            > self
                .limits
                .content
                .max_octets
                .saturating_mul(8)
                .max(MAX_SKIP)
        {
            return Admission::Close(texts::TOO_BIG);
        }
        let skip = |reply, kind| {
            Admission::Skip(Skip {
                remaining: size,
                last,
                reply,
                kind,
            })
        };
        if self.tls == TlsState::Required {
            return skip(texts::TLS_REQUIRED, ErrorKind::Protocol);
        }
        if !self.offer_in_force().chunking {
            return skip(texts::NOT_OFFERED, ErrorKind::Protocol);
        }
        let refusal = match self.state {
            State::Chunked => None,
            State::Mail => self.no_recipients(),
            State::Greeted if self.trailing_chunks > self.limits.chunks => {
                return Admission::Close(texts::TOO_MANY_ERRORS);
            }
            State::Greeted if self.trailing_chunks > 0 => {
                return skip(texts::NO_MAIL, ErrorKind::Limit);
            }
            State::Connected
            | State::Greeted
            | State::Data
            | State::DataEnd
            | State::Chunk
            | State::ChunkEnd
            | State::StartTls
            | State::Closed => self.no_transaction(),
        };
        match refusal {
            Some(reply) => skip(reply, ErrorKind::Protocol),
            None => Admission::Take(Command::Bdat { size, last }, Some(Due::Chunk { last })),
        }
    }
}

/// RCPT commands beyond the limit that are still answered; then the connection is closed.
const OVERSHOOT: u32 = 1000;

/// Octets of a refused chunk that are consumed at least; beyond, the connection is closed.
const MAX_SKIP: u64 = 1 << 30;

/// RFC 3207 section 4.
const fn is_allowed_in_clear(command: &Command) -> bool {
    match command {
        Command::Ehlo(_)
        | Command::Helo(_)
        | Command::Noop
        | Command::Rset
        | Command::Quit
        | Command::StartTls => true,
        Command::Mail(_)
        | Command::Rcpt(_)
        | Command::Data
        | Command::Bdat { .. }
        | Command::Vrfy
        | Command::Expn
        | Command::Help => false,
    }
}
