//! Values of properties.

use super::script::Script;
use super::token::{Bracket, Token};
use crate::export::DEEPEST;
use crate::export::error::{ExportError, Problem};
use crate::export::node::{Node, Value};
use crate::export::position::element_path;

impl<'a> Script<'a> {
    /// A value, or several with commas between them.
    pub(super) fn values(&mut self, path: &str, depth: usize) -> Result<Node, ExportError> {
        let first = self.value(path, depth)?;
        if self.peek()? != Some(&Token::Comma) {
            return Ok(first);
        }
        let place = first.place.clone();
        let mut nodes = vec![first];
        while self.peek()? == Some(&Token::Comma) {
            self.next()?;
            self.skip_ends()?;
            nodes.push(self.value(&element_path(path, nodes.len()), depth)?);
        }
        let value = Value::List(nodes);
        Ok(Node { value, place })
    }

    fn value(&mut self, path: &str, depth: usize) -> Result<Node, ExportError> {
        let Some(lexeme) = self.next()? else {
            return Err(self.refused(self.text.len(), "it ends before a value".to_owned()));
        };
        let place = self.positions.at(lexeme.start, path);
        if depth > DEEPEST {
            let problem = Problem::TooDeep { limit: DEEPEST };
            return Err(ExportError { place, problem });
        }
        let value = match lexeme.token {
            Token::Text(text) => Some(Value::String(text)),
            Token::Variable(name) => self.variable(&name),
            Token::Word(word) => Some(self.word(word, path, depth)?),
            Token::Open(Bracket::List) => {
                Some(Value::List(self.list(path, lexeme.start, depth)?))
            }
            Token::Open(Bracket::Table) => {
                Some(Value::Object(self.properties(path, lexeme.start, depth)?))
            }
            Token::Open(bracket @ (Bracket::Round | Bracket::Square | Bracket::Curly)) => {
                self.skip_brackets(bracket, lexeme.start)?;
                None
            }
            Token::Expression => None,
            Token::Close(_) | Token::Equals | Token::Comma | Token::End => {
                return Err(self.refused(lexeme.start, "expected a value".to_owned()));
            }
        };
        let end = self.skip_operators(lexeme.end)?;
        let value = match value {
            Some(value) if end == lexeme.end => value,
            _ => self.expression(self.part(lexeme.start, end)),
        };
        Ok(Node { value, place })
    }

    /// A number, an embedded instance (`MSFT_x { ... }`), or a bare word.
    fn word(&mut self, word: String, path: &str, depth: usize) -> Result<Value, ExportError> {
        if word.to_ascii_uppercase().starts_with("MSFT_") {
            self.skip_ends()?;
        }
        if self.peek()? == Some(&Token::Open(Bracket::Curly)) {
            let opened = self.next()?.map_or(0, |lexeme| lexeme.start);
            return Ok(Value::Object(self.properties(path, opened, depth)?));
        }
        let is_number = word.parse::<i64>().is_ok()
            || (word.starts_with(|first: char| first.is_ascii_digit())
                && word.parse::<f64>().is_ok());
        Ok(if is_number {
            Value::Number(word)
        } else {
            Value::String(word)
        })
    }

    fn variable(&self, name: &str) -> Option<Value> {
        Some(match name.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            other => Value::String(self.lexer.variables.get(other)?.clone()),
        })
    }

    /// The value of `$a.b.c` if it is known, otherwise the text.
    fn expression(&self, text: &'a str) -> Value {
        let known = text.strip_prefix('$').and_then(|name| {
            let name = name.trim_end().to_ascii_lowercase();
            self.lexer.variables.get(&name)
        });
        match known {
            Some(value) => Value::String(value.clone()),
            None => Value::Expression(text.to_owned()),
        }
    }

    /// The elements of `@(...)`.
    fn list(&mut self, path: &str, opened: usize, depth: usize) -> Result<Vec<Node>, ExportError> {
        let mut nodes = Vec::new();
        loop {
            self.skip_ends()?;
            match self.peek()? {
                Some(Token::Close(Bracket::Round)) => {
                    self.next()?;
                    return Ok(nodes);
                }
                Some(Token::Comma) => {
                    self.next()?;
                }
                Some(_) => {
                    nodes.push(self.value(&element_path(path, nodes.len()), depth + 1)?);
                }
                None => return Err(self.cut_off("array", opened)),
            }
        }
    }
}
