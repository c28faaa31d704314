//! The private key beside a certificate, and whether the two belong together.

use std::io;
use std::path::{Path, PathBuf};

use tenantry_net::{Identity, IdentityError};
use tenantry_settings::reason;

use super::certificate::Pem;
use super::{Certificate, KeyBeside};

/// Finds the key of a file's leaf: the one that is named, the one in the file itself, or the one
/// whose file is called alike; then compares them.
pub(super) fn beside(path: &Path, pem: &Pem, named: Option<&Path>) -> KeyBeside {
    let Some(leaf) = pem.chain.first() else {
        return KeyBeside::Unknown;
    };
    if let Some(key) = named {
        return compare(leaf, path, key);
    }
    if pem.has_key {
        return compare(leaf, path, path);
    }
    match candidates(path).find(|key| key.is_file()) {
        Some(key) => compare(leaf, path, &key),
        None => KeyBeside::Unknown,
    }
}

/// `contoso.key` for `contoso.pem` and `contoso.crt`; `privkey.pem` for the names that ACME
/// clients give to chains.
fn candidates(path: &Path) -> impl Iterator<Item = PathBuf> {
    let same = path.with_extension("key");
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let numbered = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = stem.strip_prefix(numbered).unwrap_or_default();
    let acme = ["cert", "fullchain"]
        .contains(&numbered)
        .then(|| path.with_file_name(format!("privkey{number}.pem")));
    [Some(same), acme].into_iter().flatten()
}

fn compare(leaf: &Certificate, chain: &Path, key: &Path) -> KeyBeside {
    match Identity::compare(&leaf.der, chain, key) {
        Ok(()) => KeyBeside::Matches(key.to_owned()),
        Err(IdentityError::Mismatch { .. }) => KeyBeside::Mismatch(key.to_owned()),
        Err(IdentityError::Read { error, .. }) => KeyBeside::Unusable(key.to_owned(), said(&error)),
        Err(IdentityError::NotAFile { .. }) => unusable(key, "it is no regular file"),
        Err(IdentityError::TooLarge { limit, .. }) => {
            KeyBeside::Unusable(key.to_owned(), format!("it has more than {limit} octets"))
        }
        Err(IdentityError::NotPem { .. }) => unusable(key, "it is no valid PEM"),
        Err(IdentityError::NoKey { .. }) => unusable(key, "there is no private key in it"),
        Err(IdentityError::EncryptedKey { .. }) => unusable(key, "it is encrypted"),
        Err(IdentityError::SeveralKeys { count, .. }) => {
            KeyBeside::Unusable(key.to_owned(), format!("there are {count} keys in it"))
        }
        Err(IdentityError::UnusableKey { .. }) => {
            unusable(key, "it is damaged, or of a kind that is not supported")
        }
        // The certificate itself has been read, so that none of the others happens.
        Err(error) => KeyBeside::Unusable(key.to_owned(), error.to_string()),
    }
}

fn unusable(key: &Path, reason: &str) -> KeyBeside {
    KeyBeside::Unusable(key.to_owned(), String::from(reason))
}

fn said(error: &io::Error) -> String {
    format!("it cannot be read: {}", reason(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_called_like_its_certificate() {
        for (certificate, expected) in [
            ("pki/contoso.pem", vec!["pki/contoso.key"]),
            ("contoso.crt", vec!["contoso.key"]),
            (
                "live/fullchain.pem",
                vec!["live/fullchain.key", "live/privkey.pem"],
            ),
            ("cert12.pem", vec!["cert12.key", "privkey12.pem"]),
            ("mail.contoso.com.cer", vec!["mail.contoso.com.key"]),
        ] {
            let found: Vec<_> = candidates(Path::new(certificate)).collect();
            let expected: Vec<_> = expected.into_iter().map(PathBuf::from).collect();
            assert_eq!(found, expected, "{certificate}");
        }
    }
}
