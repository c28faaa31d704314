//! The script, token by token.

use super::token::{Bracket, Lexer, Token, Unterminated};
use crate::export::error::{ExportError, Format, Problem};
use crate::export::position::Positions;

/// A script being read, with the next token looked at.
pub(super) struct Script<'a> {
    pub(super) text: &'a str,
    pub(super) lexer: Lexer<'a>,
    pub(super) positions: Positions<'a>,
    /// Read ahead; absent inside for the end of the script.
    pub(super) peeked: Option<Option<Lexeme>>,
}

/// A token, where it begins and where it ends.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl<'a> Script<'a> {
    /// What makes an expression of the value before it: members, indices, operators.
    pub(super) fn skip_operators(&mut self, mut end: usize) -> Result<usize, ExportError> {
        loop {
            match self.peek()? {
                None | Some(Token::End | Token::Comma | Token::Close(_)) => return Ok(end),
                Some(
                    Token::Word(_)
                    | Token::Text(_)
                    | Token::Expression
                    | Token::Variable(_)
                    | Token::Open(_)
                    | Token::Equals,
                ) => {}
            }
            let Some(lexeme) = self.next()? else {
                return Ok(end);
            };
            end = match lexeme.token {
                Token::Open(bracket) => self.skip_brackets(bracket, lexeme.start)?,
                Token::Word(_)
                | Token::Text(_)
                | Token::Expression
                | Token::Variable(_)
                | Token::Equals
                | Token::Comma
                | Token::Close(_)
                | Token::End => lexeme.end,
            };
        }
    }

    /// To the bracket that closes `bracket`; gives its end.
    pub(super) fn skip_brackets(
        &mut self,
        bracket: Bracket,
        start: usize,
    ) -> Result<usize, ExportError> {
        let mut open = vec![bracket];
        while let Some(innermost) = open.last().copied() {
            let Some(lexeme) = self.next()? else {
                return Err(self.cut_off("bracket", start));
            };
            match lexeme.token {
                Token::Open(inner) => open.push(inner),
                Token::Close(closing) if innermost.is_closed_by(closing) => {
                    open.pop();
                    if open.is_empty() {
                        return Ok(lexeme.end);
                    }
                }
                Token::Close(_) => {
                    let what = "a bracket that closes nothing".to_owned();
                    return Err(self.refused(lexeme.start, what));
                }
                Token::Word(_)
                | Token::Text(_)
                | Token::Expression
                | Token::Variable(_)
                | Token::Equals
                | Token::Comma
                | Token::End => {}
            }
        }
        Ok(start)
    }

    pub(super) fn skip_ends(&mut self) -> Result<(), ExportError> {
        while self.peek()? == Some(&Token::End) {
            self.next()?;
        }
        Ok(())
    }

    pub(super) fn peek(&mut self) -> Result<Option<&Token>, ExportError> {
        if self.peeked.is_none() {
            let next = self.read()?;
            self.peeked = Some(next);
        }
        Ok(self
            .peeked
            .as_ref()
            .and_then(|peeked| peeked.as_ref())
            .map(|lexeme| &lexeme.token))
    }

    pub(super) fn next(&mut self) -> Result<Option<Lexeme>, ExportError> {
        match self.peeked.take() {
            Some(peeked) => Ok(peeked),
            None => self.read(),
        }
    }

    fn read(&mut self) -> Result<Option<Lexeme>, ExportError> {
        match self.lexer.next() {
            Ok(next) => Ok(next.map(|(token, range)| Lexeme {
                token,
                start: range.start,
                end: range.end,
            })),
            Err(Unterminated { what, start }) => Err(self.cut_off(what, start)),
        }
    }

    pub(super) fn part(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn cut_off(&self, what: &str, start: usize) -> ExportError {
        let begun = self.positions.at(start, "");
        let what = format!(
            "it ends within the {what} that begins in line {}, column {}",
            begun.line, begun.column
        );
        self.refused(self.text.len(), what)
    }

    pub(super) fn refused(&self, offset: usize, what: String) -> ExportError {
        ExportError {
            place: self.positions.at(offset, ""),
            problem: Problem::Syntax {
                format: Format::Dsc,
                what,
            },
        }
    }
}
