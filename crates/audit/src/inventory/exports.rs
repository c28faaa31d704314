//! Exports: typed objects with what they were made of, and whose they say they are.

use std::path::Path;

use tenantry_lab::export::{
    Document, ExportError, Node, Object, OutboundConnector, SendConnector, Value,
    outbound_connector, read_file, send_connector,
};
use tenantry_lab::world::{AcceptedDomain, InboundConnector, Organization, Place};

use super::{Exported, Unreadable};

/// An object of a file.
#[derive(Debug)]
pub(super) enum Item {
    Inbound(Exported<InboundConnector>),
    Outbound(Exported<OutboundConnector>),
    Domain(Exported<AcceptedDomain>),
    Organization(Exported<Organization>),
    Send(Exported<SendConnector>),
    /// Something else, which stands there.
    Other(Place),
}

/// The objects of a file, and what is wrong with it.
pub(super) fn read(path: &Path) -> (Vec<Item>, Vec<Unreadable>) {
    let documents = match read_file(path) {
        Ok(documents) => documents,
        Err(errors) => return (Vec::new(), errors.into_iter().map(problem).collect()),
    };
    let mut items = Vec::with_capacity(documents.len());
    let mut unreadable = Vec::new();
    for document in documents {
        match typed(document) {
            Ok(item) => items.push(item),
            Err(errors) => unreadable.extend(errors.into_iter().map(problem)),
        }
    }
    (items, unreadable)
}

fn typed(document: Document) -> Result<Item, Vec<ExportError>> {
    let object = document.object()?;
    let node = document.node;
    Ok(match object {
        Object::InboundConnector(value) => Item::Inbound(Exported { value, node }),
        Object::AcceptedDomain(value) => Item::Domain(Exported { value, node }),
        Object::Organization(value) => Item::Organization(Exported { value, node }),
        Object::OutboundConnector(_) => Item::Outbound(Exported {
            value: outbound_connector(&node)?,
            node,
        }),
        Object::SendConnector(_) => Item::Send(Exported {
            value: send_connector(&node)?,
            node,
        }),
        Object::Other(_) => Item::Other(node.place),
    })
}

/// The text of an export's problem says what to do behind its last semicolon.
fn problem(error: ExportError) -> Unreadable {
    let text = error.problem.to_string();
    let (what, remedy) = match text.rsplit_once("; ") {
        Some((what, remedy)) => (what, remedy),
        None => (text.as_str(), "let the user who runs this read it"),
    };
    Unreadable {
        place: error.place,
        what: String::from(what),
        remedy: String::from(remedy),
        ignored: false,
    }
}

impl Item {
    /// Where it stands.
    pub(super) fn place(&self) -> &Place {
        match self {
            Self::Inbound(object) => &object.node.place,
            Self::Outbound(object) => &object.node.place,
            Self::Domain(object) => &object.node.place,
            Self::Organization(object) => &object.node.place,
            Self::Send(object) => &object.node.place,
            Self::Other(place) => place,
        }
    }

    /// What it is called where several of its kind are counted.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Inbound(_) => "inbound connector",
            Self::Outbound(_) => "outbound connector",
            Self::Domain(_) => "accepted domain",
            Self::Organization(_) => "organization config",
            Self::Send(_) => "Send connector",
            Self::Other(_) => "object of no known kind",
        }
    }

    /// The tenant that the object itself names: the first label of an initial domain in the
    /// properties that say to which organisation it belongs.
    pub(super) fn owner(&self) -> Option<String> {
        let said = |node: &Node, names: &[&str]| {
            names
                .iter()
                .filter_map(|name| text(node.property(name)?))
                .find_map(initial_domain)
        };
        match self {
            Self::Inbound(object) => said(&object.node, &ORGANISATION),
            Self::Outbound(object) => said(&object.node, &ORGANISATION),
            Self::Domain(object) => {
                let of_itself = || {
                    let initial = object.value.initial;
                    let named = initial.then(|| initial_domain(object.value.domain.as_str()));
                    named.flatten()
                };
                said(&object.node, &ORGANISATION).or_else(of_itself)
            }
            Self::Organization(object) => {
                said(&object.node, &ORGANISATION).or_else(|| said(&object.node, &ITSELF))
            }
            Self::Send(_) | Self::Other(_) => None,
        }
    }

    /// The tenant's label of an accepted domain under `onmicrosoft.com`, whether or not it is said
    /// to be the initial one.
    pub(super) fn fallback_owner(&self) -> Option<String> {
        match self {
            Self::Domain(object) => {
                let name = object.value.domain.as_str();
                let label = name.strip_suffix(".onmicrosoft.com")?;
                (!label.contains('.')).then(|| String::from(label))
            }
            Self::Inbound(_)
            | Self::Outbound(_)
            | Self::Organization(_)
            | Self::Send(_)
            | Self::Other(_) => None,
        }
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) => Some(text),
        Value::Object(_) => node.property("ToString").and_then(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Expression(_) | Value::List(_) => {
            None
        }
    }
}

/// `contoso` of `CN=contoso.onmicrosoft.com,CN=...` and of `contoso.mail.onmicrosoft.com`.
fn initial_domain(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (before, _) = text.split_once(".onmicrosoft.com")?;
    let before = before.strip_suffix(".mail").unwrap_or(before);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = before.rsplit(|c: char| !plain(c)).next()?;
    (!label.is_empty()).then(|| String::from(label))
}

const ORGANISATION: [&str; 3] = [
    "OrganizationalUnitRoot",
    "OrganizationId",
    "DistinguishedName",
];
const ITSELF: [&str; 2] = ["Identity", "Name"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_named_by_its_initial_domain_wherever_that_stands() {
        for (text, expected) in [
            ("contoso.onmicrosoft.com", Some("contoso")),
            ("Contoso.OnMicrosoft.com", Some("contoso")),
            ("contoso.mail.onmicrosoft.com", Some("contoso")),
            (
                "CN=contoso.com,CN=Accepted Domains,CN=Configuration,CN=con-toso.onmicrosoft.com,CN=C",
                Some("con-toso"),
            ),
            (
                "EURPR01A001.PROD.OUTLOOK.COM/Microsoft Exchange Hosted Organizations/a1.onmicrosoft.com - x",
                Some("a1"),
            ),
            ("contoso.com", None),
            (".onmicrosoft.com", None),
            ("", None),
        ] {
            assert_eq!(initial_domain(text).as_deref(), expected, "{text}");
        }
    }
}
