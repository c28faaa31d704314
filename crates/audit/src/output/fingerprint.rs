//! What makes a finding the same finding in another run.

use std::collections::HashMap;
use std::path::Path;

use crate::finding::Finding;

/// For each finding its fingerprint, in their order: of rule, tenant, object and property, so that
/// it stays when lines move, folders are renamed or days go by. Findings that have all of these
/// in common are counted.
pub(super) fn fingerprints(findings: &[Finding]) -> Vec<String> {
    let mut seen: HashMap<u128, u32> = HashMap::new();
    let each = findings.iter().map(|finding| {
        let known = of(finding);
        let before = seen.entry(known).or_default();
        let hash = mixed(known, &before.to_be_bytes());
        *before += 1;
        format!("{hash:032x}")
    });
    each.collect()
}

fn of(finding: &Finding) -> u128 {
    let file = finding.place.file.as_deref().and_then(Path::file_name);
    let file = file.map(|name| name.to_string_lossy().into_owned());
    let parts = [
        finding.rule.id,
        finding.tenant.as_deref().unwrap_or_default(),
        &finding.object,
        file.as_deref().unwrap_or_default(),
        property(&finding.place.path),
    ];
    parts.iter().fold(OFFSET, |hash, part| {
        let length = part.len().to_be_bytes();
        mixed(mixed(hash, &length), part.as_bytes())
    })
}

/// The name of the property without the place of its object in a list.
fn property(path: &str) -> &str {
    let behind = path.rfind(']').map_or(0, |end| end + 1);
    match path.get(behind..) {
        Some("") | None => path,
        Some(name) => name,
    }
}

/// FNV-1a with 128 bits: the same everywhere and for ever, and nobody gains by a collision.
fn mixed(hash: u128, octets: &[u8]) -> u128 {
    octets.iter().fold(hash, |hash, octet| {
        (hash ^ u128::from(*octet)).wrapping_mul(PRIME)
    })
}

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(mixed(OFFSET, b""), OFFSET);
        assert_eq!(
            mixed(OFFSET, b"a"),
            0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964
        );
    }

    #[test]
    fn a_property_is_the_same_wherever_its_object_stands_in_the_file() {
        assert_eq!(property("[0].Name"), property("[17].Name"));
        assert_eq!(property("Name"), "Name");
        assert_eq!(property("[0]"), "[0]");
        assert_eq!(property(""), "");
    }
}
