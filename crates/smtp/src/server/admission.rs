//! May this command come now? Nothing here changes the session.

use super::content::Skip;
use super::texts;
use super::{ServerSession, State, TlsState};
use crate::command::{Command, CommandError, Mail, Rcpt};
use crate::parameter::Body;
use crate::reply::Reply;

/// What is to be done about a line.
#[derive(Debug)]
pub(super) enum Admission {
    /// Hand it out.
    Take(Command),
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
    /// One recipient too many; counted with the recipients.
    Recipient,
    /// MAIL that is in order and not wanted.
    Sender,
    /// RCPT behind a MAIL that was refused, which the client could not know.
    GroupedRecipient,
    /// DATA or a chunk behind such a MAIL.
    GroupEnd,
    /// Nothing that the client could have known.
    Innocent,
}

impl Admission {
    /// Whether it may be handed out while recipients are due.
    pub(super) const fn is_grouped(&self) -> bool {
        matches!(
            self,
            Self::Take(Command::Rcpt(_) | Command::Data | Command::Bdat { .. })
        )
    }

    const fn order(reply: Reply) -> Self {
        Self::Refuse(reply, ErrorKind::Protocol)
    }
}

/// Whether a command brings no mail forward; giving up a transaction without an accepted recipient does not, either.
pub(super) fn is_non_mail(command: &Command, state: State, accepted: u32) -> bool {
    match command {
        Command::Noop | Command::Vrfy | Command::Expn | Command::Help => true,
        Command::Rset => !state.in_transaction() || accepted == 0,
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
        let refusal = match &command {
            Command::Mail(mail) => self.admit_mail(mail),
            Command::Rcpt(rcpt) => self.admit_rcpt(rcpt),
            Command::Data => self.admit_data(),
            Command::StartTls => self.admit_starttls(),
            Command::Ehlo(_)
            | Command::Helo(_)
            | Command::Bdat { .. }
            | Command::Rset
            | Command::Noop
            | Command::Quit
            | Command::Vrfy
            | Command::Expn
            | Command::Help => None,
        };
        match refusal {
            Some(refusal) => refusal,
            None => Admission::Take(command),
        }
    }

    /// What cannot be told from a line alone: a refusal of its syntax, or of TLS missing.
    pub(super) fn admit_error(&self, error: CommandError) -> Admission {
        let kind = match error {
            CommandError::OtherProtocol => return Admission::Close(texts::NOT_SMTP),
            // The octets of such a chunk could not be told from commands.
            CommandError::ChunkSize | CommandError::ChunkSyntax => {
                return Admission::Close(error.reply());
            }
            CommandError::Sender(_) | CommandError::Recipient(_) | CommandError::Parameter(_)
                if self.tls == TlsState::Required =>
            {
                return Admission::order(texts::TLS_REQUIRED);
            }
            CommandError::Unrecognised => ErrorKind::Unrecognised,
            CommandError::NotImplemented
            | CommandError::Octets
            | CommandError::ArgumentMissing
            | CommandError::ArgumentUnexpected
            | CommandError::Argument
            | CommandError::Sender(_)
            | CommandError::Recipient(_)
            | CommandError::Parameter(_) => ErrorKind::Protocol,
        };
        Admission::Refuse(error.reply(), kind)
    }

    fn admit_starttls(&self) -> Option<Admission> {
        let refusal = match self.tls {
            TlsState::Off => texts::NOT_OFFERED,
            TlsState::Active => texts::TLS_ACTIVE,
            TlsState::Offered | TlsState::Required if self.state == State::Connected => {
                texts::NO_GREETING
            }
            TlsState::Offered | TlsState::Required => return None,
        };
        Some(Admission::order(refusal))
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
            .then_some(Admission::Refuse(texts::TOO_BIG, ErrorKind::Sender))
    }

    fn admit_rcpt(&self, rcpt: &Rcpt) -> Option<Admission> {
        if let Some(refusal) = self.no_transaction() {
            let kind = self.out_of_place(ErrorKind::GroupedRecipient);
            return Some(Admission::Refuse(refusal, kind));
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
            ErrorKind::Recipient,
        ))
    }

    fn admit_data(&self) -> Option<Admission> {
        if let Some(refusal) = self.no_transaction() {
            let kind = self.out_of_place(ErrorKind::GroupEnd);
            return Some(Admission::Refuse(refusal, kind));
        }
        if let Some((refusal, kind)) = self.no_recipients() {
            return Some(Admission::Refuse(refusal, kind));
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

    /// What a command without a transaction counts as: it may be `grouped` with a refused MAIL.
    fn out_of_place(&self, grouped: ErrorKind) -> ErrorKind {
        if self.state == State::Greeted && self.excuses.grouped() {
            grouped
        } else {
            ErrorKind::Protocol
        }
    }

    /// Under PIPELINING a client cannot know that all recipients were refused (RFC 2920).
    fn no_recipients(&self) -> Option<(Reply, ErrorKind)> {
        match (self.transaction.accepted, self.transaction.asked) {
            _ if self.recipients_due > 0 => None,
            (0, 0) => Some((texts::NO_RCPT, ErrorKind::Protocol)),
            (0, _) => Some((texts::NO_VALID_RCPT, ErrorKind::Innocent)),
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
            _ if self.trailing_chunks > self.limits.chunks => {
                return Admission::Close(texts::TOO_MANY_ERRORS);
            }
            _ if self.trailing_chunks > 0 => Some((texts::NO_MAIL, ErrorKind::Innocent)),
            State::Connected => Some((texts::NO_GREETING, ErrorKind::Protocol)),
            State::Greeted
            | State::Data
            | State::DataEnd
            | State::Chunk
            | State::ChunkEnd
            | State::StartTls
            | State::Closed => Some((texts::NO_MAIL, self.out_of_place(ErrorKind::GroupEnd))),
        };
        match refusal {
            Some((reply, kind)) => skip(reply, kind),
            None => Admission::Take(Command::Bdat { size, last }),
        }
    }
}

/// RCPT commands beyond the limit that are still answered; then the connection is closed.
pub(super) const OVERSHOOT: u32 = 1000;

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
