//! Address spaces of Send connectors to several tenants: EXO-L29.

use std::collections::HashMap;

use super::target::Target;
use super::{Sent, table};
use crate::finding::{Finding, Related, Remedy};
use crate::model::Model;
use crate::powershell::quoted;

pub(super) fn check(model: &Model<'_>, sent: &[Sent<'_>], findings: &mut Vec<Finding>) {
    let known: Vec<(&Sent<'_>, Target)> = sent
        .iter()
        .filter_map(|connector| Some((connector, Target::of(connector)?)))
        .collect();
    let mut spaces: HashMap<&str, Vec<usize>> = HashMap::new();
    for (number, (connector, _)) in known.iter().enumerate() {
        let listed = connector.connector.address_spaces.iter();
        for space in listed.filter(|space| is_smtp(&space.kind)) {
            spaces.entry(space.space.as_str()).or_default().push(number);
        }
    }
    for (number, (connector, target)) in known.iter().enumerate() {
        let mut overlaps = Overlaps {
            model,
            known: &known,
            spaces: &spaces,
            found: Vec::new(),
            index: 0,
        };
        let listed = connector.connector.address_spaces.iter().enumerate();
        for (index, space) in listed.filter(|(_, space)| is_smtp(&space.kind)) {
            overlaps.look(number, index, &space.space, target);
        }
        findings.extend(overlaps.finding(connector, target));
    }
}

/// What overlaps with a connector's spaces.
struct Overlaps<'a, 'm> {
    model: &'a Model<'m>,
    known: &'a [(&'a Sent<'a>, Target)],
    spaces: &'a HashMap<&'a str, Vec<usize>>,
    /// The connectors with the space of theirs and of ours.
    found: Vec<(usize, String, String)>,
    /// The first of our spaces that overlaps, by its number.
    index: usize,
}

impl Overlaps<'_, '_> {
    /// The same space in a connector before, and narrower ones within a space of ours are found by
    /// those: a space looks for what is around it.
    fn look(&mut self, number: usize, index: usize, space: &str, target: &Target) {
        let around = std::iter::once(space.to_owned()).chain(wider(space));
        for (step, wide) in around.enumerate() {
            let users = self
                .spaces
                .get(wide.as_str())
                .map_or(&[][..], Vec::as_slice);
            let other = users.iter().find(|user| {
                let earlier = step > 0 || **user < number;
                let theirs = self.known.get(**user).map(|(_, theirs)| theirs);
                let differs = theirs.is_some_and(|theirs| target.differs(theirs).is_some());
                **user != number && earlier && differs
            });
            let Some(other) = other else { continue };
            if self.found.is_empty() {
                self.index = index;
            }
            if !self.found.iter().any(|(known, ..)| *known == *other) {
                self.found.push((*other, wide, space.to_owned()));
            }
        }
    }

    fn finding(self, connector: &Sent<'_>, target: &Target) -> Option<Finding> {
        let (first, wide, space) = self.found.first()?;
        let (other, theirs) = self.known.get(*first)?;
        let (ours, theirs) = (target.shown(self.model), theirs.shown(self.model));
        let what = if wide == space {
            format!(
                "has the address space {space} for {ours}, which {} has for {theirs}",
                other.object()
            )
        } else {
            format!(
                "has the address space {space} for {ours}, which lies within {wide} of {} for {theirs}",
                other.object()
            )
        };
        let mut finding = connector.finding(&table::SPACES, SPACES, what);
        finding.place = connector.exported.element(SPACES, self.index).clone();
        finding.related = self
            .found
            .iter()
            .take(MOST_RELATED)
            .filter_map(|(number, wide, _)| {
                let (other, _) = self.known.get(*number)?;
                Some(Related {
                    place: other.place(SPACES),
                    what: format!("{} has {wide}", other.object()),
                })
            })
            .collect();
        finding.remedy = to_relay(self.model, connector, other);
        Some(finding)
    }
}

/// One connector for all tenants: Tenantry finds the tenant by the sender.
fn to_relay(model: &Model<'_>, one: &Sent<'_>, other: &Sent<'_>) -> Vec<Remedy> {
    let relay = model.inventory().relay.as_ref();
    let hostname = relay.and_then(|relay| relay.written.hostname.as_ref());
    let hostname = hostname.map(|hostname| hostname.value.trim_end_matches('.'));
    let name = hostname.unwrap_or(EXAMPLE);
    let mut what = String::from(
        "Leave one Send connector, to Tenantry, which finds the tenant by the sender and presents its certificate; \
         to Exchange it must present one for its own name",
    );
    if hostname.is_none() {
        what.push_str(&format!(". Write that name for {EXAMPLE}"));
    }
    what.push(':');
    let name = quoted(name);
    let mut parameters = format!("-SmartHosts {name} -DNSRoutingEnabled $false");
    // Nobody but Exchange Online has the name that was asked for until now.
    if other.connector.tls_domain.is_some() {
        parameters.push_str(&format!(" -TlsDomain {name}"));
    }
    vec![
        Remedy::Words(what),
        one.set("-Enabled $false"),
        other.set(&parameters),
    ]
}

fn is_smtp(kind: &str) -> bool {
    kind.is_empty() || kind.eq_ignore_ascii_case("smtp")
}

/// The spaces around one: `*.contoso.com`, `*.com` and `*` around `contoso.com`.
fn wider(space: &str) -> impl Iterator<Item = String> {
    let (start, subtree) = match space.strip_prefix("*.") {
        Some(domain) => (domain, true),
        None => (space, false),
    };
    let names = std::iter::successors(Some(start), |name| {
        name.split_once('.').map(|(_, rest)| rest)
    });
    let names: Vec<String> = names
        .skip(usize::from(subtree))
        .map(|name| format!("*.{name}"))
        .collect();
    let all = (space != "*").then(|| String::from("*"));
    names.into_iter().filter(move |_| space != "*").chain(all)
}

/// Where the relay's name is not known.
const EXAMPLE: &str = "relay.corp.example";
const SPACES: &str = "AddressSpaces";
const MOST_RELATED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn around_a_space_are_the_wildcards_of_its_parents_and_everything() {
        let around = |space| wider(space).collect::<Vec<_>>();
        assert_eq!(around("*"), Vec::<String>::new());
        assert_eq!(around("contoso.com"), ["*.contoso.com", "*.com", "*"]);
        assert_eq!(around("*.contoso.com"), ["*.com", "*"]);
        assert_eq!(around("*.com"), ["*"]);
    }
}
