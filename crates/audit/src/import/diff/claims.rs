//! Patterns of the configuration beside those of the exports.

use std::collections::{BTreeMap, HashMap, HashSet};

use tenantry_attribution::Pattern;
use tenantry_lab::world::Place;
use tenantry_relay::config::Setting;
use tenantry_relay::config::written;

use super::certificate::why_gone;
use super::{Comparison, Difference, Kind};
use crate::import::Import;
use crate::import::draft::{Claim, Draft};
use crate::inventory::Relay;
use crate::model::{Link, Model, Origin, Target, place};

/// A list of a tenant's section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// `certificate_domains`.
    Certificate,
    /// `sender_domains`.
    Sender,
    /// `recipient_domains`.
    Recipient,
}

/// Configuration and exports, and which tenants belong together.
pub(super) struct Sides<'a> {
    pub(super) relay: &'a Relay,
    pub(super) import: &'a Import,
    model: &'a Model<'a>,
    /// Of each tenant of the relay, the exported one.
    links: Vec<Option<usize>>,
}

/// A claim of the configuration.
#[derive(Clone)]
struct Configured {
    at: usize,
    place: Place,
}

/// A claim of an export.
#[derive(Clone)]
struct Exported<'a> {
    draft: usize,
    claim: &'a Claim,
}

impl<'a> Sides<'a> {
    pub(super) fn of(model: &'a Model<'a>, relay: &'a Relay, import: &'a Import) -> Self {
        let mut links = vec![None; relay.written.tenants.len()];
        let mut named = HashSet::new();
        for route in model.routes() {
            let (Origin::Relay(at), Target::Tenant { tenant, by }) = (route.origin, route.target)
            else {
                continue;
            };
            if by == Link::Name {
                named.insert(tenant);
            }
            if let Some(link) = links.get_mut(at) {
                *link = Some((tenant, by));
            }
        }
        // Common domains of two tenants with names of their own are domains that have moved.
        let counts =
            |(tenant, by)| (by == Link::Name || !named.contains(&tenant)).then_some(tenant);
        let links = links
            .into_iter()
            .map(|link| link.and_then(counts))
            .collect();
        Self {
            relay,
            import,
            model,
            links,
        }
    }

    /// The exported tenant of a tenant of the relay.
    pub(super) fn exported(&self, at: usize) -> Option<usize> {
        self.links.get(at).copied().flatten()
    }

    /// The tenants of the relay that are this exported one.
    pub(super) fn linked(&self, draft: usize) -> impl Iterator<Item = usize> {
        let links = self.links.iter().enumerate();
        links
            .filter(move |(_, link)| **link == Some(draft))
            .map(|(at, _)| at)
    }

    /// What the configuration calls a tenant.
    pub(super) fn name(&self, at: usize) -> String {
        let tenant = self.relay.written.tenants.get(at);
        let name = tenant.and_then(|tenant| tenant.name.as_ref());
        name.map_or_else(|| format!("tenant {}", at + 1), |name| name.value.clone())
    }

    /// What an exported tenant is called: as the configuration does, if it has it.
    pub(super) fn draft_name(&self, draft: usize) -> String {
        let known = self.linked(draft).next().map(|at| self.name(at));
        let exported = || {
            self.import
                .drafts
                .get(draft)
                .map(|draft| draft.name.clone())
        };
        known.or_else(exported).unwrap_or_default()
    }

    /// The domains that a tenant of the relay has, and its exports do not.
    pub(super) fn gone(&self, at: usize) -> impl Iterator<Item = String> {
        let tenant = self.relay.written.tenants.get(at);
        let exported: Vec<&Pattern> = self
            .exported(at)
            .and_then(|draft| self.import.drafts.get(draft))
            .into_iter()
            .flat_map(Draft::domain_claims)
            .map(|claim| &claim.pattern)
            .collect();
        let configured = tenant.into_iter().flat_map(|tenant| &tenant.sender_domains);
        configured
            .filter(move |setting| {
                !exported
                    .iter()
                    .any(|pattern| pattern.domain() == setting.value.domain())
            })
            .map(|setting| setting.value.to_string())
    }

    /// Compares lists; what is the same in several of them is told once.
    pub(super) fn compare(&self, lists: &[List], comparison: &mut Comparison) {
        let mut found: Vec<Difference> = Vec::new();
        for list in lists {
            for difference in self.of_list(*list, comparison) {
                let same = found.iter_mut().find(|known| {
                    known.kind == difference.kind
                        && known.tenant == difference.tenant
                        && known.subject == difference.subject
                        && known.from == difference.from
                        && known.to == difference.to
                });
                match same {
                    Some(known) => known.keys.extend(&difference.keys),
                    None => found.push(difference),
                }
            }
        }
        comparison.differences.append(&mut found);
    }

    fn of_list(&self, list: List, comparison: &mut Comparison) -> Vec<Difference> {
        let configured = self.configured(list);
        let exported = self.claims(list);
        let unused = self.unused(list, comparison);
        let mut differences = Vec::new();
        let mut new: Vec<(usize, &Claim)> = Vec::new();
        for (pattern, claims) in &exported {
            let known = configured.get(pattern);
            for claim in claims {
                match known {
                    Some(known) if self.exported(known.at) == Some(claim.draft) => {}
                    Some(known) => {
                        differences.push(self.moved(list, pattern, known, claim, claims))
                    }
                    None if unused.contains(&claim.draft) => {}
                    // Of a new tenant only what it takes from others is worth a line of its own.
                    None if self.linked(claim.draft).next().is_none() => {}
                    None => new.push((claim.draft, claim.claim)),
                }
            }
        }
        let mut gone: Vec<(usize, &Pattern, &Configured)> = Vec::new();
        for (pattern, known) in &configured {
            if let Some(draft) = self.exported(known.at)
                && !exported.contains_key(pattern)
            {
                gone.push((draft, pattern, known));
            }
        }
        self.changed(list, new, &gone, &mut differences);
        differences
    }

    /// New and gone ones; where both are of one domain, its width has changed.
    fn changed(
        &self,
        list: List,
        mut new: Vec<(usize, &Claim)>,
        gone: &[(usize, &Pattern, &Configured)],
        differences: &mut Vec<Difference>,
    ) {
        for (draft, pattern, known) in gone {
            let twin = new.iter().position(|(other, claim)| {
                other == draft && claim.pattern.domain() == pattern.domain()
            });
            let claim = twin.map(|twin| new.swap_remove(twin).1);
            let kind = match (claim, pattern) {
                (None, _) => list.kind(Kind::DomainGone, Kind::CertificateNameGone),
                (Some(_), Pattern::Exact(_)) => {
                    list.kind(Kind::DomainWidened, Kind::CertificateNameWidened)
                }
                (Some(_), Pattern::Subtree(_)) => {
                    list.kind(Kind::DomainNarrowed, Kind::CertificateNameNarrowed)
                }
            };
            let why = match claim {
                Some(_) => None,
                None => why_gone(self.model, *draft, list, pattern),
            };
            differences.push(Difference {
                kind,
                tenant: self.name(known.at),
                subject: pattern.to_string(),
                keys: vec![list.key()],
                from: claim.map(|_| pattern.to_string()),
                to: claim.map(|claim| claim.pattern.to_string()),
                exported: claim
                    .map(|claim| claim.place.clone())
                    .or_else(|| why.as_ref().map(|(place, _)| place.clone())),
                why: why.map(|(_, why)| why),
                configured: Some(known.place.clone()),
            });
        }
        for (draft, claim) in new {
            differences.push(Difference {
                kind: list.kind(Kind::DomainNew, Kind::CertificateNameNew),
                tenant: self.draft_name(draft),
                subject: claim.pattern.to_string(),
                keys: vec![list.key()],
                from: None,
                to: Some(self.draft_name(draft)),
                why: Some(claim.origin.clone()),
                configured: None,
                exported: Some(claim.place.clone()),
            });
        }
    }

    fn moved(
        &self,
        list: List,
        pattern: &Pattern,
        known: &Configured,
        claim: &Exported<'_>,
        all: &[Exported<'_>],
    ) -> Difference {
        let owner = self.exported(known.at);
        let contested = all.iter().any(|other| owner == Some(other.draft));
        let kind = match contested {
            true => list.kind(Kind::DomainContested, Kind::CertificateNameContested),
            false => list.kind(Kind::DomainMoved, Kind::CertificateNameMoved),
        };
        Difference {
            kind,
            tenant: self.name(known.at),
            subject: pattern.to_string(),
            keys: vec![list.key()],
            from: Some(self.name(known.at)),
            to: Some(self.draft_name(claim.draft)),
            why: Some(claim.claim.origin.clone()),
            configured: Some(known.place.clone()),
            exported: Some(claim.claim.place.clone()),
        }
    }

    fn configured(&self, list: List) -> BTreeMap<Pattern, Configured> {
        let mut patterns = BTreeMap::new();
        for (at, tenant) in self.relay.written.tenants.iter().enumerate() {
            for setting in list.of(tenant) {
                patterns
                    .entry(setting.value.clone())
                    .or_insert_with(|| Configured {
                        at,
                        place: place(&setting.at),
                    });
            }
        }
        patterns
    }

    fn claims(&self, list: List) -> BTreeMap<Pattern, Vec<Exported<'a>>> {
        let mut patterns: BTreeMap<Pattern, Vec<Exported<'a>>> = BTreeMap::new();
        for (draft, found) in self.import.drafts.iter().enumerate() {
            let entries = match list {
                List::Certificate => &found.certificate_domains,
                List::Sender | List::Recipient => &found.domains,
            };
            for claim in entries.iter().filter_map(super::super::Decided::known) {
                let claims = patterns.entry(claim.pattern.clone()).or_default();
                if !claims.iter().any(|known| known.draft == draft) {
                    claims.push(Exported { draft, claim });
                }
            }
        }
        patterns
    }

    /// Exported tenants for which the configuration does without this list.
    fn unused(&self, list: List, comparison: &mut Comparison) -> Vec<usize> {
        if list == List::Certificate {
            return Vec::new();
        }
        let mut uses: HashMap<usize, bool> = HashMap::new();
        for (at, tenant) in self.relay.written.tenants.iter().enumerate() {
            if let Some(draft) = self.exported(at) {
                let used = uses.entry(draft).or_default();
                *used = *used || !list.of(tenant).is_empty();
            }
        }
        let mut unused: Vec<usize> = uses
            .into_iter()
            .filter(|(_, used)| !used)
            .map(|(draft, _)| draft)
            .collect();
        unused.sort_unstable();
        comparison.notes.extend(unused.iter().map(|draft| {
            let (name, key) = (self.draft_name(*draft), list.key());
            format!("{name:?} has no {key} in the configuration, so new ones are not told")
        }));
        unused
    }
}

impl List {
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Certificate => "certificate_domains",
            Self::Sender => "sender_domains",
            Self::Recipient => "recipient_domains",
        }
    }

    const fn kind(self, domain: Kind, certificate: Kind) -> Kind {
        match self {
            Self::Certificate => certificate,
            Self::Sender | Self::Recipient => domain,
        }
    }

    fn of(self, tenant: &written::Tenant) -> &[Setting<Pattern>] {
        match self {
            Self::Certificate => &tenant.certificate_domains,
            Self::Sender => &tenant.sender_domains,
            Self::Recipient => &tenant.recipient_domains,
        }
    }
}
