//! Quoted texts, and the expressions in them.

use super::token::{Lexer, Token, Unterminated, is_double, is_single, unterminated};

impl Lexer<'_> {
    /// `@"`, a line end, lines, and `"@` at the beginning of a line.
    pub(super) fn here_string(&mut self, start: usize, quote: char) -> Result<Token, Unterminated> {
        self.bump();
        let Some(header) = self.rest().find('\n') else {
            return Err(unterminated("here-string", start));
        };
        self.at += header + 1;
        let body = self.rest();
        let mut end = 0;
        for line in body.split_inclusive('\n') {
            let mut chars = line.chars();
            let closes = match chars.next() {
                Some(first) if is_double(quote) => is_double(first),
                Some(first) => is_single(first),
                None => false,
            };
            if closes && chars.next() == Some('@') {
                let text = body.get(..end).unwrap_or_default();
                let text = text.strip_suffix('\n').unwrap_or(text);
                let text = text.strip_suffix('\r').unwrap_or(text);
                self.at += end + line.chars().take(2).map(char::len_utf8).sum::<usize>();
                let expands = is_double(quote) && text.contains('$');
                return Ok(if expands {
                    Token::Expression
                } else {
                    Token::Text(text.to_owned())
                });
            }
            end += line.len();
        }
        Err(unterminated("here-string", start))
    }

    /// Everything to the next quote; a doubled one is one.
    pub(super) fn single_quoted(&mut self, start: usize) -> Result<Token, Unterminated> {
        self.bump();
        let mut text = String::new();
        while let Some(next) = self.bump() {
            if !is_single(next) {
                text.push(next);
            } else if self.peek().is_some_and(is_single) {
                text.push(next);
                self.bump();
            } else {
                return Ok(Token::Text(text));
            }
        }
        Err(unterminated("string", start))
    }

    /// The same with backtick escapes and variables.
    pub(super) fn double_quoted(&mut self, start: usize) -> Result<Token, Unterminated> {
        self.bump();
        let mut text = String::new();
        let mut known = true;
        while let Some(next) = self.bump() {
            match next {
                '`' => text.extend(self.escape()),
                '$' => match self.interpolated(start)? {
                    Interpolated::Value(value) => text.push_str(&value),
                    Interpolated::Unknown => known = false,
                    Interpolated::Nothing => text.push('$'),
                },
                quote if is_double(quote) => {
                    if !self.peek().is_some_and(is_double) {
                        return Ok(if known {
                            Token::Text(text)
                        } else {
                            Token::Expression
                        });
                    }
                    text.push(quote);
                    self.bump();
                }
                other => text.push(other),
            }
        }
        Err(unterminated("string", start))
    }

    /// What stands behind a backtick.
    fn escape(&mut self) -> Option<char> {
        Some(match self.bump()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            'a' => '\u{07}',
            'b' => '\u{08}',
            'e' => '\u{1b}',
            'f' => '\u{0c}',
            'v' => '\u{0b}',
            'u' => return self.unicode_escape(),
            other => other,
        })
    }

    /// `{hex}` behind a backtick and `u`; without it, the letter.
    fn unicode_escape(&mut self) -> Option<char> {
        let rest = self.rest().as_bytes();
        let length = rest.iter().take(8).position(|octet| *octet == b'}');
        let hex = length.and_then(|length| self.rest().get(..length)?.strip_prefix('{'));
        let Some(hex) = hex else {
            return Some('u');
        };
        self.at += hex.len() + 2;
        u32::from_str_radix(hex, 16).ok().and_then(char::from_u32)
    }

    /// What stands behind a dollar sign in a text.
    fn interpolated(&mut self, start: usize) -> Result<Interpolated, Unterminated> {
        let before = self.at;
        if self.peek() == Some('(') {
            self.skip_nested(start)?;
            let inner = self.since(before);
            let inner = inner
                .strip_prefix("($")
                .and_then(|inner| inner.strip_suffix(')'));
            return Ok(inner
                .and_then(|name| self.variables.get(&name.to_ascii_lowercase()))
                .map_or(Interpolated::Unknown, |value| {
                    Interpolated::Value(value.clone())
                }));
        }
        let name = self.variable_name(start)?;
        if name.is_empty() {
            return Ok(Interpolated::Nothing);
        }
        Ok(match self.variables.get(&name.to_ascii_lowercase()) {
            Some(value) => Interpolated::Value(value.clone()),
            None => Interpolated::Unknown,
        })
    }

    /// From `(` to the `)` that closes it: expressions within texts within expressions, without
    /// recursion.
    pub(super) fn skip_nested(&mut self, start: usize) -> Result<(), Unterminated> {
        self.bump();
        let mut inside = vec![Nested::Round];
        while let Some(innermost) = inside.last() {
            let Some(next) = self.bump() else {
                return Err(unterminated("expression", start));
            };
            match (innermost, next) {
                (_, '`') => {
                    self.bump();
                }
                (Nested::Text, '$') if self.peek() == Some('(') => {
                    self.bump();
                    inside.push(Nested::Round);
                }
                (Nested::Text, quote) if is_double(quote) => {
                    if self.peek().is_some_and(is_double) {
                        self.bump();
                    } else {
                        inside.pop();
                    }
                }
                (Nested::Text, _) => {}
                (Nested::Round, '(') => inside.push(Nested::Round),
                (Nested::Round, ')') => {
                    inside.pop();
                }
                (Nested::Round, quote) if is_double(quote) => inside.push(Nested::Text),
                (Nested::Round, quote) if is_single(quote) => {
                    self.at -= quote.len_utf8();
                    self.single_quoted(start)?;
                }
                (Nested::Round, _) => {}
            }
        }
        Ok(())
    }
}

enum Interpolated {
    Value(String),
    Unknown,
    Nothing,
}

#[derive(Debug, Clone, Copy)]
enum Nested {
    Round,
    Text,
}
