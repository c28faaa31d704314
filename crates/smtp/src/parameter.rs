//! The parameters of MAIL and RCPT (RFC 5321 section 4.1.2), every one kept as it was written.
//!
//! Parsing checks keyword and value against what the session offers, so that whatever is held
//! here may be passed on to an upstream that offers the same.

use thiserror::Error;

use crate::extension::Offer;
use crate::reply::{EnhancedCode, Reply};

/// The parameters of a command, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// `KEYWORD[=value]` separated by single spaces.
    text: Box<str>,
}

/// One parameter as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// The keyword in the client's spelling; compare without case.
    pub keyword: &'a str,
    /// What stands behind the equals sign.
    pub value: Option<&'a str>,
}

/// BODY (RFC 6152, RFC 3030).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Lines of ASCII; also what no parameter means.
    #[default]
    SevenBit,
    /// Lines with octets above 127.
    EightBitMime,
    /// Any octets; needs BDAT.
    BinaryMime,
}

/// RET (RFC 3461 section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// FULL.
    Full,
    /// HDRS.
    Headers,
}

/// Why a parameter is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParameterError {
    /// The keyword or value does not follow the grammar.
    #[error("parameter does not follow the grammar")]
    Syntax,
    /// The keyword is unknown here or belongs to an extension that was not offered.
    #[error("parameter is unknown or was not offered")]
    Unknown,
    /// The keyword comes twice.
    #[error("parameter comes twice")]
    Duplicate,
    /// The value is not one of this keyword.
    #[error("parameter has a value that it cannot have")]
    Value,
}

/// For which command the parameters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    Mail,
    Rcpt,
}

impl Parameters {
    /// All parameters in their order.
    pub fn iter(&self) -> impl Iterator<Item = Parameter<'_>> {
        self.text
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(Parameter::split)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether the keyword occurs, with or without value.
    #[must_use]
    pub fn has(&self, keyword: &str) -> bool {
        self.find(keyword).is_some()
    }

    /// The value of a keyword.
    #[must_use]
    pub fn value_of(&self, keyword: &str) -> Option<&str> {
        self.find(keyword).and_then(|parameter| parameter.value)
    }

    /// SIZE (RFC 1870): the size that the client declares.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.value_of("SIZE").and_then(|value| value.parse().ok())
    }

    /// BODY, if it was given.
    #[must_use]
    pub fn body(&self) -> Option<Body> {
        self.value_of("BODY").and_then(Body::parse)
    }

    /// Whether SMTPUTF8 (RFC 6531) was given.
    #[must_use]
    pub fn smtputf8(&self) -> bool {
        self.has("SMTPUTF8")
    }

    /// RET, if it was given.
    #[must_use]
    pub fn ret(&self) -> Option<Return> {
        self.value_of("RET").and_then(Return::parse)
    }

    /// ENVID as written, in xtext.
    #[must_use]
    pub fn envid(&self) -> Option<&str> {
        self.value_of("ENVID")
    }

    /// XOORG as written.
    #[must_use]
    pub fn xoorg(&self) -> Option<&str> {
        self.value_of("XOORG")
    }

    /// NOTIFY as written.
    #[must_use]
    pub fn notify(&self) -> Option<&str> {
        self.value_of("NOTIFY")
    }

    /// ORCPT as written, with its address type.
    #[must_use]
    pub fn orcpt(&self) -> Option<&str> {
        self.value_of("ORCPT")
    }

    /// Parses what follows the path.
    pub(crate) fn parse(text: &str, place: For, offer: &Offer) -> Result<Self, ParameterError> {
        let words = || text.split(' ').filter(|word| !word.is_empty());
        for (index, word) in words().enumerate() {
            let parameter = Parameter::split(word);
            parameter.check(place, offer)?;
            let earlier = words().take(index).map(Parameter::split);
            if earlier.into_iter().any(|other| parameter.is(other.keyword)) {
                return Err(ParameterError::Duplicate);
            }
        }
        let text = match text.contains("  ") {
            false => text.trim_matches(' ').into(),
            true => joined(words()),
        };
        Ok(Self { text })
    }

    fn find(&self, keyword: &str) -> Option<Parameter<'_>> {
        self.iter().find(|parameter| parameter.is(keyword))
    }
}

impl<'a> Parameter<'a> {
    /// Whether this is the keyword, in any case.
    #[must_use]
    pub const fn is(&self, keyword: &str) -> bool {
        self.keyword.eq_ignore_ascii_case(keyword)
    }

    /// Keyword and value, as [`ClientSession`](crate::ClientSession) takes them.
    #[must_use]
    pub const fn pair(self) -> (&'a str, Option<&'a str>) {
        (self.keyword, self.value)
    }

    fn split(word: &'a str) -> Self {
        match word.split_once('=') {
            Some((keyword, value)) => Self {
                keyword,
                value: Some(value),
            },
            None => Self {
                keyword: word,
                value: None,
            },
        }
    }

    fn check(&self, place: For, offer: &Offer) -> Result<(), ParameterError> {
        if !is_keyword(self.keyword) || self.value.is_some_and(|value| !is_value(value)) {
            return Err(ParameterError::Syntax);
        }
        let known = match place {
            For::Mail => self.mail_value(offer),
            For::Rcpt => self.rcpt_value(offer),
        };
        match known {
            None => Err(ParameterError::Unknown),
            Some(false) => Err(ParameterError::Value),
            Some(true) => Ok(()),
        }
    }

    /// Whether the value fits, if the keyword is one of MAIL and was offered.
    fn mail_value(&self, offer: &Offer) -> Option<bool> {
        let value = self.value.unwrap_or_default();
        let is = |keyword: &str, offered: bool| offered && self.is(keyword);
        if is("SIZE", offer.size.is_some()) {
            return Some(is_size(value));
        }
        if is("BODY", offer.eight_bit_mime || offer.binary_mime) {
            return match Body::parse(value) {
                Some(Body::EightBitMime) if !offer.eight_bit_mime => None,
                Some(Body::BinaryMime) if !offer.binary_mime => None,
                body => Some(body.is_some()),
            };
        }
        if is("SMTPUTF8", offer.smtputf8) {
            return Some(self.value.is_none());
        }
        if is("RET", offer.dsn) {
            return Some(Return::parse(value).is_some());
        }
        if is("ENVID", offer.dsn) {
            return Some(value.len() <= MAX_ENVID && value.is_ascii() && is_xtext(value));
        }
        is("XOORG", offer.xoorg).then_some(!value.is_empty() && value.is_ascii())
    }

    /// Whether the value fits, if the keyword is one of RCPT and was offered.
    fn rcpt_value(&self, offer: &Offer) -> Option<bool> {
        let value = self.value.unwrap_or_default();
        if self.is("NOTIFY") && offer.dsn {
            return Some(is_notify(value));
        }
        (self.is("ORCPT") && offer.dsn).then(|| is_orcpt(value))
    }
}

impl Body {
    /// The value of the parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SevenBit => "7BIT",
            Self::EightBitMime => "8BITMIME",
            Self::BinaryMime => "BINARYMIME",
        }
    }

    fn parse(value: &str) -> Option<Self> {
        [Self::SevenBit, Self::EightBitMime, Self::BinaryMime]
            .into_iter()
            .find(|body| value.eq_ignore_ascii_case(body.as_str()))
    }
}

impl Return {
    fn parse(value: &str) -> Option<Self> {
        if value.eq_ignore_ascii_case("FULL") {
            return Some(Self::Full);
        }
        value.eq_ignore_ascii_case("HDRS").then_some(Self::Headers)
    }
}

impl ParameterError {
    /// The refusal that the client gets.
    #[must_use]
    pub const fn reply(self) -> Reply {
        let code = Some(EnhancedCode::new(5, 5, 4));
        match self {
            Self::Syntax => Reply::fixed(501, code, "Parameter syntax"),
            Self::Unknown => Reply::fixed(555, code, "Parameter not recognised or not offered"),
            Self::Duplicate => Reply::fixed(501, code, "Parameter given twice"),
            Self::Value => Reply::fixed(501, code, "Parameter value"),
        }
    }
}

/// RFC 3461 section 4.4.
const MAX_ENVID: usize = 100;
/// RFC 3461 section 4.2.
const MAX_ORCPT: usize = 500;

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Box<str> {
    let mut text = String::new();
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    text.into_boxed_str()
}

/// `esmtp-keyword`.
fn is_keyword(keyword: &str) -> bool {
    keyword.starts_with(|c: char| c.is_ascii_alphanumeric())
        && keyword
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-')
}

/// `esmtp-value`, with RFC 6531's characters beyond ASCII.
fn is_value(value: &str) -> bool {
    let octet = |c: u8| matches!(c, b'!'..=b'<' | b'>'..=b'~' | 0x80..);
    !value.is_empty() && value.bytes().all(octet) && !value.chars().any(char::is_control)
}

fn is_size(value: &str) -> bool {
    value.len() <= 20 && value.bytes().all(|c| c.is_ascii_digit()) && value.parse::<u64>().is_ok()
}

/// NEVER, or a list of the others without repetition (RFC 3461 section 4.1).
fn is_notify(value: &str) -> bool {
    if value.eq_ignore_ascii_case("NEVER") {
        return true;
    }
    let words = || value.split(',');
    words().enumerate().all(|(index, word)| {
        let known = ["SUCCESS", "FAILURE", "DELAY"]
            .iter()
            .any(|name| word.eq_ignore_ascii_case(name));
        let repeated = words()
            .take(index)
            .any(|other| word.eq_ignore_ascii_case(other));
        known && !repeated
    })
}

/// `addr-type ";" xtext` (RFC 3461 section 4.2, RFC 6533 section 3).
fn is_orcpt(value: &str) -> bool {
    let Some((kind, address)) = value.split_once(';') else {
        return false;
    };
    let kind_fits =
        !kind.is_empty() && kind.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    let ascii_fits = address.is_ascii() || kind.eq_ignore_ascii_case("utf-8");
    value.len() <= MAX_ORCPT && kind_fits && ascii_fits && is_xtext(address)
}

/// Printable octets but `+` and `=`, which are written `+HH` (RFC 3461 section 4).
fn is_xtext(value: &str) -> bool {
    let hex = |c: Option<u8>| c.is_some_and(|c| matches!(c, b'0'..=b'9' | b'A'..=b'F'));
    let mut octets = value.bytes();
    while let Some(octet) = octets.next() {
        let fits = match octet {
            b'+' => hex(octets.next()) && hex(octets.next()),
            b'!'..=b'<' | b'>'..=b'~' | 0x80.. => true,
            _ => false,
        };
        if !fits {
            return false;
        }
    }
    !value.is_empty()
}
