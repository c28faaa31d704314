//! Resource blocks, and the values in them.

use std::path::Path;
use std::sync::Arc;

use super::script::Script;
use super::token::{Bracket, Lexer, Token};
use crate::export::error::ExportError;
use crate::export::node::{Node, Value, shortened};
use crate::export::position::{Positions, property_path};
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

impl Script<'_> {
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
        let place = self.positions.at(start, &path);
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
                place,
            },
            kind: Some(kind),
        }))
    }

    /// `Name = value`, line by line or with semicolons, to the bracket that closes.
    pub(super) fn properties(
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
