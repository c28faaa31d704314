//! Tenants out of a relay's configuration, as `tenantry lab init` and `tenantry import` write it:
//! the file and those that its `include` names.
//!
//! Nothing of it is judged here. What a relay would refuse is refused by the relay; what has no
//! name, or no domain to send from, is no tenant of a load test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tenantry_settings::{expand, reason};
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
            let what = format!(
                "include {pattern:?} cannot be looked up: {}",
                reason(&error)
            );
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
            let what = format!("cannot be read: {}", reason(&error));
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
