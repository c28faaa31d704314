//! A directory of made-up tenants, and what it takes.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use tenantry_attribution::{
    Directory, DirectoryBuilder, OnConflict, Pattern, PeerRules, PeerTenants, TenantRules,
};
use thiserror::Error;

use super::memory;

/// How large a made-up directory is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Synthetic {
    /// Tenants.
    pub(super) tenants: u32,
    /// Names of each, at least three.
    pub(super) names: u32,
    /// The part of them that are wildcards.
    pub(super) wildcards: f64,
}

/// What building it took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Building {
    seconds: f64,
    resident: Option<u64>,
}

/// A directory in numbers.
#[derive(Debug, Serialize)]
pub(super) struct Directories {
    /// Tenants.
    pub(super) tenants: usize,
    /// Distinct names, whatever they are claimed for.
    pub(super) names: usize,
    /// Octets that it holds, by its own account.
    pub(super) memory_bytes: usize,
    /// The same for each name.
    pub(super) bytes_per_name: f64,
    /// Octets by which the process grew while it was built, as the system counts.
    pub(super) resident_growth_bytes: Option<u64>,
    /// How long it took to build.
    pub(super) build_seconds: Option<f64>,
}

/// Why there is no directory.
#[derive(Debug, Error)]
pub(super) enum BuildError {
    /// A made-up name is none.
    #[error("made-up name {0} is not a pattern")]
    Name(String),
    /// The directory refuses what was made up.
    #[error("the made-up directory cannot be built: {0}")]
    Problem(String),
}

/// Builds a directory of made-up tenants, all of which one peer may send for.
pub(super) fn build(shape: Synthetic) -> Result<(Directory, Building), BuildError> {
    let before = memory::resident();
    let start = Instant::now();
    let names = u64::from(shape.tenants) * u64::from(shape.names);
    let room = usize::try_from(names).unwrap_or(usize::MAX);
    let tenants = usize::try_from(shape.tenants).unwrap_or(usize::MAX);
    let mut builder = DirectoryBuilder::with_room_for(tenants, room);
    for number in 0..shape.tenants {
        builder.add_tenant(tenant(shape, number)?);
    }
    builder.add_peer(PeerRules {
        name: Arc::from("peer"),
        networks: PEER_NETWORK.parse().into_iter().collect(),
        certificates: Vec::new(),
        tenants: PeerTenants::All,
    });
    let directory = builder.build().map_err(|problems| {
        let first = problems.first().map(ToString::to_string);
        BuildError::Problem(first.unwrap_or_default())
    })?;
    let building = Building {
        seconds: start.elapsed().as_secs_f64(),
        resident: before
            .zip(memory::resident())
            .map(|(a, b)| b.saturating_sub(a)),
    };
    Ok((directory, building))
}

/// Where the peer's clients come from (RFC 5737).
const PEER_NETWORK: &str = "192.0.2.0/24";
/// One of them.
pub(super) const PEER: &str = "192.0.2.1";

fn tenant(shape: Synthetic, number: u32) -> Result<TenantRules, BuildError> {
    let mut claims = [Vec::new(), Vec::new(), Vec::new()];
    for index in 0..shape.names {
        let text = match shape.is_wildcard(number, index) {
            true => format!("*.{}", shape.name(number, index)),
            false => shape.name(number, index),
        };
        let pattern = Pattern::parse(&text).map_err(|_| BuildError::Name(text))?;
        if let Some(claims) = claims.get_mut(usize::from(basis(index))) {
            claims.push(pattern);
        }
    }
    let [certificate_domains, sender_domains, recipient_domains] = claims;
    Ok(TenantRules {
        name: Arc::from(tenant_name(number)),
        certificate_domains,
        sender_domains,
        recipient_domains,
        on_conflict: OnConflict::Follow,
    })
}

/// 0 by certificate, 1 by sender, 2 by recipient.
fn basis(index: u32) -> u8 {
    (index % 3) as u8
}

/// What a tenant is called.
pub(super) fn tenant_name(number: u32) -> String {
    format!("tenant-{number}")
}

impl Synthetic {
    /// How many names a tenant claims on a basis (0 certificate, 1 sender, 2 recipient).
    pub(super) fn on_basis(self, basis: u32) -> u32 {
        (self.names + 2 - basis) / 3
    }

    /// A name that a tenant owns: the `which`-th on a basis, below the wildcard if it is one.
    pub(super) fn owned(self, tenant: u32, basis: u32, which: u32) -> String {
        let index = basis + 3 * (which % self.on_basis(basis).max(1));
        let name = self.name(tenant, index);
        match self.is_wildcard(tenant, index) {
            true => format!("eu.dept.{name}"),
            false => name,
        }
    }

    fn name(self, tenant: u32, index: u32) -> String {
        let word = ["mail", "news", "in"]
            .get(usize::from(basis(index)))
            .copied()
            .unwrap_or_default();
        format!("{word}{}.org-{tenant}.example", index / 3)
    }

    /// Wildcards are spread evenly over all tenants and bases.
    fn is_wildcard(self, tenant: u32, index: u32) -> bool {
        // Steps of the golden ratio lie evenly, whatever the numbers of names and tenants.
        let place = (f64::from(tenant) * 7.0 + f64::from(index) + 0.5) * 0.618_033_988_749_895;
        place.fract() < self.wildcards
    }
}

impl Directories {
    /// A directory, and what building it took where that is known.
    pub(super) fn of(directory: &Directory, building: Option<Building>) -> Self {
        let (names, memory) = (directory.stored_names(), directory.memory_bytes());
        Self {
            tenants: directory.tenants(),
            names,
            memory_bytes: memory,
            bytes_per_name: memory as f64 / names.max(1) as f64,
            resident_growth_bytes: building.and_then(|building| building.resident),
            build_seconds: building.map(|building| building.seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tenantry_attribution::{Basis, CertificateName, Domain};

    use super::*;

    #[test]
    fn every_name_has_its_tenant_on_its_basis_alone() {
        for names in [3, 4, 10] {
            let shape = Synthetic {
                tenants: 50,
                names,
                wildcards: 0.4,
            };
            let (directory, _) = build(shape).unwrap();
            assert_eq!(directory.tenants(), 50);
            assert_eq!(
                directory.names().count(),
                50 * usize::try_from(names).unwrap()
            );
            assert_eq!(
                (0..3).map(|basis| shape.on_basis(basis)).sum::<u32>(),
                names
            );
            for tenant in 0..50 {
                let id = directory.tenant_by_name(&tenant_name(tenant));
                for which in 0..4 {
                    let host = CertificateName::parse(&shape.owned(tenant, 0, which)).unwrap();
                    assert_eq!(directory.owner_of_certificate_name(&host), id);
                    let sender = Domain::parse(&shape.owned(tenant, 1, which)).unwrap();
                    assert_eq!(directory.owner(Basis::Sender, &sender), id);
                    assert_eq!(directory.owner(Basis::Recipient, &sender), None);
                    let recipient = Domain::parse(&shape.owned(tenant, 2, which)).unwrap();
                    assert_eq!(directory.owner(Basis::Recipient, &recipient), id);
                }
            }
        }
    }

    #[test]
    fn wildcards_are_as_many_as_asked_for() {
        let shape = Synthetic {
            tenants: 100,
            names: 10,
            wildcards: 0.3,
        };
        let wildcards = (0..100).flat_map(|tenant| (0..10).map(move |index| (tenant, index)));
        let number = wildcards
            .filter(|(tenant, index)| shape.is_wildcard(*tenant, *index))
            .count();
        assert!((270..=330).contains(&number), "{number}");
    }
}
