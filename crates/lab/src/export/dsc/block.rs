//! Resource blocks, and the values in them.

use std::path::Path;
use std::sync::Arc;

use super::token::{Bracket, Lexer, Token, Unterminated};
use crate::export::DEEPEST;
use crate::export::error::{ExportError, Format, Problem};
use crate::export::node::{Node, Value, shortened};
use crate::export::position::{Positions, element_path, property_path};
use crate::export::recognise::{Document, Kind};

/// The objects that the script wants to exist. `organization` is the value of
/// `$OrganizationName`, if its configuration data is known.
pub(in crate::export) fn parse(
    file: &Arc<Path>,
    text: &str,
    organization: Option<String>,
) -> Result<Vec<Document>, ExportError> {
    let mut lexer = Lexer::new(text);
    if let Some(name) = organization {
        let variables = [
            "organizationname",
            "configurationdata.nonnodedata.organizationname",
        ];
        lexer
            .variables
            .extend(variables.map(|variable| (variable.to_owned(), name.clone())));
    }
    let mut script = Script {
        text,
        lexer,
        positions: Positions::new(file, text),
        peeked: None,
    };
    script.documents()
}

/// The value of `OrganizationName` in the `ConfigurationData.psd1` beside an exported script.
pub(in crate::export) fn organization_name(data: &str) -> Option<String> {
    let mut lexer = Lexer::new(data);
    loop {
        let (token, _) = lexer.next().ok()??;
        let Token::Word(word) = token else { continue };
        if !word.eq_ignore_ascii_case("OrganizationName") {
            continue;
        }
        if lexer.next().ok()??.0 == Token::Equals
            && let Token::Text(name) = lexer.next().ok()??.0
        {
            return Some(name);
        }
    }
}

struct Script<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    positions: Positions<'a>,
    /// Read ahead; absent inside for the end of the script.
    peeked: Option<Option<Lexeme>>,
}

/// A token, where it begins and where it ends.
#[derive(Debug, Clone)]
struct Lexeme {
    token: Token,
    start: usize,
    end: usize,
}

impl<'a> Script<'a> {
    fn documents(&mut self) -> Result<Vec<Document>, ExportError> {
        let mut documents = Vec::new();
        let mut open: Vec<(Bracket, usize)> = Vec::new();
        let mut at_start = true;
        while let Some(lexeme) = self.next()? {
            let starts = std::mem::replace(&mut at_start, false);
            match lexeme.token {
                Token::Word(word) if starts => {
                    if let Some(kind) = kind(&word) {
                        documents.extend(self.resource(&word, kind, lexeme.start)?);
                        at_start = true;
                    }
                }
                Token::Variable(name) if starts => self.assignment(&name)?,
                Token::Open(bracket) => {
                    open.push((bracket, lexeme.start));
                    at_start = true;
                }
                Token::Close(closing) => {
                    match open.pop() {
                        Some((bracket, _)) if bracket.is_closed_by(closing) => {}
                        _ => {
                            let what = "a bracket that closes nothing".to_owned();
                            return Err(self.refused(lexeme.start, what));
                        }
                    }
                    at_start = true;
                }
                Token::End => at_start = true,
                Token::Word(_)
                | Token::Text(_)
                | Token::Expression
                | Token::Variable(_)
                | Token::Equals
                | Token::Comma => {}
            }
        }
        match open.last() {
            Some((_, start)) => Err(self.cut_off("bracket", *start)),
            None => Ok(documents),
        }
    }

    /// `$name = "literal"`: the value is known from here on.
    fn assignment(&mut self, name: &str) -> Result<(), ExportError> {
        if self.peek()? != Some(&Token::Equals) {
            return Ok(());
        }
        self.next()?;
        if let Some(Token::Text(value)) = self.peek()?.cloned() {
            self.next()?;
            if matches!(self.peek()?, None | Some(Token::End)) {
                self.lexer
                    .variables
                    .insert(name.to_ascii_lowercase(), value);
            }
        }
        Ok(())
    }

    /// A name and a block behind the word for a resource; nothing if there is none, or if the
    /// object shall not exist.
    fn resource(
        &mut self,
        word: &str,
        kind: Kind,
        start: usize,
    ) -> Result<Option<Document>, ExportError> {
        let name = match self.peek()? {
            Some(Token::Text(_) | Token::Word(_) | Token::Expression | Token::Variable(_)) => {
                self.next()?
            }
            _ => return Ok(None),
        };
        let name = name.map_or("", |name| self.part(name.start, name.end));
        let name = shortened(name).replace(char::is_control, " ");
        self.skip_ends()?;
        if self.peek()? != Some(&Token::Open(Bracket::Curly)) {
            return Ok(None);
        }
        let opened = self.next()?.map_or(start, |lexeme| lexeme.start);
        let path = format!("{word} {name}");
        let mut properties = self.properties(&path, opened, 0)?;
        let absent = properties.iter().any(|(name, node)| {
            name.eq_ignore_ascii_case("Ensure")
                && matches!(&node.value, Value::String(text) if text.eq_ignore_ascii_case("Absent"))
        });
        if absent {
            return Ok(None);
        }
        properties.retain(|(name, _)| {
            !NOT_OF_THE_OBJECT
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
        });
        Ok(Some(Document {
            node: Node {
                value: Value::Object(properties),
                place: self.positions.at(start, &path),
            },
            kind: Some(kind),
        }))
    }

    /// `Name = value`, line by line or with semicolons, to the bracket that closes.
    fn properties(
        &mut self,
        path: &str,
        opened: usize,
        depth: usize,
    ) -> Result<Vec<(String, Node)>, ExportError> {
        let mut properties = Vec::new();
        loop {
            self.skip_ends()?;
            let Some(lexeme) = self.next()? else {
                return Err(self.cut_off("block", opened));
            };
            let name = match lexeme.token {
                Token::Close(Bracket::Curly) => return Ok(properties),
                Token::Word(name) | Token::Text(name) => name,
                Token::Expression
                | Token::Variable(_)
                | Token::Open(_)
                | Token::Close(_)
                | Token::Equals
                | Token::Comma
                | Token::End => {
                    return Err(self.refused(lexeme.start, "expected a property".to_owned()));
                }
            };
            let behind = self.next()?;
            match behind {
                Some(behind) if behind.token == Token::Equals => {}
                Some(behind) => {
                    let what = format!("expected = behind {:?}", shortened(&name));
                    return Err(self.refused(behind.start, what));
                }
                None => return Err(self.cut_off("block", opened)),
            }
            self.skip_ends()?;
            let value = self.values(&property_path(path, &name), depth + 1)?;
            properties.push((name, value));
        }
    }

    /// A value, or several with commas between them.
    fn values(&mut self, path: &str, depth: usize) -> Result<Node, ExportError> {
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

    /// What makes an expression of the value before it: members, indices, operators.
    fn skip_operators(&mut self, mut end: usize) -> Result<usize, ExportError> {
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
    fn skip_brackets(&mut self, bracket: Bracket, start: usize) -> Result<usize, ExportError> {
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

    fn skip_ends(&mut self) -> Result<(), ExportError> {
        while self.peek()? == Some(&Token::End) {
            self.next()?;
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<&Token>, ExportError> {
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

    fn next(&mut self) -> Result<Option<Lexeme>, ExportError> {
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

    fn part(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn cut_off(&self, what: &str, start: usize) -> ExportError {
        let begun = self.positions.at(start, "");
        let what = format!(
            "it ends within the {what} that begins in line {}, column {}",
            begun.line, begun.column
        );
        self.refused(self.text.len(), what)
    }

    fn refused(&self, offset: usize, what: String) -> ExportError {
        ExportError {
            place: self.positions.at(offset, ""),
            problem: Problem::Syntax {
                format: Format::Dsc,
                what,
            },
        }
    }
}

/// The resources of Microsoft365DSC that describe what the lab knows.
fn kind(word: &str) -> Option<Kind> {
    [
        ("EXOInboundConnector", Kind::InboundConnector),
        ("EXOAcceptedDomain", Kind::AcceptedDomain),
        ("EXOOrganizationConfig", Kind::Organization),
        ("EXOOutboundConnector", Kind::OutboundConnector),
    ]
    .into_iter()
    .find(|(name, _)| name.eq_ignore_ascii_case(word))
    .map(|(_, kind)| kind)
}

/// How the configuration is applied, secrets among it; no properties of the object.
const NOT_OF_THE_OBJECT: [&str; 12] = [
    "Ensure",
    "Credential",
    "ApplicationId",
    "ApplicationSecret",
    "TenantId",
    "CertificateThumbprint",
    "CertificatePath",
    "CertificatePassword",
    "ManagedIdentity",
    "AccessTokens",
    "PsDscRunAsCredential",
    "DependsOn",
];
