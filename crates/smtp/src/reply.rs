//! Replies (RFC 5321 section 4.2): a code, an enhanced code (RFC 3463) and lines of text.
//!
//! A [`Reply`] cannot hold anything that would break the line protocol: its code is in range and
//! its text is printable ASCII, whatever it was made from. What a peer wrote is sanitised here
//! once, so that neither a log nor the other side ever sees its control octets.

mod parse;

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, BytesMut};

pub use parse::{ReplyError, ReplyParser, parse_reply};

/// A reply with its lines of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<EnhancedCode>,
    /// Lines are separated by LF; every other octet is printable ASCII.
    text: Cow<'static, str>,
}

/// What the first digit of a code says (RFC 5321 section 4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// 2yz: done.
    Positive,
    /// 3yz: go on.
    Intermediate,
    /// 4yz: not now.
    Transient,
    /// 5yz: not this way.
    Permanent,
}

/// An enhanced mail system status code (RFC 3463).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnhancedCode {
    class: u8,
    subject: u16,
    detail: u16,
}

impl Reply {
    /// A reply of one line. A code outside 200..=559 becomes 451, and the class of the enhanced
    /// code always follows the code (RFC 2034 section 4).
    pub fn new(
        code: u16,
        enhanced: impl Into<EnhancedCode>,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        let code = valid_code(code);
        Self {
            code,
            enhanced: enhanced_for(code, Some(enhanced.into())),
            text: printable(text.into()),
        }
    }

    /// A reply of one line without enhanced code, as greetings, EHLO and 3yz replies are.
    pub fn plain(code: u16, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code: valid_code(code),
            enhanced: None,
            text: printable(text.into()),
        }
    }

    /// A reply that is a constant. A text with anything but printable ASCII is left out.
    #[must_use]
    pub const fn fixed(code: u16, enhanced: Option<EnhancedCode>, text: &'static str) -> Self {
        let code = valid_code(code);
        Self {
            code,
            enhanced: enhanced_for(code, enhanced),
            text: Cow::Borrowed(if is_printable(text.as_bytes()) {
                text
            } else {
                ""
            }),
        }
    }

    /// A reply of several lines; those beyond [`MAX_LINES`] are left out.
    pub fn multiline<T: AsRef<str>>(
        code: u16,
        enhanced: Option<EnhancedCode>,
        lines: impl IntoIterator<Item = T>,
    ) -> Self {
        let code = valid_code(code);
        let mut text = String::new();
        for (index, line) in lines.into_iter().take(MAX_LINES).enumerate() {
            if index > 0 {
                text.push('\n');
            }
            text.extend(line.as_ref().chars().map(printable_char));
        }
        Self {
            code,
            enhanced: enhanced_for(code, enhanced),
            text: Cow::Owned(text),
        }
    }

    /// The three digits.
    #[must_use]
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// What the first digit says.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self.code / 100 {
            2 => Severity::Positive,
            3 => Severity::Intermediate,
            4 => Severity::Transient,
            _ => Severity::Permanent,
        }
    }

    /// The enhanced code, if there is one.
    #[must_use]
    pub const fn enhanced(&self) -> Option<EnhancedCode> {
        self.enhanced
    }

    /// The lines of text, without codes; at least one.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split('\n')
    }

    /// The text as one line, for logs.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        if memchr::memchr(b'\n', self.text.as_bytes()).is_none() {
            Cow::Borrowed(&self.text)
        } else {
            Cow::Owned(self.text.replace('\n', " "))
        }
    }

    /// Appends the reply as it goes over the wire; lines are cut at 512 octets
    /// (RFC 5321 section 4.5.3.1.5).
    pub fn write_to(&self, out: &mut BytesMut) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { b'-' } else { b' ' };
            self.write_line(line, separator, out);
        }
    }

    fn write_line(&self, line: &str, separator: u8, out: &mut BytesMut) {
        out.reserve(line.len().min(MAX_LINE) + 24);
        let start = out.len();
        put_number(self.code, out);
        out.put_u8(separator);
        if let Some(enhanced) = self.enhanced {
            enhanced.write_to(out);
            out.put_u8(b' ');
        }
        let room = (MAX_LINE - 2).saturating_sub(out.len() - start);
        let cut = line.as_bytes();
        out.put_slice(cut.get(..room).unwrap_or(cut));
        out.put_slice(b"\r\n");
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        write!(f, " {}", self.text())
    }
}

impl EnhancedCode {
    /// `class.subject.detail`; subject and detail have at most three digits.
    #[must_use]
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self {
            class,
            subject: if subject > 999 { 999 } else { subject },
            detail: if detail > 999 { 999 } else { detail },
        }
    }

    /// 2, 4 or 5.
    #[must_use]
    pub const fn class(self) -> u8 {
        self.class
    }

    /// The second number.
    #[must_use]
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// The third number.
    #[must_use]
    pub const fn detail(self) -> u16 {
        self.detail
    }

    fn write_to(self, out: &mut BytesMut) {
        put_number(u16::from(self.class), out);
        out.put_u8(b'.');
        put_number(self.subject, out);
        out.put_u8(b'.');
        put_number(self.detail, out);
    }
}

impl From<(u8, u16, u16)> for EnhancedCode {
    fn from((class, subject, detail): (u8, u16, u16)) -> Self {
        Self::new(class, subject, detail)
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Severity {
    /// A stable word for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Intermediate => "intermediate",
            Self::Transient => "transient",
            Self::Permanent => "permanent",
        }
    }
}

/// Lines kept of one reply, and accepted in one.
pub const MAX_LINES: usize = 128;

/// Octets of a reply line that we write, with its CRLF.
const MAX_LINE: usize = 512;

const fn valid_code(code: u16) -> u16 {
    if code >= 200 && code <= 559 && code / 10 % 10 <= 5 {
        code
    } else {
        451
    }
}

/// The enhanced code with the class that the code demands; 3yz replies have none.
const fn enhanced_for(code: u16, enhanced: Option<EnhancedCode>) -> Option<EnhancedCode> {
    match (code / 100, enhanced) {
        (2, Some(e)) => Some(EnhancedCode { class: 2, ..e }),
        (4, Some(e)) => Some(EnhancedCode { class: 4, ..e }),
        (5, Some(e)) => Some(EnhancedCode { class: 5, ..e }),
        (_, _) => None,
    }
}

const fn is_printable(mut text: &[u8]) -> bool {
    while let [first, rest @ ..] = text {
        if *first < b' ' || *first > b'~' {
            return false;
        }
        text = rest;
    }
    true
}

fn printable(text: Cow<'static, str>) -> Cow<'static, str> {
    if is_printable(text.as_bytes()) {
        return text;
    }
    Cow::Owned(text.chars().map(printable_char).collect())
}

const fn printable_char(c: char) -> char {
    if matches!(c, ' '..='~') { c } else { '?' }
}

/// Numbers of at most three digits, without a formatter.
fn put_number(number: u16, out: &mut BytesMut) {
    let digit = |n: u16| b'0' + (n % 10) as u8;
    if number >= 100 {
        out.put_u8(digit(number / 100));
    }
    if number >= 10 {
        out.put_u8(digit(number / 10));
    }
    out.put_u8(digit(number));
}
