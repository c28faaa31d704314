//! Tenants out of a relay's configuration, as `tenantry lab init` and `tenantry import` write it:
//! the file and those that its `include` names.
//!
//! Nothing of it is judged here. What a relay would refuse is refused by the relay; what has no
//! name, or no domain to send from, is no tenant of a load test.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use toml::{Table, Value};

use super::{Complaints, Member, complaint, identity};
use crate::plan::KeyPair;

/// The tenants of a configuration and of the files it includes, in their order.
pub(super) fn members(file: &Path, room: usize, complaints: &mut Complaints) -> Vec<Member> {
    let mut own = Complaints::default();
    let members = read(file, room, &mut own);
    if members.is_empty() && !own.has_errors() {
        own.push(complaint(
            file,
            "has no tenants with names".to_owned(),
            "name tenants in the plan: [[tenant]]",
        ));
    }
    complaints.append(own);
    members
}

fn read(file: &Path, room: usize, complaints: &mut Complaints) -> Vec<Member> {
    let mut members = Vec::new();
    for (path, table) in tables(file, complaints) {
        let folder = path.parent().unwrap_or(Path::new(""));
        let tenants = table.get("tenant").and_then(Value::as_array);
        let tenants = tenants.into_iter().flatten().filter_map(Value::as_table);
        for tenant in tenants {
            if members.len() >= room {
                return members;
            }
            members.extend(member(folder, tenant, complaints));
        }
    }
    members
}

/// One tenant, with paths as the relay reads them: from the folder of the file that has them.
fn member(folder: &Path, tenant: &Table, complaints: &mut Complaints) -> Option<Member> {
    let text = |key: &str| tenant.get(key).and_then(Value::as_str);
    let first = |key: &str| {
        let list = tenant.get(key).and_then(Value::as_array)?;
        let name = list.first()?.as_str()?;
        Some(name.strip_prefix("*.").unwrap_or(name))
    };
    let name = text("name").filter(|name| !name.is_empty())?;
    let domain = first("sender_domains").or_else(|| first("recipient_domains"));
    let names = first("certificate_domains");
    let domain = domain.or(names)?;
    let pair = text("certificate").zip(text("key"));
    // A certificate that names nobody is no evidence.
    let pair = pair.filter(|_| names.is_some());
    let pair = pair.map(|(certificate, key)| KeyPair {
        certificate: folder.join(certificate),
        key: folder.join(key),
    });
    Some(Member {
        name: name.into(),
        domain: domain.into(),
        weight: 1.0,
        identity: pair.and_then(|pair| identity(&pair, complaints)),
    })
}

/// The configuration and what it includes, each file once.
fn tables(file: &Path, complaints: &mut Complaints) -> Vec<(PathBuf, Table)> {
    let Some(main) = table(file, complaints) else {
        return Vec::new();
    };
    let mut seen: BTreeSet<PathBuf> = file.canonicalize().into_iter().collect();
    let patterns = main.get("include").and_then(Value::as_array).cloned();
    let mut tables = vec![(file.to_path_buf(), main)];
    let folder = file.parent().unwrap_or(Path::new(""));
    for pattern in patterns.iter().flatten().filter_map(Value::as_str) {
        let found = expand(folder, Path::new(pattern)).unwrap_or_else(|error| {
            let what = format!("include {pattern:?} cannot be looked up: {error}");
            let remedy = "check the name and the permissions of the folder";
            complaints.push(complaint(file, what, remedy));
            Vec::new()
        });
        for path in found {
            let same = path.canonicalize().unwrap_or_else(|_| path.clone());
            if seen.insert(same)
                && let Some(table) = table(&path, complaints)
            {
                tables.push((path, table));
            }
        }
    }
    tables
}

fn table(file: &Path, complaints: &mut Complaints) -> Option<Table> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("cannot be read: {error}");
            complaints.push(complaint(file, what, "make it readable"));
            return None;
        }
    };
    match text.parse() {
        Ok(table) => Some(table),
        Err(error) => {
            let error: toml::de::Error = error;
            let what = format!("is no TOML: {}", error.message());
            let remedy = "correct it: `tenantry check` says more";
            complaints.push(complaint(file, what, remedy));
            None
        }
    }
}

/// The paths that an `include` names, sorted: `*` and `?` stand for parts of a name, as they do for
/// the relay; a name without them is returned as it is.
fn expand(folder: &Path, pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![folder.to_path_buf()];
    for component in pattern.components() {
        let name = component.as_os_str().to_string_lossy();
        if !matches!(component, Component::Normal(_)) || !name.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        let mut deeper = Vec::new();
        for folder in &found {
            deeper.extend(matching(folder, &name)?);
        }
        deeper.sort();
        found = deeper;
    }
    Ok(found)
}

/// What in a folder has a name like this; nothing when there is no such folder.
fn matching(folder: &Path, pattern: &str) -> io::Result<Vec<PathBuf>> {
    let readable = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let entries = match fs::read_dir(readable) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if is_like(pattern, &name.to_string_lossy()) {
            found.push(folder.join(name));
        }
    }
    Ok(found)
}

/// Whether a name is what a pattern says; hidden ones only where the pattern is hidden, too.
fn is_like(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    // For each beginning of the name, whether the pattern so far can be it.
    let mut can_be = vec![false; name.chars().count() + 1];
    if let Some(empty) = can_be.first_mut() {
        *empty = true;
    }
    for own in pattern.chars() {
        can_be = match own {
            '*' => can_be
                .iter()
                .scan(false, |any, here| {
                    *any |= *here;
                    Some(*any)
                })
                .collect(),
            own => {
                let longer = can_be.iter().zip(name.chars());
                let longer = longer.map(|(here, next)| *here && (own == '?' || own == next));
                std::iter::once(false).chain(longer).collect()
            }
        };
    }
    can_be.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_names_as_they_do_for_the_relay() {
        for (pattern, name, expected) in [
            ("*.toml", "contoso.toml", true),
            ("*.toml", ".contoso.toml", false),
            ("*.toml", "contoso.toml~", false),
            ("*.toml", ".toml", false),
            (".*", ".hidden", true),
            ("t?nant.toml", "tenant.toml", true),
            ("t?nant.toml", "tnant.toml", false),
            ("*", "anything", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(is_like(pattern, name), expected, "{pattern} {name}");
        }
    }
}
