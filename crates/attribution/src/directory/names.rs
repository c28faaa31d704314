//! All names, and the search for the best claim.
//!
//! The texts lie in one arena; an entry of the table says where, whose, and all that this tenant claims the name for.
//! A name that two tenants claim on different bases has two entries and one text.

use super::table::{Entry, Table};
use super::{Claim, Nesting};
use crate::attribution::Basis;
use crate::domain::Domain;
use crate::pattern::Pattern;
use crate::rules::TenantId;

/// Names and their claims.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    entries: Table,
    /// For each basis, the label counts at which there is a subtree claim (a name has at most 127 labels).
    depths: [u128; 3],
}

/// Where the search for a name begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the exact name.
    AtName,
    /// At the subtree of the name: for wildcard names.
    AtSubtree,
}

/// Why a claim was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// This tenant has it already.
    Claimed(TenantId),
    /// The arena is at its end (4 GiB of names).
    Full,
}

impl Names {
    pub(super) fn reserve(&mut self, names: usize) {
        self.entries.reserve(names);
    }

    /// Adds one claim; the same claim twice by one tenant is one.
    pub(super) fn claim(
        &mut self,
        basis: Basis,
        pattern: &Pattern,
        tenant: TenantId,
    ) -> Result<(), Rejected> {
        let (name, kind) = match pattern {
            Pattern::Exact(domain) => (domain.as_str(), Kind::Exact),
            Pattern::Subtree(domain) => (domain.as_str(), Kind::Subtree),
        };
        let wanted = bit(basis, kind);
        let hash = self.entries.hash(name);
        let mut offset = None;
        let mut own = false;
        for entry in self
            .entries
            .with_hash(hash)
            .filter(|entry| is(entry, name, &self.text))
        {
            if entry.claims & wanted != 0 {
                return if entry.tenant == tenant {
                    Ok(())
                } else {
                    Err(Rejected::Claimed(entry.tenant))
                };
            }
            offset = Some(entry.offset);
            own |= entry.tenant == tenant;
        }
        if own {
            let text = &self.text;
            let mine = |entry: &Entry| entry.tenant == tenant && is(entry, name, text);
            self.entries.widen(hash, wanted, mine);
        } else {
            self.insert(hash, name, tenant, wanted, offset)?;
        }
        if kind == Kind::Subtree
            && let Some(depths) = self.depths.get_mut(index(basis))
        {
            *depths |= at_depth(labels(name));
        }
        Ok(())
    }

    /// The owner by the best claim: exact, then the subtree of the name, then of each ancestor from below.
    pub(super) fn best(&self, basis: Basis, name: &str, start: Start) -> Option<TenantId> {
        let exact = bit(basis, Kind::Exact);
        let subtree = bit(basis, Kind::Subtree);
        let hash = self.entries.hash(name);
        let at_name = match start {
            // One probe finds either; only a subtree claim leaves open whether somebody has the exact name.
            Start::AtName => self.find(hash, name, exact | subtree).map(|entry| {
                if entry.claims & exact != 0 {
                    entry
                } else {
                    self.find(hash, name, exact).unwrap_or(entry)
                }
            }),
            Start::AtSubtree => self.find(hash, name, subtree),
        };
        match at_name {
            Some(entry) => Some(entry.tenant),
            None => self.ancestors(basis, name).find_map(|above| {
                self.find(self.entries.hash(above), above, subtree)
                    .map(|entry| entry.tenant)
            }),
        }
    }

    /// Every claim that takes the name, the best first.
    pub(super) fn all(&self, basis: Basis, name: &str, start: Start) -> Vec<Claim> {
        let subtree = bit(basis, Kind::Subtree);
        let exact = match start {
            Start::AtName => self.find(self.entries.hash(name), name, bit(basis, Kind::Exact)),
            Start::AtSubtree => None,
        };
        let exact = exact.and_then(|entry| self.as_claim(entry, basis, Kind::Exact));
        let wider = std::iter::once(name)
            .chain(self.ancestors(basis, name))
            .filter_map(|above| self.find(self.entries.hash(above), above, subtree))
            .filter_map(|entry| self.as_claim(entry, basis, Kind::Subtree));
        exact.into_iter().chain(wider).collect()
    }

    /// All claims, in the order of tenants and, within one, of first mention.
    pub(super) fn claims(&self) -> impl Iterator<Item = Claim> + '_ {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_unstable_by_key(|entry| (entry.tenant, entry.offset));
        entries.into_iter().flat_map(|entry| {
            CLAIMS
                .into_iter()
                .filter(|(basis, kind)| entry.claims & bit(*basis, *kind) != 0)
                .filter_map(|(basis, kind)| self.as_claim(entry, basis, kind))
        })
    }

    pub(super) fn nested(&self) -> impl Iterator<Item = Nesting> + '_ {
        self.claims().filter_map(|inner| {
            let around = self.around(&inner)?;
            (around.tenant != inner.tenant).then_some(Nesting {
                inner,
                outer: around,
            })
        })
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.text.capacity() + self.entries.memory_bytes()
    }

    /// Gives back what growing has left over.
    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.entries.shrink();
    }

    fn insert(
        &mut self,
        hash: u32,
        name: &str,
        tenant: TenantId,
        claims: u8,
        offset: Option<u32>,
    ) -> Result<(), Rejected> {
        let offset = match offset {
            Some(offset) => offset,
            None => {
                let end =
                    u32::try_from(self.text.len() + name.len()).map_err(|_| Rejected::Full)?;
                self.text.push_str(name);
                end - u32::try_from(name.len()).map_err(|_| Rejected::Full)?
            }
        };
        let length = u8::try_from(name.len()).map_err(|_| Rejected::Full)?;
        self.entries.insert(hash, offset, length, tenant, claims);
        Ok(())
    }

    fn find(&self, hash: u32, name: &str, wanted: u8) -> Option<&Entry> {
        self.entries
            .with_hash(hash)
            .find(|entry| entry.claims & wanted != 0 && is(entry, name, &self.text))
    }

    /// The names above this one, from below, as far as somebody claims a subtree at their depth.
    fn ancestors<'a>(
        &self,
        basis: Basis,
        name: &'a str,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let depths = self.depths.get(index(basis)).copied().unwrap_or(0);
        let mut depth = labels(name);
        // Without any subtree claim there is nothing to walk for.
        let mut rest = if depths == 0 { "" } else { name };
        std::iter::from_fn(move || {
            while let Some((_, above)) = rest.split_once('.') {
                rest = above;
                depth = depth.saturating_sub(1);
                if depths & at_depth(depth) != 0 {
                    return Some(above);
                }
            }
            None
        })
    }

    /// The nearest claim around another, whoever has it.
    fn around(&self, inner: &Claim) -> Option<Claim> {
        let name = inner.pattern.domain().as_str();
        let subtree = bit(inner.basis, Kind::Subtree);
        let at_name = match inner.pattern {
            Pattern::Exact(_) => self.find(self.entries.hash(name), name, subtree),
            Pattern::Subtree(_) => None,
        };
        let entry = at_name.or_else(|| {
            self.ancestors(inner.basis, name)
                .find_map(|above| self.find(self.entries.hash(above), above, subtree))
        })?;
        self.as_claim(entry, inner.basis, Kind::Subtree)
    }

    fn as_claim(&self, entry: &Entry, basis: Basis, kind: Kind) -> Option<Claim> {
        let domain = Domain::parse(text_of(entry, &self.text)).ok()?;
        let pattern = match kind {
            Kind::Exact => Pattern::Exact(domain),
            Kind::Subtree => Pattern::Subtree(domain),
        };
        Some(Claim {
            basis,
            pattern,
            tenant: entry.tenant,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exact,
    Subtree,
}

const CLAIMS: [(Basis, Kind); 6] = [
    (Basis::Certificate, Kind::Exact),
    (Basis::Certificate, Kind::Subtree),
    (Basis::Sender, Kind::Exact),
    (Basis::Sender, Kind::Subtree),
    (Basis::Recipient, Kind::Exact),
    (Basis::Recipient, Kind::Subtree),
];

fn index(basis: Basis) -> usize {
    match basis {
        Basis::Certificate => 0,
        Basis::Sender => 1,
        Basis::Recipient => 2,
    }
}

fn bit(basis: Basis, kind: Kind) -> u8 {
    let low = match kind {
        Kind::Exact => 1,
        Kind::Subtree => 2,
    };
    low << (2 * index(basis))
}

fn text_of<'a>(entry: &Entry, text: &'a str) -> &'a str {
    let start = usize::try_from(entry.offset).unwrap_or(usize::MAX);
    text.get(start..start.saturating_add(usize::from(entry.length)))
        .unwrap_or("")
}

fn is(entry: &Entry, name: &str, text: &str) -> bool {
    text_of(entry, text) == name
}

fn labels(name: &str) -> u32 {
    name.bytes()
        .filter(|byte| *byte == b'.')
        .fold(1, |count, _| count + 1)
}

fn at_depth(labels: u32) -> u128 {
    1u128.checked_shl(labels).unwrap_or(0)
}
