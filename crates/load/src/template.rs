//! Templates of addresses: `"user-{id}@{domain}"`.

use bytes::{BufMut as _, BytesMut};
use tenantry_smtp::{Mailbox, Utf8, put_decimal};
use thiserror::Error;

use crate::id::MessageId;

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Id,
    Domain,
    Tenant,
    Number,
    Recipient,
}

/// Why a template is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TemplateError {
    /// A brace without its partner.
    #[error("has a brace without its partner")]
    Brace,
    /// A name that stands for nothing.
    #[error("has {{{0}}}, which stands for nothing")]
    Unknown(String),
    /// What it makes is no address.
    #[error("does not make an address: {0}")]
    Address(String),
}

/// What the names of a template stand for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'v> {
    pub(crate) id: MessageId,
    pub(crate) domain: &'v str,
    pub(crate) tenant: &'v str,
    /// From 1.
    pub(crate) recipient: u32,
}

impl Template {
    /// Reads a template, and tries whether it makes addresses.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (plain, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
            if !plain.is_empty() {
                pieces.push(Piece::Text(plain.into()));
            }
            let inner = after.strip_prefix('{').ok_or(TemplateError::Brace)?;
            let (name, behind) = inner.split_once('}').ok_or(TemplateError::Brace)?;
            pieces.push(match name {
                "id" => Piece::Id,
                "domain" => Piece::Domain,
                "tenant" => Piece::Tenant,
                "number" => Piece::Number,
                "recipient" => Piece::Recipient,
                other => return Err(TemplateError::Unknown(other.chars().take(40).collect())),
            });
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.into()));
        }
        let template = Self(pieces);
        template.tried()?;
        Ok(template)
    }

    /// Appends the address.
    pub(crate) fn write(&self, values: &Values<'_>, out: &mut BytesMut) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.put_slice(text.as_bytes()),
                Piece::Id => values.id.write(out),
                Piece::Domain => out.put_slice(values.domain.as_bytes()),
                Piece::Tenant => out.put_slice(values.tenant.as_bytes()),
                Piece::Number => put_decimal(values.id.number, out),
                Piece::Recipient => put_decimal(values.recipient.into(), out),
            }
        }
    }

    /// Whether messages can be found by it.
    pub(crate) fn has_id(&self) -> bool {
        self.0.contains(&Piece::Id)
    }

    /// The longest values make an address, too.
    fn tried(&self) -> Result<(), TemplateError> {
        let mut out = BytesMut::new();
        let values = Values {
            id: MessageId {
                run: u32::MAX,
                number: u64::MAX >> 14,
                tenant: Some(999_999),
            },
            domain: "domain.example",
            tenant: "tenant",
            recipient: 1_000,
        };
        self.write(&values, &mut out);
        let text = String::from_utf8_lossy(&out);
        Mailbox::parse(&text, Utf8::Refused)
            .map(drop)
            .map_err(|error| TemplateError::Address(error.to_string()))
    }
}
