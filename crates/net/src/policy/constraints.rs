//! Name constraints for common names (RFC 5280 section 4.2.1.10, `dNSName` form).

use rustls_pki_types::TrustAnchor;
use webpki::VerifiedPath;
use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints};
use x509_parser::prelude::FromDer;

use crate::certificate::parse;

/// Whether every certificate of the path permits all these names. What cannot be read permits
/// nothing.
pub(super) fn permit(path: &VerifiedPath<'_>, names: &[String]) -> bool {
    if names.is_empty() {
        return true;
    }
    anchor_permits(path.anchor(), names)
        && path.intermediate_certificates().all(|certificate| {
            let der = certificate.der();
            let Some(parsed) = parse(&der) else {
                return false;
            };
            match parsed.name_constraints() {
                Ok(Some(constraints)) => names_obey(constraints.value, names),
                Ok(None) => true,
                Err(_) => false,
            }
        })
}

fn anchor_permits(anchor: &TrustAnchor<'_>, names: &[String]) -> bool {
    let Some(content) = &anchor.name_constraints else {
        return true;
    };
    // The anchor holds the content of the SEQUENCE only.
    let der = sequence(content);
    match NameConstraints::from_der(&der) {
        Ok((_, constraints)) => names_obey(&constraints, names),
        Err(_) => false,
    }
}

fn names_obey(constraints: &NameConstraints<'_>, names: &[String]) -> bool {
    let permitted = bases(constraints.permitted_subtrees.as_deref());
    let excluded = bases(constraints.excluded_subtrees.as_deref());
    names.iter().all(|name| {
        // The widest reading of a wildcard is what must not be excluded.
        let below = name.strip_prefix("*.").unwrap_or(name);
        let is_excluded = excluded
            .iter()
            .any(|base| within(below, base) || (below != name && within(base, below)));
        let is_permitted = permitted.is_empty() || permitted.iter().any(|base| within(below, base));
        is_permitted && !is_excluded
    })
}

fn bases(subtrees: Option<&[GeneralSubtree<'_>]>) -> Vec<String> {
    subtrees
        .unwrap_or_default()
        .iter()
        .filter_map(|subtree| {
            if let GeneralName::DNSName(base) = &subtree.base {
                Some(base.to_ascii_lowercase())
            } else {
                None
            }
        })
        .collect()
}

/// Whether `name` is `base` with zero or more labels in front.
fn within(name: &str, base: &str) -> bool {
    let base = base.strip_prefix('.').unwrap_or(base);
    base.is_empty()
        || name == base
        || name
            .strip_suffix(base)
            .is_some_and(|front| front.ends_with('.'))
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|octet| *octet == 0).collect();
    let mut der = vec![0x30];
    match significant.as_slice() {
        [] => der.push(0),
        [short] if *short < 0x80 => der.push(*short),
        long => {
            der.push(0x80 | u8::try_from(long.len()).unwrap_or(0x7f));
            der.extend_from_slice(long);
        }
    }
    der.extend_from_slice(content);
    der
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_label_aligned() {
        assert!(within("a.example", "a.example"));
        assert!(within("mail.a.example", "a.example"));
        assert!(within("mail.a.example", ".a.example"));
        assert!(within("anything", ""));
        assert!(!within("xa.example", "a.example"));
        assert!(!within("example", "a.example"));
    }

    #[test]
    fn a_sequence_gets_its_length_in_either_form() {
        assert_eq!(sequence(&[]), [0x30, 0]);
        assert_eq!(sequence(&[1, 2]), [0x30, 2, 1, 2]);
        assert_eq!(sequence(&[0; 300]).get(..4), Some(&[0x30, 0x82, 1, 44][..]));
    }
}
