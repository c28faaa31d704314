//! Plays a client's octets against a server session that answers like a simple server.

use bytes::BytesMut;
use tenantry_smtp::{
    Command, Content, ForwardPath, Offer, Reply, ServerEvent, ServerLimits, ServerSession, TlsState,
};

/// A session with what came of it.
pub(crate) struct Player {
    pub(crate) session: ServerSession,
    pub(crate) input: BytesMut,
    handed: Vec<Command>,
    out: BytesMut,
    /// Replies as the client reads them: `250` or `503 5.5.1`; `close` follows a last one.
    pub(crate) replies: Vec<String>,
    /// Commands as the caller sees them.
    pub(crate) commands: Vec<Command>,
    /// Accepted messages: recipients and content.
    pub(crate) messages: Vec<(Vec<String>, Vec<u8>)>,
    recipients: Vec<String>,
}

pub(crate) fn full_offer() -> Offer {
    Offer {
        size: Some(150 << 20),
        pipelining: true,
        eight_bit_mime: true,
        smtputf8: true,
        enhanced_status_codes: true,
        chunking: true,
        binary_mime: true,
        dsn: true,
        starttls: true,
        xoorg: true,
        limits: None,
    }
}

impl Player {
    pub(crate) fn new() -> Self {
        Self::with(ServerLimits::default(), TlsState::Offered)
    }

    pub(crate) fn with(limits: ServerLimits, tls: TlsState) -> Self {
        Self {
            session: ServerSession::new(limits, full_offer(), tls),
            input: BytesMut::new(),
            handed: Vec::new(),
            out: BytesMut::new(),
            replies: Vec::new(),
            commands: Vec::new(),
            messages: Vec::new(),
            recipients: Vec::new(),
        }
    }

    /// A session after EHLO, with nothing in its records.
    pub(crate) fn greeted() -> Self {
        Self::greeted_with(ServerLimits::default())
    }

    pub(crate) fn greeted_with(limits: ServerLimits) -> Self {
        let mut player = Self::with(limits, TlsState::Offered);
        assert_eq!(player.say("EHLO client.example\r\n"), ["250"]);
        player.commands.clear();
        player
    }

    /// Feeds octets and gives the replies to them.
    pub(crate) fn say(&mut self, octets: impl AsRef<[u8]>) -> Vec<String> {
        let before = self.replies.len();
        self.input.extend_from_slice(octets.as_ref());
        while self.step() {}
        self.replies[before..].to_vec()
    }

    /// Feeds octets in pieces and gives all replies so far.
    pub(crate) fn say_in(mut self, pieces: &[&[u8]]) -> Self {
        for piece in pieces {
            self.say(piece);
        }
        self
    }

    fn step(&mut self) -> bool {
        if self.session.in_content() {
            let left = self.input.len();
            match self.session.content(&mut self.input, &mut self.out) {
                Content::More => return self.input.len() < left,
                Content::ChunkEnd { .. } | Content::MessageEnd => self.answer_content(),
            }
            return true;
        }
        match self.session.next(&mut self.input) {
            Some(ServerEvent::Command(command)) => {
                self.commands.push(command.clone());
                if matches!(command, Command::Bdat { .. }) {
                    self.answer_commands();
                } else {
                    self.handed.push(command);
                }
                true
            }
            Some(ServerEvent::Refuse(reply)) => {
                assert_eq!(
                    self.session.outstanding(),
                    0,
                    "a refusal overtakes an answer"
                );
                self.log(&reply);
                true
            }
            Some(ServerEvent::Close(reply)) => {
                self.log(&reply);
                self.replies.push("close".into());
                assert!(self.session.closed());
                false
            }
            None if self.handed.is_empty() => false,
            None => {
                self.answer_commands();
                true
            }
        }
    }

    fn answer_commands(&mut self) {
        for command in std::mem::take(&mut self.handed) {
            let reply = self.reply_to(&command);
            self.session.answer(&reply);
            self.log(&reply);
        }
    }

    fn reply_to(&mut self, command: &Command) -> Reply {
        match command {
            Command::Ehlo(_) | Command::Helo(_) => Reply::plain(250, "relay.example"),
            Command::Rcpt(rcpt) => {
                if rcpt.path.as_str().starts_with("bad") {
                    return Reply::new(550, (5, 1, 1), "Unknown");
                }
                match &rcpt.path {
                    ForwardPath::Postmaster(_) => self.recipients.push("postmaster".into()),
                    ForwardPath::Mailbox(mailbox) => self.recipients.push(mailbox.as_str().into()),
                }
                Reply::new(250, (2, 1, 5), "Ok")
            }
            Command::Mail(mail) => {
                if mail.path.as_str().starts_with("busy") {
                    return Reply::new(451, (4, 7, 500), "Busy");
                }
                self.recipients.clear();
                Reply::new(250, (2, 1, 0), "Ok")
            }
            Command::Data if self.session.accepted_recipients() == 0 => {
                Reply::new(554, (5, 5, 1), "No valid recipients")
            }
            Command::Data => Reply::plain(354, "Go on"),
            Command::Quit => Reply::new(221, (2, 0, 0), "Bye"),
            Command::StartTls => Reply::new(220, (2, 0, 0), "Go on"),
            Command::Vrfy => Reply::new(252, (2, 5, 2), "Perhaps"),
            Command::Expn => Reply::new(502, (5, 5, 1), "No"),
            Command::Help => Reply::new(214, (2, 0, 0), "RFC 5321"),
            Command::Rset | Command::Noop => Reply::new(250, (2, 0, 0), "Ok"),
            Command::Bdat { .. } => panic!("answered at its end"),
        }
    }

    fn answer_content(&mut self) {
        let end = matches!(self.session.state().as_str(), "data-end")
            || matches!(self.commands.last(), Some(Command::Bdat { last: true, .. }));
        // In this order, so that it does not matter whether the chunk was handed out or skipped.
        let reply = match self.session.content_fault() {
            _ if self.session.accepted_recipients() == 0 => {
                Reply::new(554, (5, 5, 1), "No valid recipients")
            }
            Some(fault) => fault.reply(),
            None => Reply::new(250, (2, 0, 0), "Ok"),
        };
        let accepted = reply.code() == 250;
        if accepted && end {
            let recipients = std::mem::take(&mut self.recipients);
            self.messages.push((recipients, self.out.to_vec()));
        }
        if end || !accepted {
            self.out.clear();
        }
        self.session.answer(&reply);
        self.log(&reply);
    }

    fn log(&mut self, reply: &Reply) {
        self.replies.push(match reply.enhanced() {
            Some(enhanced) if reply.code() >= 400 => format!("{} {enhanced}", reply.code()),
            _ => reply.code().to_string(),
        });
    }
}
