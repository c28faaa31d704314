//! What the front end says beside attribution's replies, in Exchange's words
//! (`exchange-online.md` section 3.2; the protocol errors are Exchange Server's).

use tenantry_smtp::{EnhancedCode, Reply};

pub(super) const SENDER_OK: Reply = reply(250, (2, 1, 0), "Sender OK");
pub(super) const RECIPIENT_OK: Reply = reply(250, (2, 1, 5), "Recipient OK");
pub(super) const START_INPUT: Reply =
    Reply::fixed(354, None, "Start mail input; end with <CRLF>.<CRLF>");
pub(super) const START_TLS: Reply = reply(220, (2, 0, 0), "SMTP server ready");
pub(super) const RESETTING: Reply = reply(250, (2, 0, 0), "Resetting");
pub(super) const OK: Reply = reply(250, (2, 0, 0), "OK");
pub(super) const CLOSING: Reply = reply(221, (2, 0, 0), "Service closing transmission channel");
pub(super) const NO_VRFY: Reply = reply(252, (2, 1, 5), "Cannot VRFY user");
pub(super) const HELP: Reply = Reply::fixed(
    214,
    None,
    "Commands: HELO EHLO STARTTLS RCPT DATA RSET MAIL QUIT HELP BDAT",
);

/// Texts of refusals; the session's suffix follows them.
pub(super) const NOT_IMPLEMENTED: &str = "502 5.3.3 Command not implemented";
/// The service's own text for this case is not documented.
pub(super) const BARE_LF_IN_CHUNK: &str = "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message \
     contains bare linefeeds, which need BODY=BINARYMIME";
pub(super) const STOPPING: &str = "421 4.3.2 Service not available, closing transmission channel";
pub(super) const TOO_SLOW: &str = "421 4.4.1 Connection timed out";
pub(super) const TALKS_IN_CONTENT: &str = "421 4.7.0 Content came before 354, closing";
pub(super) const NOT_KEPT: &str = "452 4.3.1 Insufficient system resources";
pub(super) const TOO_MANY_CONNECTIONS: &str = "421 4.3.2 The maximum number of concurrent \
     server connections has exceeded a limit, closing transmission channel";

/// What the protocol machine refuses with, in the service's words.
pub(super) fn in_exchange_words(reply: &Reply) -> String {
    let text = reply.text();
    let found = WORDS.iter().find(|(ours, _)| *ours == text);
    found.map_or_else(|| reply.to_string(), |(_, theirs)| (*theirs).to_owned())
}

const WORDS: &[(&str, &str)] = &[
    (
        "Message too big",
        "552 5.3.4 Message size exceeds fixed maximum message size",
    ),
    (
        "Message has too many chunks",
        "552 5.3.4 Message size exceeds fixed maximum message size",
    ),
    (
        "Message has a bare LF",
        "550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which \
         cannot be sent via DATA",
    ),
    ("Command not implemented", NOT_IMPLEMENTED),
    ("EHLO first", "503 5.5.2 Send hello first"),
    ("MAIL first", "503 5.5.2 Need mail command"),
    ("RCPT first", "503 5.5.2 Need rcpt command"),
    (
        "A transaction is open",
        "503 5.5.2 Sender already specified",
    ),
    ("BDAT has begun", "503 5.5.1 Bad sequence of commands"),
    (
        "BINARYMIME needs BDAT",
        "503 5.5.1 Bad sequence of commands",
    ),
    (
        "TLS is active",
        "503 5.5.2 Only one STARTTLS command can be issued per session",
    ),
    (
        "Too many errors, closing",
        "421 4.7.0 Too many errors on this connection, closing transmission channel",
    ),
];

const fn reply(code: u16, enhanced: (u8, u16, u16), text: &'static str) -> Reply {
    let (class, subject, detail) = enhanced;
    Reply::fixed(code, Some(EnhancedCode::new(class, subject, detail)), text)
}
