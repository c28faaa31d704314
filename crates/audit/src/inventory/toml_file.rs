//! TOML files: which of ours one is, and its tree with places.

use std::path::Path;
use std::sync::Arc;

use tenantry_lab::export::{Node, Value, from_toml};
use tenantry_settings::{Mistake, Source};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Unreadable;
use super::content::has;

/// What a TOML file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TomlKind {
    /// A relay's main file, by a key that no other has.
    Relay,
    /// Sections of a relay's configuration.
    RelayPart,
    /// `[[lint.allow]]` and nothing else.
    Allowances,
    /// A lab's world.
    World,
    /// A lab's tenant.
    Tenant,
}

/// The tree of a file, as far as it can be read, and its syntax errors.
pub(super) fn parse(file: &Arc<Path>, text: &str) -> (Node, Vec<Unreadable>) {
    let source = Source::new(Arc::clone(file), text);
    let (tree, errors) = DeTable::parse_recoverable(text);
    let span = tree.span();
    let tree = Spanned::new(span, DeValue::Table(tree.into_inner()));
    let unreadable = |error: &toml::de::Error| {
        let Mistake { what, remedy } = Mistake::syntax(error);
        Unreadable {
            place: source.place("", error.span().map_or(0, |span| span.start)),
            what,
            remedy,
            ignored: false,
        }
    };
    let errors = errors.iter().map(unreadable).collect();
    (from_toml(&source, &tree, ""), errors)
}

/// What a file is; none of ours if nothing in it speaks for one.
pub(super) fn kind(path: &Path, tree: &Node) -> Option<TomlKind> {
    let any = |node: &Node, keys: &[&str]| keys.iter().any(|key| has(node, key));
    let name = path.file_name().unwrap_or_default();
    if any(tree, &["hostname", "include", "shadow", "hop_limit"]) {
        return Some(TomlKind::Relay);
    }
    if any(tree, &["listener", "peer"]) {
        return Some(TomlKind::RelayPart);
    }
    if any(tree, &WORLD) {
        return Some(TomlKind::World);
    }
    let tenants = match tree.property("tenant").map(|node| &node.value) {
        Some(Value::List(tenants)) => tenants.as_slice(),
        _ => &[],
    };
    if tenants.iter().any(|tenant| any(tenant, &RELAY_TENANT)) {
        return Some(TomlKind::RelayPart);
    }
    if !tenants.is_empty() || name == "world.toml" {
        return Some(TomlKind::World);
    }
    if name == "tenant.toml" || any(tree, &TENANT) {
        return Some(TomlKind::Tenant);
    }
    has(tree, "lint").then_some(TomlKind::Allowances)
}

const WORLD: [&str; 8] = [
    "addresses",
    "endpoint",
    "event",
    "fault",
    "profile",
    "seed",
    "server",
    "tenant_folders",
];

const RELAY_TENANT: [&str; 6] = [
    "certificate",
    "certificate_domains",
    "key",
    "recipient_domains",
    "sender_domains",
    "upstream",
];

const TENANT: [&str; 4] = [
    "accepted_domains",
    "inbound_connectors",
    "organization",
    "region",
];
