//! What files are called: names of tenants are other people's text, and a path is none.

use std::collections::HashSet;

/// The names given so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: HashSet<String>,
    files: HashSet<String>,
}

impl Names {
    /// The name that the relay can have for a tenant, and that of its file; neither is given twice.
    pub(super) fn of(&mut self, tenant: &str) -> (String, String) {
        let name = unused(&mut self.names, &relay_name(tenant), |name, number| {
            format!("{name} ({number})")
        });
        let file = unused(&mut self.files, &stem(&name), |stem, number| {
            format!("{stem}-{number}")
        });
        (name, format!("{file}.toml"))
    }
}

/// The first of `wanted` and its numbered kin that nobody has, whatever the case of its letters.
fn unused(
    given: &mut HashSet<String>,
    wanted: &str,
    numbered: impl Fn(&str, usize) -> String,
) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1;
    while !given.insert(name.to_lowercase()) {
        number += 1;
        name = numbered(wanted, number);
    }
    name
}

/// What `name` takes: no control characters, not only spaces, not `*`, not too long.
fn relay_name(tenant: &str) -> String {
    let mut name = String::new();
    for character in tenant.trim().chars().filter(|one| !one.is_control()) {
        if name.len() + character.len_utf8() > LONGEST_NAME {
            break;
        }
        name.push(character);
    }
    match name.trim() {
        "" | "*" => "tenant".to_owned(),
        name => name.to_owned(),
    }
}

/// Letters, digits, hyphens, underscores and dots within; everything else becomes a hyphen.
fn stem(name: &str) -> String {
    let mut stem = String::new();
    for character in name.chars() {
        let plain = character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
        let character = if plain { character } else { '-' };
        let doubled = stem.ends_with(character) && matches!(character, '-' | '.');
        if !doubled && stem.len() < LONGEST_STEM {
            stem.push(character.to_ascii_lowercase());
        }
    }
    // A leading dot would hide the file from `include`.
    match stem.trim_matches(['-', '.']) {
        "" => "tenant".to_owned(),
        stem => stem.to_owned(),
    }
}

/// With room for a number, within what the relay takes.
const LONGEST_NAME: usize = 110;
const LONGEST_STEM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_whatever_the_tenant_is_called() {
        let mut names = Names::default();
        for (tenant, name, file) in [
            ("contoso", "contoso", "contoso.toml"),
            ("Contoso", "Contoso (2)", "contoso-2.toml"),
            ("../../etc/passwd", "../../etc/passwd", "etc-passwd.toml"),
            (".hidden", ".hidden", "hidden.toml"),
            ("a/b\\c:d", "a/b\\c:d", "a-b-c-d.toml"),
            ("\u{7}\n", "tenant", "tenant.toml"),
            ("*", "tenant (2)", "tenant-2.toml"),
            (
                "F\u{fc}rth GmbH & Co",
                "F\u{fc}rth GmbH & Co",
                "f-rth-gmbh-co.toml",
            ),
            ("...", "...", "tenant.toml"),
        ] {
            let found = names.of(tenant);
            if tenant == "..." {
                assert_eq!(found.0, name);
                assert!(found.1.starts_with("tenant-"), "{found:?}");
                continue;
            }
            assert_eq!(found, (name.to_owned(), file.to_owned()), "{tenant:?}");
        }
        let (name, file) = names.of(&"x\u{1f600}".repeat(200));
        assert!(name.len() <= 128 && file.len() <= 72, "{name} {file}");
    }
}
