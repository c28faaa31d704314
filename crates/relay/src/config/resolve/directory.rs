//! Tenants' claims and peers' rights become the directory; whatever lets strangers relay is refused.

use std::collections::HashMap;
use std::sync::Arc;

use tenantry_attribution::{
    Basis, Directory, DirectoryBuilder, DirectoryProblem, OnConflict, Pattern, TenantId,
    TenantRules,
};
use tenantry_settings::quoted;

use super::super::Peer;
use super::super::exposure::{self, Exposure};
use super::super::file::TenantSection;
use super::super::include::Files;
use super::super::problem::Place;
use super::super::tree::{Heading, Setting};
use super::{Context, Unique, peer};

/// What the directory's part of the files gives.
pub(super) struct Built {
    /// Absent when tenants or peers contradict each other.
    pub(super) directory: Option<Directory>,
    /// The number of each tenant section; absent for one that has no usable name.
    pub(super) ids: Vec<Option<TenantId>>,
    pub(super) peers: Vec<Peer>,
}

/// Builds the directory.
pub(super) fn resolve(files: &Files, context: &mut Context<'_>) -> Built {
    if files.tenants.is_empty() {
        let remedy = "add a [[tenant]]; without one every message is refused";
        context.report(context.main.error("tenant", "is missing", remedy));
    }
    let names: usize = files
        .tenants
        .iter()
        .map(|tenant| claims(tenant).count())
        .sum();
    let mut builder = DirectoryBuilder::with_room_for(files.tenants.len(), names);
    let mut owners = Owners {
        ids: Vec::new(),
        sections: HashMap::new(),
        by_name: HashMap::new(),
    };
    let mut seen = Unique::new();
    for section in &files.tenants {
        let id = add_tenant(section, &mut builder, &mut seen, context);
        owners.add(section, id);
    }
    let mut seen = Unique::new();
    let peers = files
        .peers
        .iter()
        .filter_map(|section| peer::add(section, &mut builder, &owners, &mut seen, context))
        .collect();
    peer::together(&files.peers, context);
    let directory = match builder.build() {
        Ok(directory) => {
            nested(&directory, &owners, context);
            Some(directory)
        }
        Err(problems) => {
            problems
                .iter()
                .for_each(|problem| claimed_twice(problem, &owners, context));
            None
        }
    };
    Built {
        directory,
        ids: owners.ids,
        peers,
    }
}

/// Which section a tenant came from, to tell lines.
pub(super) struct Owners<'a> {
    ids: Vec<Option<TenantId>>,
    sections: HashMap<TenantId, &'a TenantSection>,
    pub(super) by_name: HashMap<&'a str, TenantId>,
}

impl<'a> Owners<'a> {
    fn add(&mut self, section: &'a TenantSection, id: Option<TenantId>) {
        self.ids.push(id);
        if let (Some(id), Some(name)) = (id, &section.name) {
            self.sections.insert(id, section);
            self.by_name.insert(name.value.as_str(), id);
        }
    }

    /// Where a tenant claims a pattern.
    fn claim(
        &self,
        id: TenantId,
        basis: Basis,
        pattern: &Pattern,
    ) -> Option<(&'a Heading, &'a Place)> {
        let section = self.sections.get(&id)?;
        let claim = claims(section).find(|(on, claim)| *on == basis && claim.value == *pattern)?;
        Some((&section.heading, &claim.1.at))
    }
}

const LISTS: [&str; 3] = ["certificate_domains", "sender_domains", "recipient_domains"];

fn claims(section: &TenantSection) -> impl Iterator<Item = (Basis, &Setting<Pattern>)> {
    [
        (Basis::Certificate, &section.certificate_domains),
        (Basis::Sender, &section.sender_domains),
        (Basis::Recipient, &section.recipient_domains),
    ]
    .into_iter()
    .flat_map(|(basis, list)| {
        list.iter()
            .flat_map(move |list| list.value.iter().map(move |claim| (basis, claim)))
    })
}

fn key_of(basis: Basis) -> &'static str {
    match basis {
        Basis::Certificate => "certificate_domains",
        Basis::Sender => "sender_domains",
        Basis::Recipient => "recipient_domains",
    }
}

/// A list that says something.
pub(super) fn filled<T>(
    list: &Option<Setting<Vec<Setting<T>>>>,
) -> Option<&Setting<Vec<Setting<T>>>> {
    list.as_ref().filter(|list| !list.value.is_empty())
}

/// The patterns of a list.
pub(super) fn patterns(list: &Option<Setting<Vec<Setting<Pattern>>>>) -> Vec<Pattern> {
    let items = list
        .as_ref()
        .map(|list| list.value.as_slice())
        .unwrap_or_default();
    items.iter().map(|item| item.value.clone()).collect()
}

fn add_tenant(
    section: &TenantSection,
    builder: &mut DirectoryBuilder,
    seen: &mut Unique<String>,
    context: &mut Context<'_>,
) -> Option<TenantId> {
    let heading = &section.heading;
    for claim in section
        .certificate_domains
        .iter()
        .flat_map(|list| &list.value)
    {
        exposed(claim, heading, "certificate_domains", context);
    }
    owns_something(section, context);
    let name = unique_name(&section.name, heading, "tenant", seen, context)?;
    Some(
        builder.add_tenant(TenantRules {
            name,
            certificate_domains: patterns(&section.certificate_domains),
            sender_domains: patterns(&section.sender_domains),
            recipient_domains: patterns(&section.recipient_domains),
            on_conflict: section
                .on_conflict
                .as_ref()
                .map_or(OnConflict::Follow, |word| word.value),
        }),
    )
}

/// A tenant without any domain could never get mail.
fn owns_something(section: &TenantSection, context: &mut Context<'_>) {
    let heading = &section.heading;
    let lists = [
        &section.certificate_domains,
        &section.sender_domains,
        &section.recipient_domains,
    ];
    // A list with only bad items has been reported item by item.
    if lists.iter().all(|list| list.is_none())
        && !LISTS.iter().any(|key| heading.is_unreadable(key))
    {
        let remedy = "add certificate_domains, sender_domains or recipient_domains";
        context.report(heading.at.error(
            heading.label.clone(),
            "owns no domain on any basis",
            remedy,
        ));
    }
    for (key, list) in LISTS.iter().zip(lists) {
        if let Some(list) = list.as_ref().filter(|list| list.value.is_empty()) {
            let only = lists
                .iter()
                .filter_map(|list| list.as_ref())
                .all(|list| list.value.is_empty());
            if only {
                let what = "is empty, and nothing else is owned by this tenant";
                let remedy = "name a domain, or *.domain for it and everything below it";
                context.report(list.at.error(heading.key(key), what, remedy));
            }
        }
    }
}

/// A name that no other section of its kind has.
pub(super) fn unique_name(
    setting: &Option<Setting<String>>,
    heading: &Heading,
    kind: &str,
    seen: &mut Unique<String>,
    context: &mut Context<'_>,
) -> Option<Arc<str>> {
    const LONGEST: usize = 128;
    let key = heading.key("name");
    let Some(setting) = setting else {
        let remedy =
            format!("add name = \"...\", the word for this {kind} in logs and in this file");
        context.problems.extend(heading.missing("name", remedy));
        return None;
    };
    if setting.value == "*" || setting.value.len() > LONGEST {
        let what = format!("{} cannot be a name", quoted(&setting.value));
        let remedy = format!("write a name of at most {LONGEST} octets other than \"*\"");
        context.report(setting.at.error(key, what, remedy));
        return None;
    }
    if let Some(first) = seen.first(setting.value.clone(), &setting.at) {
        let what = format!(
            "{} is the name of another {kind}, at {first}",
            quoted(&setting.value)
        );
        context.report(
            setting
                .at
                .error(key, what, format!("give each {kind} a name of its own")),
        );
        return None;
    }
    Some(Arc::from(setting.value.as_str()))
}

/// Reports a certificate pattern that takes strangers' certificates.
pub(super) fn exposed(
    claim: &Setting<Pattern>,
    heading: &Heading,
    key: &str,
    context: &mut Context<'_>,
) {
    let pattern = &claim.value;
    match exposure::pattern(pattern) {
        Exposure::Narrow => {}
        Exposure::Wide => {
            let what = format!("{pattern} takes every certificate below a top-level name");
            let remedy = "name the hosts, or the domain below the top level";
            context.report(claim.at.warning(heading.key(key), what, remedy));
        }
        Exposure::Everybody => {
            let what = format!("open relay: {pattern} takes the certificates of strangers");
            let remedy = "name the hosts, or the domain that is yours";
            context.report(claim.at.error(heading.key(key), what, remedy));
        }
    }
}

/// Two tenants that claim one name are both named, with both lines.
fn claimed_twice(problem: &DirectoryProblem, owners: &Owners<'_>, context: &mut Context<'_>) {
    let (basis, pattern, first, second) = match problem {
        DirectoryProblem::ClaimedTwice {
            basis,
            pattern,
            first,
            second,
            ..
        } => (*basis, pattern, *first, *second),
        DirectoryProblem::Full { .. } => {
            let remedy = "divide the tenants among several relays";
            context.report(context.main.error("tenant", problem.to_string(), remedy));
            return;
        }
        // These have been reported where they were seen, with their lines.
        DirectoryProblem::TenantNamedTwice { .. }
        | DirectoryProblem::TenantWithoutDomains { .. }
        | DirectoryProblem::PeerNamedTwice { .. }
        | DirectoryProblem::PeerWithoutConditions { .. }
        | DirectoryProblem::PeerForUnknownTenant { .. } => return,
    };
    let (Some((other, first_at)), Some((heading, at))) = (
        owners.claim(first, basis, pattern),
        owners.claim(second, basis, pattern),
    ) else {
        return;
    };
    let what = format!(
        "{pattern} is claimed by {}, too, at {first_at}",
        other.label
    );
    let remedy = "remove it from one of the two: a name belongs to one tenant";
    context.report(at.error(heading.key(key_of(basis)), what, remedy));
}

/// A pattern within another tenant's is legal, and seldom meant.
fn nested(directory: &Directory, owners: &Owners<'_>, context: &mut Context<'_>) {
    for nesting in directory.nested() {
        let (inner, outer) = (&nesting.inner, &nesting.outer);
        let (Some((heading, at)), Some((other, other_at))) = (
            owners.claim(inner.tenant, inner.basis, &inner.pattern),
            owners.claim(outer.tenant, outer.basis, &outer.pattern),
        ) else {
            continue;
        };
        let what = format!(
            "{} lies within {} of {}, at {other_at}; the narrower one wins",
            inner.pattern, outer.pattern, other.label
        );
        let remedy = "nothing, if this is meant; else remove one of the two";
        context.report(at.warning(heading.key(key_of(inner.basis)), what, remedy));
    }
}
