//! What the session machine itself has to say to a client; whoever uses it has its own table.

use crate::reply::{EnhancedCode, Reply};

pub(super) const NOT_SMTP: Reply = reply(554, (5, 5, 0), "This is SMTP");
pub(super) const BARE_LF: Reply = reply(500, (5, 5, 2), "Lines end with CRLF");
pub(super) const LINE_TOO_LONG: Reply = reply(500, (5, 5, 2), "Line too long");
pub(super) const LINE_ENDLESS: Reply = reply(421, (4, 7, 0), "Line without end, closing");
pub(super) const TOO_MANY_ERRORS: Reply = reply(421, (4, 7, 0), "Too many errors, closing");
pub(super) const TOO_MANY_COMMANDS: Reply =
    reply(421, (4, 7, 0), "Too many commands without mail, closing");
pub(super) const TOO_MANY_MESSAGES: Reply = reply(
    421,
    (4, 7, 0),
    "Too many messages on this connection, closing",
);
pub(super) const TOO_MANY_RECIPIENTS: Reply = reply(452, (4, 5, 3), "Too many recipients");
pub(super) const ENDLESS_RECIPIENTS: Reply =
    reply(421, (4, 7, 0), "Far too many recipients, closing");
pub(super) const TOO_BIG: Reply = reply(552, (5, 3, 4), "Message too big");
pub(super) const TLS_REQUIRED: Reply = reply(530, (5, 7, 0), "Must issue a STARTTLS command first");
pub(super) const TLS_ACTIVE: Reply = reply(503, (5, 5, 1), "TLS is active");
pub(super) const NOT_OFFERED: Reply = reply(502, (5, 5, 1), "Not offered");
pub(super) const NO_GREETING: Reply = reply(503, (5, 5, 1), "EHLO first");
pub(super) const NO_MAIL: Reply = reply(503, (5, 5, 1), "MAIL first");
pub(super) const MAIL_TWICE: Reply = reply(503, (5, 5, 1), "A transaction is open");
pub(super) const NO_RCPT: Reply = reply(503, (5, 5, 1), "RCPT first");
pub(super) const NO_VALID_RCPT: Reply = reply(554, (5, 5, 1), "No valid recipients");
pub(super) const NO_SMTPUTF8: Reply = reply(553, (5, 6, 7), "Address needs SMTPUTF8 at MAIL");
pub(super) const CHUNKS_OPEN: Reply = reply(503, (5, 5, 1), "BDAT has begun");
pub(super) const BINARY_NEEDS_BDAT: Reply = reply(503, (5, 5, 1), "BINARYMIME needs BDAT");

const fn reply(code: u16, enhanced: (u8, u16, u16), text: &'static str) -> Reply {
    let (class, subject, detail) = enhanced;
    Reply::fixed(code, Some(EnhancedCode::new(class, subject, detail)), text)
}
