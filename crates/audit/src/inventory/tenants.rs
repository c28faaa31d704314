//! Tenants that are put together from worlds, folders and exports.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use tenantry_lab::export::{
    ExportError, Node, OutboundConnector, Value, accepted_domain, inbound_connector, organization,
};
use tenantry_lab::world::{AcceptedDomain, InboundConnector, Organization, Place, Region};

use super::exports::Item;
use super::{Exported, Tenant, Unreadable};

/// The tenants so far, each with what it has already.
#[derive(Debug, Default)]
pub(super) struct Tenants {
    drafts: Vec<Draft>,
    by_name: HashMap<String, usize>,
    /// Names of connectors that the service has blocked, by tenant.
    blocked: Vec<(usize, Node)>,
    pub(super) unreadable: Vec<Unreadable>,
}

#[derive(Debug)]
struct Draft {
    tenant: Tenant,
    /// It was described, not only told by its exports.
    described: bool,
    /// Where objects stand in the tenant's lists.
    known: Known,
}

/// Places in lists, by kind and name in lower case.
type Known = HashMap<(&'static str, String), usize>;

impl Tenants {
    /// The tenant of that name, made if there is none; it stands at `place`.
    pub(super) fn named(&mut self, name: &str, place: &Place) -> usize {
        let key = name.to_lowercase();
        if let Some(at) = self.by_name.get(&key) {
            return *at;
        }
        let at = self.drafts.len();
        self.by_name.insert(key, at);
        self.drafts.push(Draft {
            tenant: Tenant {
                name: name.to_owned(),
                place: place.clone(),
                region: None,
                inbound_connectors: Vec::new(),
                outbound_connectors: Vec::new(),
                accepted_domains: Vec::new(),
                organization: None,
            },
            described: false,
            known: HashMap::new(),
        });
        at
    }

    /// A tenant as it is written by hand: a `[[tenant]]`, or a `tenant.toml`. The first of `names`
    /// goes before the one that is written there, the second behind it.
    pub(super) fn described(
        &mut self,
        table: &Node,
        names: (Option<&str>, Option<&str>),
    ) -> Option<usize> {
        let written = match table.property("name").map(|node| &node.value) {
            Some(Value::String(name)) if !name.trim().is_empty() => Some(name.as_str()),
            Some(_) => {
                self.wrong(
                    table,
                    "name",
                    "is no name",
                    "write a text, as in \"contoso\"",
                );
                return None;
            }
            None => None,
        };
        let Some(name) = names.0.or(written).or(names.1) else {
            let place = table.place.clone();
            self.complain(place, "the tenant has no name", "give it a name of its own");
            return None;
        };
        let at = self.named(name, &table.place);
        let draft = self.drafts.get_mut(at)?;
        if draft.described {
            let what = format!(
                "tenant \"{name}\" stands twice, first in {}",
                draft.tenant.place
            );
            self.complain(
                table.place.clone(),
                &what,
                "give every tenant a name of its own",
            );
            return Some(at);
        }
        draft.described = true;
        draft.tenant.place = table.place.clone();
        self.contents(at, table);
        Some(at)
    }

    fn contents(&mut self, at: usize, table: &Node) {
        self.keys(table);
        match table.property("region").map(|node| &node.value) {
            Some(Value::String(region)) if !region.trim().is_empty() => {
                if let Some(draft) = self.drafts.get_mut(at) {
                    draft.tenant.region = Some(Region::new(region));
                }
            }
            Some(_) => self.wrong(table, "region", "is no region", "write one, as in \"EUR\""),
            None => {}
        }
        for node in self.listed(table, "accepted_domains") {
            let typed = accepted_domain(node);
            self.typed(at, node, typed, Item::Domain);
        }
        for node in self.listed(table, "inbound_connectors") {
            let typed = inbound_connector(node);
            self.typed(at, node, typed, Item::Inbound);
        }
        if let Some(node) = table.property("organization") {
            let typed = organization(node);
            self.typed(at, node, typed, Item::Organization);
        }
        let blocked: Vec<Node> = self.listed(table, "blocked_connectors").cloned().collect();
        self.blocked
            .extend(blocked.into_iter().map(|node| (at, node)));
    }

    /// What nobody knows is misspelt, and would be skipped without a word.
    fn keys(&mut self, table: &Node) {
        let Value::Object(entries) = &table.value else {
            return;
        };
        for (key, value) in entries {
            if !KEYS.contains(&key.as_str()) {
                let remedy = format!("correct it; the keys here are {}", KEYS.join(", "));
                self.complain(value.place.clone(), "unknown key", &remedy);
            }
        }
    }

    fn listed<'n>(
        &mut self,
        table: &'n Node,
        key: &str,
    ) -> impl Iterator<Item = &'n Node> + use<'n> {
        let nodes: &[Node] = match table.property(key).map(|node| &node.value) {
            Some(Value::List(nodes)) => nodes,
            Some(_) => {
                self.wrong(table, key, "is not a list", "put it in brackets: [...]");
                &[]
            }
            None => &[],
        };
        nodes.iter()
    }

    fn typed<T>(
        &mut self,
        at: usize,
        node: &Node,
        typed: Result<T, Vec<ExportError>>,
        item: impl FnOnce(Exported<T>) -> Item,
    ) {
        match typed {
            Ok(value) => {
                let node = node.clone();
                self.add(at, item(Exported { value, node }));
            }
            Err(errors) => {
                for error in errors {
                    let (what, remedy) = error.problem.by_hand();
                    self.complain(error.place, &what, remedy);
                }
            }
        }
    }

    /// The service has blocked the connector (`Get-BlockedConnector`), which may be in any of the
    /// tenant's exports.
    fn block(&mut self, at: usize, node: &Node) {
        let Value::String(name) = &node.value else {
            let place = node.place.clone();
            return self.complain(place, "is no connector's name", "write its Name");
        };
        let draft = self.drafts.get_mut(at);
        let mut connectors = draft
            .into_iter()
            .flat_map(|draft| &mut draft.tenant.inbound_connectors);
        match connectors.find(|known| known.value.name.eq_ignore_ascii_case(name)) {
            Some(connector) => connector.value.blocked = true,
            None => {
                let what = format!("there is no inbound connector \"{name}\"");
                self.complain(node.place.clone(), &what, "write the connector's Name");
            }
        }
    }

    /// Adds an object. One that the tenant has already has to agree with it, since two exports of
    /// one tenant may describe the same; the first one stays.
    pub(super) fn add(&mut self, at: usize, item: Item) {
        let Some(draft) = self.drafts.get_mut(at) else {
            return;
        };
        let Draft { tenant, known, .. } = draft;
        let problem = match item {
            Item::Inbound(new) => {
                let name = new.value.name.clone();
                let list = &mut tenant.inbound_connectors;
                let values = |object: &Exported<_>| inbound_values(&object.value);
                once(list, known, ("inbound connector", &name), new, values)
            }
            Item::Outbound(new) => {
                let name = new.value.name.clone();
                let list = &mut tenant.outbound_connectors;
                let values = |object: &Exported<_>| outbound_values(&object.value);
                once(list, known, ("outbound connector", &name), new, values)
            }
            Item::Domain(new) => domain(&mut tenant.accepted_domains, known, new),
            Item::Organization(new) => organization_of(tenant, new),
            Item::Send(_) | Item::Other(_) => None,
        };
        self.unreadable.extend(problem);
    }

    /// All of them, in the order of reading.
    pub(super) fn finish(mut self) -> (Vec<Tenant>, Vec<Unreadable>) {
        for (at, node) in std::mem::take(&mut self.blocked) {
            self.block(at, &node);
        }
        let place = |problem: &Unreadable| {
            let place = &problem.place;
            (place.file.clone(), place.line, place.column)
        };
        self.unreadable.sort_by_key(place);
        let tenants = self.drafts.into_iter().map(|draft| draft.tenant);
        (tenants.collect(), self.unreadable)
    }

    /// The name of a tenant.
    pub(super) fn name(&self, at: usize) -> &str {
        self.drafts
            .get(at)
            .map_or("", |draft| draft.tenant.name.as_str())
    }

    fn wrong(&mut self, table: &Node, key: &str, what: &str, remedy: &str) {
        let node = table.property(key).unwrap_or(table);
        self.complain(node.place.clone(), what, remedy);
    }

    fn complain(&mut self, place: Place, what: &str, remedy: &str) {
        self.unreadable.push(Unreadable {
            place,
            what: what.to_owned(),
            remedy: remedy.to_owned(),
            ignored: false,
        });
    }
}

/// Adds an object of that kind and name to a list unless it is there; a problem if the two differ.
fn once<T, V: PartialEq>(
    list: &mut Vec<Exported<T>>,
    known: &mut Known,
    (kind, name): (&'static str, &str),
    new: Exported<T>,
    values: impl Fn(&Exported<T>) -> V,
) -> Option<Unreadable> {
    let key = (kind, name.to_lowercase());
    let Some(first) = known.get(&key).and_then(|at| list.get(*at)) else {
        known.insert(key, list.len());
        list.push(new);
        return None;
    };
    if values(first) == values(&new) {
        return None;
    }
    let what = format!("{kind} \"{name}\"");
    Some(differs(what, &new.node.place, &first.node.place))
}

/// A domain that stands by hand has only its name; an export of it knows more.
fn domain(
    list: &mut Vec<Exported<AcceptedDomain>>,
    known: &mut Known,
    new: Exported<AcceptedDomain>,
) -> Option<Unreadable> {
    const KIND: &str = "accepted domain";
    let name = new.value.domain.to_string();
    let at = known.get(&(KIND, name.clone()));
    let first = at.and_then(|at| list.get_mut(*at));
    if let Some(first) = first
        && matches!(first.node.value, Value::String(_))
    {
        *first = new;
        return None;
    }
    once(list, known, (KIND, &name), new, |object| {
        domain_values(&object.value)
    })
}

/// What is written by hand goes before what was exported; two exports have to agree.
fn organization_of(tenant: &mut Tenant, new: Exported<Organization>) -> Option<Unreadable> {
    let Some(first) = &tenant.organization else {
        tenant.organization = Some(new);
        return None;
    };
    let by_hand = tenant.place.file == first.node.place.file;
    if first.value == new.value || by_hand {
        return None;
    }
    Some(differs(
        "the organization config",
        &new.node.place,
        &first.node.place,
    ))
}

fn differs(what: impl fmt::Display, place: &Place, first: &Place) -> Unreadable {
    Unreadable {
        place: place.clone(),
        what: format!(
            "{what} stands in {first} with other values: these may be two tenants' exports, or \
             an old one beside a new one; this one is left out"
        ),
        remedy: String::from(
            "keep one of them, or put the exports of each tenant into a folder of its own",
        ),
        ignored: false,
    }
}

/// Everything of a connector but where it stands and what nobody knows.
fn inbound_values(connector: &InboundConnector) -> String {
    let mut plain = connector.clone();
    plain.name = connector.name.to_lowercase();
    plain.place = Place::default();
    plain.other.clear();
    plain.blocked = false;
    format!("{plain:?}")
}

fn outbound_values(connector: &OutboundConnector) -> OutboundConnector {
    let mut plain = connector.clone();
    plain.name = connector.name.to_lowercase();
    plain.place = Place::default();
    plain.other.clear();
    plain
}

fn domain_values(domain: &AcceptedDomain) -> String {
    let mut plain = domain.clone();
    plain.place = Place::default();
    plain.other.clear();
    format!("{plain:?}")
}

/// The folder of a file.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

/// What a tenant of the lab may have.
const KEYS: [&str; 13] = [
    "accepted_domains",
    "allowed_regions",
    "blocked_connectors",
    "id",
    "inbound_connectors",
    "licences",
    "mail_enabled",
    "name",
    "organization",
    "quota",
    "recipients",
    "recipients_file",
    "region",
];
