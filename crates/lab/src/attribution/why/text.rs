//! A line of the why as a sentence, in the world's own names.

use std::fmt::Write as _;

use crate::attribution::ConnectorRef;
use crate::attribution::name::pattern_text;
use crate::world::World;

use super::{Standing, Why, connector};

impl Why {
    /// One sentence; it says so where the rule is the lab's and not Microsoft's.
    #[must_use]
    pub fn text(&self, world: &World) -> String {
        let mut text = self.sentence(world);
        if self.standing == Standing::LabDecision {
            text.push_str(" [undocumented: a decision of the lab]");
        }
        text
    }

    /// The sentence alone.
    pub(in crate::attribution) fn sentence(&self, world: &World) -> String {
        let mut text = String::new();
        let mut rest = self.reason.sentence();
        while let Some((before, after)) = rest.split_once('{') {
            let (place, after) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            self.fill(place, world, &mut text);
            rest = after;
        }
        text.push_str(rest);
        text
    }

    fn fill(&self, place: &str, world: &World, text: &mut String) {
        match place {
            "tenant" => push(text, &tenant_name(self, world)),
            "connector" => push(text, &connector_name(self.connector, world)),
            "rival" => push(text, &connector_name(self.rival, world)),
            "pattern" => push(text, &pattern(self.connector, world)),
            "value" => push(text, self.value.as_deref().unwrap_or_default()),
            "against" => push(text, self.against.as_deref().unwrap_or_default()),
            _ => {
                let _ = write!(text, "{}", self.count);
            }
        }
    }
}

/// What comes from peers and files must neither command a terminal nor turn the text around.
fn push(text: &mut String, value: &str) {
    for character in value.chars() {
        if matches!(character, '"' | '\'' | '\\') {
            text.push(character);
        } else {
            text.extend(character.escape_debug());
        }
    }
}

/// A name of a tenant or a connector, in quotes unless it is one plain word.
pub(in crate::attribution) fn quoted(name: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    if name.is_empty() || !name.chars().all(plain) {
        format!("{name:?}")
    } else {
        name.to_owned()
    }
}

fn tenant_name(why: &Why, world: &World) -> String {
    let tenant = why.tenant.and_then(|tenant| world.tenant(tenant));
    tenant.map_or_else(String::new, |tenant| {
        format!("tenant {}", quoted(&tenant.name))
    })
}

fn connector_name(at: Option<ConnectorRef>, world: &World) -> String {
    let named = at.and_then(|at| Some((connector(world, at)?, world.tenant(at.tenant)?)));
    named.map_or_else(String::new, |(connector, tenant)| {
        let (connector, tenant) = (quoted(&connector.name), quoted(&tenant.name));
        format!("connector {connector} of tenant {tenant}")
    })
}

fn pattern(at: Option<ConnectorRef>, world: &World) -> String {
    let connector = at.and_then(|at| connector(world, at));
    let pattern = connector.and_then(|connector| connector.tls_sender_certificate_name.as_ref());
    pattern.map_or_else(|| "no certificate name".to_owned(), pattern_text)
}
