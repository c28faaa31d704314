//! DS-03: the session machine against a table that is written down a second time, from the RFCs.

use proptest::prelude::*;
use tenantry_smtp::{ServerLimits, TlsState};

use super::play::Player;

/// What the table needs to know.
#[derive(Clone, Copy, Debug, Default)]
struct Model {
    greeted: bool,
    extended: bool,
    tls: bool,
    tls_required: bool,
    mail: bool,
    asked: bool,
    recipients: u32,
    chunks: bool,
    trailing: bool,
    errors: u32,
    unknown_before_greeting: u32,
    junk: u32,
    /// Something was refused that RSET may follow.
    refused: bool,
    closed: bool,
}

#[derive(Clone, Copy, Debug)]
enum Line {
    Ehlo,
    Helo,
    Mail,
    BadMail,
    Rcpt,
    RefusedRcpt,
    BadRcpt,
    Message,
    FaultyMessage,
    Chunk,
    FaultyChunk,
    LastChunk,
    Rset,
    Noop,
    Vrfy,
    Unknown,
    StartTls,
    Quit,
}

const LINES: [(Line, &str); 18] = [
    (Line::Ehlo, "EHLO x\r\n"),
    (Line::Helo, "HELO x\r\n"),
    (Line::Mail, "MAIL FROM:<a@b>\r\n"),
    (Line::BadMail, "MAIL FROM:<a@-b>\r\n"),
    (Line::Rcpt, "RCPT TO:<c@d>\r\n"),
    (Line::RefusedRcpt, "RCPT TO:<bad@d>\r\n"),
    (Line::BadRcpt, "RCPT TO:<>\r\n"),
    (Line::Message, "DATA\r\n"),
    (Line::FaultyMessage, "DATA\r\n"),
    (Line::Chunk, "BDAT 6\r\nQUIT\r\n"),
    (Line::FaultyChunk, "BDAT 2\r\n\n\n"),
    (Line::LastChunk, "BDAT 6 LAST\r\nRSET\r\n"),
    (Line::Rset, "RSET\r\n"),
    (Line::Noop, "NOOP\r\n"),
    (Line::Vrfy, "VRFY x\r\n"),
    (Line::Unknown, "FOO\r\n"),
    (Line::StartTls, "STARTTLS\r\n"),
    (Line::Quit, "QUIT\r\n"),
];

const ERROR_LIMIT: u32 = 10;
const EARLY_LIMIT: u32 = 3;
const JUNK_LIMIT: u32 = 50;

impl Model {
    fn forget(&mut self) {
        *self = Self {
            mail: false,
            asked: false,
            recipients: 0,
            chunks: false,
            trailing: false,
            ..*self
        };
    }

    /// A counted refusal.
    fn error(&mut self, code: &'static str) -> &'static str {
        self.errors += 1;
        if self.errors > ERROR_LIMIT || self.unknown_before_greeting > EARLY_LIMIT {
            self.closed = true;
            return "421";
        }
        code
    }

    fn junk(&mut self, code: &'static str) -> &'static str {
        self.junk += 1;
        if self.junk > JUNK_LIMIT {
            self.closed = true;
            return "421";
        }
        code
    }

    /// The code that the line gets.
    fn code(&mut self, line: Line) -> &'static str {
        let clear = self.tls_required && !self.tls;
        if matches!(line, Line::Chunk | Line::FaultyChunk | Line::LastChunk) {
            return self.chunk(line, clear);
        }
        let code = self.command(line, clear);
        // A line that is handed out ends the tail of a refused message; a refused one does not.
        if matches!(code, "220" | "250" | "252" | "354" | "550") {
            self.trailing = false;
        }
        code
    }

    fn command(&mut self, line: Line, clear: bool) -> &'static str {
        match line {
            Line::Ehlo | Line::Helo => {
                if self.greeted && self.junk("") == "421" {
                    return "421";
                }
                self.forget();
                self.refused = false;
                self.greeted = true;
                self.extended = matches!(line, Line::Ehlo);
                "250"
            }
            Line::Noop => self.junk("250"),
            Line::Quit => {
                self.closed = true;
                "221"
            }
            Line::Rset if self.recipients > 0 || self.refused => {
                self.forget();
                self.refused = false;
                "250"
            }
            Line::Rset => {
                self.forget();
                self.junk("250")
            }
            Line::StartTls if self.tls => self.error("503"),
            Line::StartTls if !self.greeted => self.error("503"),
            Line::StartTls => {
                self.forget();
                self.refused = false;
                self.tls = true;
                self.greeted = false;
                self.extended = false;
                "220"
            }
            Line::Unknown => {
                self.unknown_before_greeting += u32::from(!self.greeted);
                self.error("500")
            }
            Line::Chunk | Line::FaultyChunk | Line::LastChunk => panic!("not a command alone"),
            _ if clear => self.error("530"),
            Line::Vrfy => self.junk("252"),
            Line::BadMail => self.error("553"),
            Line::BadRcpt => self.error("501"),
            Line::Mail if !self.greeted || self.mail => self.error("503"),
            Line::Mail => {
                self.mail = true;
                self.refused = false;
                "250"
            }
            Line::Rcpt | Line::RefusedRcpt if !self.mail || self.chunks => self.error("503"),
            Line::Rcpt => {
                self.asked = true;
                self.recipients += 1;
                "250"
            }
            Line::RefusedRcpt => {
                self.asked = true;
                self.refused = true;
                "550"
            }
            Line::Message | Line::FaultyMessage if !self.mail || self.chunks => self.error("503"),
            Line::Message | Line::FaultyMessage if self.recipients > 0 => "354",
            Line::Message | Line::FaultyMessage if self.asked => "554",
            Line::Message | Line::FaultyMessage => self.error("503"),
        }
    }

    fn chunk(&mut self, line: Line, clear: bool) -> &'static str {
        let last = matches!(line, Line::LastChunk);
        let (code, counted) = match self {
            _ if clear => ("530", true),
            Self {
                greeted: true,
                extended: false,
                ..
            } => ("502", true),
            Self {
                mail: false,
                trailing: true,
                ..
            } => ("503", false),
            Self { mail: false, .. } => ("503", true),
            Self { chunks: true, .. } => ("", false),
            Self {
                recipients: 0,
                asked: true,
                ..
            } => ("554", false),
            Self { recipients: 0, .. } => ("503", true),
            _ => ("", false),
        };
        if !code.is_empty() {
            self.forget();
            self.trailing = !last;
            self.refused |= !counted;
            return match counted {
                true => self.error(code),
                false => code,
            };
        }
        if matches!(line, Line::FaultyChunk) {
            self.forget();
            self.trailing = true;
            self.refused = true;
            return "550";
        }
        if last {
            self.forget();
            self.junk = 0;
            self.refused = false;
        } else {
            self.trailing = false;
            self.chunks = true;
        }
        "250"
    }

    /// The code of a message whose DATA got 354.
    fn message(&mut self, line: Line) -> &'static str {
        self.forget();
        self.refused = matches!(line, Line::FaultyMessage);
        if self.refused {
            return "550";
        }
        self.junk = 0;
        "250"
    }
}

fn play(lines: &[(Line, &str)], tls_required: bool) -> Result<(), TestCaseError> {
    let tls = match tls_required {
        true => TlsState::Required,
        false => TlsState::Offered,
    };
    let mut player = Player::with(ServerLimits::default(), tls);
    let mut model = Model {
        tls_required,
        ..Model::default()
    };
    for (line, octets) in lines {
        let code = model.code(*line);
        let mut said = player.say(octets);
        prop_assert_eq!(
            said.first().map(|reply| &reply[..3]),
            Some(code),
            "{:?} in {:?}",
            line,
            model
        );
        prop_assert_eq!(player.session.closed(), model.closed);
        if model.closed {
            return Ok(());
        }
        if code == "354" {
            let text = if matches!(line, Line::FaultyMessage) {
                "a\nb\r\n.\r\n"
            } else {
                "RSET\r\n.\r\n"
            };
            let code = model.message(*line);
            said = player.say(text);
            prop_assert_eq!(said.first().map(|reply| &reply[..3]), Some(code));
        }
        prop_assert_eq!(said.len(), 1);
        prop_assert_eq!(player.session.accepted_recipients(), model.recipients);
        prop_assert_eq!(player.session.state().in_transaction(), model.mail);
        if code == "220" {
            player.session.tls_established(super::play::full_offer());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn ds_03_any_sequence_of_commands_gets_the_answers_of_the_table(
        lines in prop::collection::vec(prop::sample::select(&LINES[..]), 0..40),
        tls_required in any::<bool>(),
    ) {
        play(&lines, tls_required)?;
    }

    /// Sequences that get further than random ones do.
    #[test]
    fn ds_03_sequences_with_many_transactions(
        lines in prop::collection::vec(
            prop_oneof![
                Just(LINES[2]), Just(LINES[4]), Just(LINES[5]), Just(LINES[7]), Just(LINES[8]),
                Just(LINES[9]), Just(LINES[10]), Just(LINES[11]), Just(LINES[12]),
            ],
            0..40,
        ),
    ) {
        play(&[&LINES[..1], &lines].concat(), false)?;
    }
}
