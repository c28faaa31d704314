//! As much of PowerShell's lexical rules as configurations need.

use std::collections::HashMap;
use std::ops::Range;

/// A piece of the script.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A bare word, number, operator or parameter.
    Word(String),
    /// A quoted text that says all it says.
    Text(String),
    /// A quoted text, variable or `$(...)` whose value is not in the script.
    Expression,
    /// `$name`, without the dollar sign.
    Variable(String),
    /// `(`, `[`, `{`, `@(` or `@{`.
    Open(Bracket),
    /// `)`, `]` or `}`.
    Close(Bracket),
    /// `=`.
    Equals,
    /// `,`.
    Comma,
    /// A line end or `;`.
    End,
}

/// Brackets, alike whether `@` stands before them or not but for what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bracket {
    /// `(`
    Round,
    /// `[`
    Square,
    /// `{`
    Curly,
    /// `@(`, closed by `)`
    List,
    /// `@{`, closed by `}`
    Table,
}

/// What the end of the script cut off, and where that begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unterminated {
    pub(super) what: &'static str,
    pub(super) start: usize,
}

/// Reads a script from the beginning; looks at nothing twice.
pub(super) struct Lexer<'a> {
    text: &'a str,
    pub(super) at: usize,
    /// The values of variables, by lower-case name.
    pub(super) variables: HashMap<String, String>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            variables: HashMap::new(),
        }
    }

    /// The part of the script from `start` to where the lexer is.
    pub(super) fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The next token and where it stands; absent at the end.
    pub(super) fn next(&mut self) -> Result<Option<(Token, Range<usize>)>, Unterminated> {
        self.skip_blanks()?;
        let start = self.at;
        let Some(first) = self.peek() else {
            return Ok(None);
        };
        let token = match first {
            '\r' | '\n' | ';' => self.single(Token::End),
            '=' => self.single(Token::Equals),
            ',' => self.single(Token::Comma),
            '(' => self.single(Token::Open(Bracket::Round)),
            '[' => self.single(Token::Open(Bracket::Square)),
            '{' => self.single(Token::Open(Bracket::Curly)),
            ')' => self.single(Token::Close(Bracket::Round)),
            ']' => self.single(Token::Close(Bracket::Square)),
            '}' => self.single(Token::Close(Bracket::Curly)),
            '@' => self.at_sign(start)?,
            '$' => self.dollar(start)?,
            quote if is_double(quote) => self.double_quoted(start)?,
            quote if is_single(quote) => self.single_quoted(start)?,
            _ => self.word(),
        };
        Ok(Some((token, start..self.at)))
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn single(&mut self, token: Token) -> Token {
        self.bump();
        token
    }

    /// White space, comments, and line ends that a backtick takes away.
    fn skip_blanks(&mut self) -> Result<(), Unterminated> {
        loop {
            let rest = self.rest();
            if rest.starts_with("<#") {
                let start = self.at;
                self.at = match rest.find("#>") {
                    Some(end) => start + end + 2,
                    None => return Err(unterminated("comment", start)),
                };
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(line_end) =
                ["`\r\n", "`\n"].iter().find(|end| rest.starts_with(**end))
            {
                self.at += line_end.len();
            } else {
                match rest.chars().next() {
                    Some(blank) if blank.is_whitespace() && !matches!(blank, '\r' | '\n') => {
                        self.at += blank.len_utf8();
                    }
                    _ => return Ok(()),
                }
            }
        }
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        // The first character was looked at, whatever it is.
        self.bump();
        while let Some(next) = self.peek() {
            if next.is_whitespace()
                || matches!(
                    next,
                    '(' | ')' | '[' | ']' | '{' | '}' | ';' | ',' | '=' | '$'
                )
                || is_double(next)
                || is_single(next)
            {
                break;
            }
            self.bump();
        }
        Token::Word(self.since(start).to_owned())
    }

    fn at_sign(&mut self, start: usize) -> Result<Token, Unterminated> {
        self.bump();
        Ok(match self.peek() {
            Some('(') => self.single(Token::Open(Bracket::List)),
            Some('{') => self.single(Token::Open(Bracket::Table)),
            Some(quote) if is_double(quote) || is_single(quote) => {
                self.here_string(start, quote)?
            }
            _ => self.word(),
        })
    }

    fn dollar(&mut self, start: usize) -> Result<Token, Unterminated> {
        self.bump();
        if self.peek() == Some('(') {
            self.skip_nested(start)?;
            return Ok(Token::Expression);
        }
        let name = self.variable_name(start)?;
        if name.is_empty() {
            return Ok(self.word());
        }
        Ok(Token::Variable(name))
    }

    /// `name`, `scope:name` or `{anything}`.
    pub(super) fn variable_name(&mut self, start: usize) -> Result<String, Unterminated> {
        let rest = self.rest();
        if let Some(inner) = rest.strip_prefix('{') {
            let Some(end) = inner.find('}') else {
                return Err(unterminated("variable", start));
            };
            self.at += end + 2;
            return Ok(inner.get(..end).unwrap_or_default().to_owned());
        }
        let length = rest
            .char_indices()
            .find(|(at, next)| {
                let scope = *next == ':'
                    && rest
                        .get(at + 1..)
                        .is_some_and(|behind| behind.starts_with(is_name));
                !is_name(*next) && !scope
            })
            .map_or(rest.len(), |(at, _)| at);
        self.at += length;
        Ok(rest.get(..length).unwrap_or_default().to_owned())
    }
}

impl Bracket {
    /// Whether `closing` ends what this began.
    pub(super) fn is_closed_by(self, closing: Self) -> bool {
        let end = match self {
            Self::Round | Self::List => Self::Round,
            Self::Curly | Self::Table => Self::Curly,
            Self::Square => Self::Square,
        };
        end == closing
    }
}

pub(super) fn unterminated(what: &'static str, start: usize) -> Unterminated {
    Unterminated { what, start }
}

/// PowerShell takes typographic quotes for quotes.
pub(super) fn is_double(letter: char) -> bool {
    matches!(letter, '"' | '\u{201C}' | '\u{201D}' | '\u{201E}')
}

pub(super) fn is_single(letter: char) -> bool {
    matches!(
        letter,
        '\'' | '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}'
    )
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
