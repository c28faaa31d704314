//! Whose mail: tenants, their mix, and what messages prove it with.

use tenantry_settings::values::{number_within, text, word};
use tenantry_settings::{Mistake, Placed, Table};

use super::{count, is_domain};
use crate::plan::{EvidenceMix, Identities, KeyPair, Tenant, TenantMix};

pub(super) fn identities(file: &Table<'_>) -> Identities {
    let section = file.section("identities");
    let folder = section.path("folder");
    let limit = count(&section, "limit", 0, MOST_TENANTS);
    let peer = pair(&section, "peer_certificate", "peer_key");
    let untrusted = pair(&section, "untrusted_certificate", "untrusted_key");
    section.finish();
    let list = file.tables("tenant").into_iter().map(tenant).collect();
    Identities {
        folder,
        list,
        limit,
        peer,
        untrusted,
    }
}

fn tenant(section: Table<'_>) -> Tenant {
    let remedy = "every tenant has a name and a domain";
    let name = section.required("name", text, remedy);
    let domain = section.required("domain", text, remedy);
    if let Some(Placed { value, place }) = &name
        && value.trim().is_empty()
    {
        let mistake = Mistake::new("is empty", "write the tenant's name");
        section.complain(place.clone(), mistake);
    }
    if let Some(Placed { value, place }) = &domain
        && !is_domain(value)
    {
        let mistake = Mistake::new("is no domain", "write as in \"contoso.example\"");
        section.complain(place.clone(), mistake);
    }
    let tenant = Tenant {
        name: name.map(|name| name.value).unwrap_or_default(),
        domain: domain.map(|domain| domain.value).unwrap_or_default(),
        certificate: pair(&section, "certificate", "key"),
        weight: section
            .value("weight", number_within(0.0, 1e9))
            .unwrap_or(1.0),
    };
    section.finish();
    tenant
}

fn pair(section: &Table<'_>, certificate: &'static str, key: &'static str) -> Option<KeyPair> {
    match (section.path(certificate), section.path(key)) {
        (Some(certificate), Some(key)) => Some(KeyPair { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            section.wrong(certificate, "has no key", format!("write {key}, too"));
            None
        }
        (None, Some(_)) => {
            section.wrong(
                key,
                "has no certificate",
                format!("write {certificate}, too"),
            );
            None
        }
    }
}

#[derive(Clone, Copy)]
enum MixWord {
    Uniform,
    Weighted,
    Zipf,
}

pub(super) fn mix(section: Table<'_>) -> TenantMix {
    let words = word(&[
        ("uniform", MixWord::Uniform),
        ("weighted", MixWord::Weighted),
        ("zipf", MixWord::Zipf),
    ]);
    let exponent = section
        .value("exponent", number_within(0.0, 10.0))
        .unwrap_or(1.0);
    let weights = section
        .table("weights")
        .and_then(|weights| weights.others(number_within(0.0, 1e9)))
        .unwrap_or_default();
    let mix = match section.value("tenants", words) {
        None | Some(MixWord::Uniform) => TenantMix::Uniform,
        Some(MixWord::Weighted) => TenantMix::Weighted {
            weights: weights.into_iter().collect(),
        },
        Some(MixWord::Zipf) => TenantMix::Zipf { exponent },
    };
    section.finish();
    mix
}

pub(super) fn evidence(section: Table<'_>, identities: &Identities) -> EvidenceMix {
    let part = |key| section.value(key, number_within(0.0, 1e9));
    let mut mix = EvidenceMix {
        certificate: part("certificate").unwrap_or(0.0),
        sender: part("sender").unwrap_or(0.0),
        recipient: part("recipient").unwrap_or(0.0),
        unattributable: part("unattributable").unwrap_or(0.0),
        conflicting: part("conflicting").unwrap_or(0.0),
        untrusted: part("untrusted").unwrap_or(0.0),
    };
    if [
        "certificate",
        "sender",
        "recipient",
        "unattributable",
        "conflicting",
        "untrusted",
    ]
    .iter()
    .all(|key| !section.has(key))
    {
        // Who names no mix and has certificates wants what Exchange Online looks at first.
        let certificates = identities.folder.is_some()
            || identities
                .list
                .iter()
                .any(|tenant| tenant.certificate.is_some());
        match certificates {
            true => mix.certificate = 1.0,
            false => mix.sender = 1.0,
        }
    } else if mix.total() <= 0.0 {
        section.wrong(
            "certificate",
            "no kind of evidence has a share",
            "write certificate = 1",
        );
    }
    section.finish();
    mix
}

impl EvidenceMix {
    /// All shares together.
    pub(crate) fn total(&self) -> f64 {
        self.certificate
            + self.sender
            + self.recipient
            + self.unattributable
            + self.conflicting
            + self.untrusted
    }
}

const MOST_TENANTS: u32 = 1_000_000;
