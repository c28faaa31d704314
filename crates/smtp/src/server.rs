//! The server's side of a session: which command may come now, and what follows from its answer
//! (RFC 5321 section 4.1.4, RFC 2920, RFC 3030, RFC 3207).
//!
//! The machine hands commands out and is told the answers; it never decides what a command is
//! answered, unless order, syntax or a limit forbids it. Recipients are handed out in groups, so
//! that a caller can ask an upstream for all of them at once; anything else comes one at a time.
//! Octets of a refused or faulty message are consumed to their true end. The state changes in
//! [`ServerSession::enter`] only.

mod admission;
mod content;
mod excuse;
mod limits;
mod line;
mod texts;
mod transaction;

use bytes::{Buf, BytesMut};

pub use content::Content;
pub use limits::{ServerLimits, State, TlsState};

use crate::command::{Command, CommandError, Verb};
use crate::content::ContentFault;
use crate::extension::Offer;
use crate::reply::{Reply, Severity};
use admission::{Admission, ErrorKind};
use content::Skip;
use excuse::Excuses;
use line::{Found, LineReader, Taken};
use transaction::{Due, Outcome, Transaction};

/// A client's connection, from its first command on.
#[derive(Debug)]
pub struct ServerSession {
    limits: ServerLimits,
    offer: Offer,
    tls: TlsState,
    state: State,
    /// EHLO gave the offer; HELO did not.
    extended: bool,
    lines: LineReader,
    /// RCPT commands handed out and not answered; they are older than `due`.
    recipients_due: u32,
    due: Option<Due>,
    skip: Option<Skip>,
    /// Chunks of a message since one of them was refused; 0 once anything else comes.
    trailing_chunks: u32,
    transaction: Transaction,
    errors: u32,
    /// Lines before EHLO that were no SMTP at all.
    unrecognised: u32,
    non_mail: u32,
    excuses: Excuses,
    messages: u64,
    /// The last line was DATA.
    data_last: bool,
}

/// What a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A command to be answered.
    Command(Command),
    /// Something to be refused with this reply; the session goes on.
    Refuse(Reply),
    /// Something after which this reply is written and the connection closed.
    Close(Reply),
}

impl ServerSession {
    /// A connection that has been greeted.
    #[must_use]
    pub fn new(limits: ServerLimits, offer: Offer, tls: TlsState) -> Self {
        Self {
            limits,
            offer,
            tls,
            state: State::Connected,
            extended: false,
            lines: LineReader::default(),
            recipients_due: 0,
            due: None,
            skip: None,
            trailing_chunks: 0,
            transaction: Transaction::new(limits.content),
            errors: 0,
            unrecognised: 0,
            non_mail: 0,
            excuses: Excuses::none(),
            messages: 0,
            data_last: false,
        }
    }

    /// The next event, or `None` if it needs more octets or answers are due first.
    pub fn next(&mut self, input: &mut BytesMut) -> Option<ServerEvent> {
        if self.due.is_some() || !self.state.takes_commands() {
            return None;
        }
        if self.skip.is_some() {
            return self.skip_chunk(input);
        }
        loop {
            let found = self.lines.find(input, &self.limits);
            let Found::Line(length) = found else {
                if self.recipients_due > 0 {
                    return None;
                }
                if found.is_faulty() && starts_a_chunk(input) {
                    return Some(self.close(CommandError::ChunkSyntax.reply()));
                }
                match self.lines.take(found, input, &self.limits) {
                    Taken::Nothing => return None,
                    Taken::Rest => continue,
                    Taken::Refused(reply) => {
                        return Some(self.refuse(reply, ErrorKind::Protocol));
                    }
                    Taken::Fatal(reply) => return Some(self.close(reply)),
                }
            };
            let line = input.get(..length.saturating_sub(2)).unwrap_or_default();
            if self.recipients_due > 0 && !groups_with_recipients(line) {
                return None;
            }
            let admission = match Command::parse(line, &self.offer_in_force()) {
                Ok(command) => self.admit_command(command),
                Err(error) => self.admit_error(error),
            };
            if self.recipients_due > 0 && !admission.is_grouped() {
                return None;
            }
            self.data_last = is_data(line);
            input.advance(length);
            self.lines.consumed();
            match self.act(admission) {
                Some(event) => return Some(event),
                None => return self.skip_chunk(input),
            }
        }
    }

    /// Tells the answer to the oldest command, message or chunk that is due.
    pub fn answer(&mut self, reply: &Reply) {
        if self.recipients_due > 0 {
            self.recipients_due -= 1;
            if !self.transaction.recipient_answered(reply.severity()) {
                self.excuses.refused();
            }
        } else if let Some(due) = self.due.take() {
            self.resolve(due, reply.severity());
        }
        if matches!(reply.code(), 421 | 521) {
            self.recipients_due = 0;
            self.due = None;
            self.enter(State::Closed);
        }
    }

    /// Answers that are due.
    #[must_use]
    pub const fn outstanding(&self) -> usize {
        self.recipients_due as usize + self.due.is_some() as usize
    }

    /// Recipients of this transaction that were answered positively.
    #[must_use]
    pub const fn accepted_recipients(&self) -> u32 {
        self.transaction.accepted
    }

    /// Messages that were answered positively.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// Where the session stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether the next octets are content, to be taken by [`Self::content`].
    #[must_use]
    pub const fn in_content(&self) -> bool {
        matches!(self.state, State::Data | State::Chunk)
    }

    /// Whether the line refused last was DATA: octets that are there behind it were meant as content, since a client has
    /// to wait for the answer (RFC 2920 section 3.1).
    #[must_use]
    pub const fn refused_data(&self) -> bool {
        self.data_last
    }

    /// The fault of the current message, as soon as it is seen.
    #[must_use]
    pub const fn content_fault(&self) -> Option<ContentFault> {
        self.transaction.fault()
    }

    /// Octets of content of the current message that were in order.
    #[must_use]
    pub const fn content_octets(&self) -> u64 {
        self.transaction.octets()
    }

    /// The TLS handshake is done: everything but the counters starts anew (RFC 3207 section 4.2).
    pub fn tls_established(&mut self, offer: Offer) {
        self.offer = offer;
        self.tls = TlsState::Active;
        self.extended = false;
        self.lines = LineReader::default();
        self.recipients_due = 0;
        self.due = None;
        self.skip = None;
        self.excuses.end();
        self.enter(State::Connected);
    }

    /// Whether STARTTLS was answered positively; any octet already received is an injection.
    #[must_use]
    pub const fn starttls_pending(&self) -> bool {
        matches!(self.state, State::StartTls)
    }

    /// Whether nothing more is read.
    #[must_use]
    pub const fn closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The one place where the state changes. Leaving a transaction forgets all of it.
    fn enter(&mut self, state: State) {
        if !state.in_transaction() {
            self.transaction = Transaction::new(self.limits.content);
        }
        self.state = state;
    }

    fn offer_in_force(&self) -> Offer {
        if self.extended || self.state == State::Connected {
            self.offer
        } else {
            Offer::default()
        }
    }

    fn resolve(&mut self, due: Due, severity: Severity) {
        let accepted = severity == Severity::Positive;
        match due {
            Due::Greeting { extended } if accepted => {
                self.extended = extended;
                self.enter(State::Greeted);
            }
            Due::Mail(mail) if accepted => {
                self.enter(State::Mail);
                self.transaction.open(self.limits.content, mail);
            }
            Due::Mail(_) => self.excuses.mail_refused(&self.limits),
            Due::Data if severity == Severity::Intermediate => self.enter(State::Data),
            Due::Reset => self.enter(self.state.without_transaction()),
            Due::StartTls if accepted => self.enter(State::StartTls),
            Due::Quit => self.enter(State::Closed),
            Due::Message => self.message_answered(Outcome::from(severity)),
            Due::Chunk { last } => self.chunk_answered(last, Outcome::from(severity)),
            Due::Greeting { .. } | Due::Data | Due::StartTls | Due::Other => {}
        }
    }

    fn message_answered(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Accepted => {
                self.messages += 1;
                self.non_mail = 0;
                self.excuses.accepted();
            }
            Outcome::Refused => self.excuses.refused(),
        }
        self.enter(State::Greeted);
    }

    /// Carries out what was decided about a line; `None` if a chunk has to be skipped first.
    fn act(&mut self, admission: Admission) -> Option<ServerEvent> {
        match admission {
            Admission::Take(command) => {
                if admission::is_non_mail(&command, self.state, self.transaction.accepted)
                    && !self.is_excused(&command)
                {
                    self.non_mail += 1;
                    if self.non_mail > self.limits.non_mail_commands {
                        return Some(self.close(texts::TOO_MANY_COMMANDS));
                    }
                }
                self.take(&command);
                Some(ServerEvent::Command(command))
            }
            Admission::Refuse(reply, kind) => Some(self.refuse(reply, kind)),
            Admission::Close(reply) => Some(self.close(reply)),
            Admission::Skip(skip) => {
                self.skip = Some(skip);
                None
            }
        }
    }

    fn is_excused(&mut self, command: &Command) -> bool {
        matches!(command, Command::Rset) && self.excuses.reset(&self.limits)
    }

    fn take(&mut self, command: &Command) {
        self.excuses.taken(command);
        match Due::with(command) {
            None => {
                self.recipients_due += 1;
                self.transaction.recipient_asked();
            }
            Some(due) => self.due = Some(due),
        }
        self.trailing_chunks = 0;
        if let Command::Bdat { size, last } = *command {
            self.enter(State::Chunk);
            let chunks = self.limits.chunks;
            self.transaction.begin_chunk(size, last, chunks);
        }
    }

    /// Refuses; one violation of the protocol too many closes the connection.
    fn refuse(&mut self, reply: Reply, kind: ErrorKind) -> ServerEvent {
        match kind {
            ErrorKind::Innocent => {
                self.excuses.refused();
                return ServerEvent::Refuse(reply);
            }
            ErrorKind::Sender => {
                self.excuses.mail_refused(&self.limits);
                return ServerEvent::Refuse(reply);
            }
            ErrorKind::GroupedRecipient => {
                self.excuses.recipient();
                return ServerEvent::Refuse(reply);
            }
            ErrorKind::GroupEnd => {
                self.excuses.end();
                return ServerEvent::Refuse(reply);
            }
            ErrorKind::Recipient => {
                self.transaction.recipient_asked();
                return ServerEvent::Refuse(reply);
            }
            ErrorKind::Unrecognised if self.state == State::Connected => self.unrecognised += 1,
            ErrorKind::Unrecognised | ErrorKind::Protocol => {}
        }
        self.errors += 1;
        let foreign = self.unrecognised > self.limits.unrecognised_before_greeting;
        if foreign || self.errors > self.limits.protocol_errors {
            return self.close(texts::TOO_MANY_ERRORS);
        }
        ServerEvent::Refuse(reply)
    }

    fn close(&mut self, reply: Reply) -> ServerEvent {
        self.enter(State::Closed);
        ServerEvent::Close(reply)
    }
}

fn is_data(line: &[u8]) -> bool {
    let verb = line.get(..4).unwrap_or_default();
    verb.eq_ignore_ascii_case(b"DATA")
}

/// Whether a line that cannot be read would have announced a chunk, whose end nobody can tell then.
fn starts_a_chunk(input: &[u8]) -> bool {
    let verb = input.get(..4).unwrap_or_default();
    verb.eq_ignore_ascii_case(b"BDAT")
}

/// Whether a line may be handed out while recipients are due (RFC 2920 section 3.1).
fn groups_with_recipients(line: &[u8]) -> bool {
    let word = line.split(|octet| *octet == b' ').next();
    let verb = Verb::parse(word.unwrap_or_default(), b"");
    matches!(verb, Ok(Verb::Rcpt | Verb::Data | Verb::Bdat))
}
