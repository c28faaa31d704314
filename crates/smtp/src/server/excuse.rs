//! What a client may be excused for, because something that it sent before was refused: under
//! PIPELINING it cannot know yet (RFC 2920 section 3.1), and afterwards it resets.

use super::limits::ServerLimits;
use crate::command::Command;

/// The excuses of a session.
#[derive(Debug)]
pub(super) struct Excuses {
    /// How many were given since the last accepted message.
    given: u32,
    /// RCPT lines that may still come behind a refused MAIL, as one group with it.
    group: Option<u32>,
    /// Something was refused, and no RSET has followed.
    reset: bool,
}

impl Excuses {
    pub(super) const fn none() -> Self {
        Self {
            given: 0,
            group: None,
            reset: false,
        }
    }

    /// A recipient, a message or a chunk was refused.
    pub(super) const fn refused(&mut self) {
        self.reset = true;
    }

    /// MAIL was refused; what was sent together with it is refused for that.
    pub(super) const fn mail_refused(&mut self, limits: &ServerLimits) {
        self.reset = true;
        if self.give(limits) {
            self.group = Some(
                limits
                    .recipients
                    .saturating_add(super::admission::OVERSHOOT),
            );
        }
    }

    /// A command is handed out.
    pub(super) const fn taken(&mut self, command: &Command) {
        self.group = None;
        match command {
            Command::Mail(_)
            | Command::Rset
            | Command::Ehlo(_)
            | Command::Helo(_)
            | Command::StartTls => self.reset = false,
            Command::Rcpt(_)
            | Command::Data
            | Command::Bdat { .. }
            | Command::Quit
            | Command::Noop
            | Command::Vrfy
            | Command::Expn
            | Command::Help => {}
        }
    }

    /// Whether a line without a transaction belongs to a refused MAIL.
    pub(super) const fn grouped(&self) -> bool {
        self.group.is_some()
    }

    /// A RCPT of such a group was refused.
    pub(super) fn recipient(&mut self) {
        self.group = self.group.and_then(|left| left.checked_sub(1));
    }

    /// The group has ended, with DATA or a chunk.
    pub(super) const fn end(&mut self) {
        self.group = None;
    }

    /// Whether RSET is what a refusal leads to; each excuses one.
    pub(super) const fn reset(&mut self, limits: &ServerLimits) -> bool {
        self.reset && self.give(limits)
    }

    /// A message was accepted.
    pub(super) const fn accepted(&mut self) {
        *self = Self::none();
    }

    const fn give(&mut self, limits: &ServerLimits) -> bool {
        let left = self.given < limits.excuses;
        if left {
            self.given += 1;
        }
        left
    }
}
