//! One tenant as it is written by hand: `[[tenant]]`, or a folder's `tenant.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use tenantry_settings::values::{count, flag, path, text, wait};
use tenantry_settings::{Mistake, Place, Placed, Problem, Table, quoted};
use toml::de::DeValue;

use super::load::text_of;
use super::objects::{accepted_domains, inbound_connectors, organization};
use super::values::region;
use crate::hex;
use crate::world::{DomainName, Quota, Region, Tenant};

/// A tenant whose exports, if it has any, are still to be read.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) tenant: Tenant,
    /// The domains that stand as plain names: an export that knows more of them wins.
    pub(super) plain: BTreeSet<DomainName>,
    /// Where the organisation settings stand, if they do.
    pub(super) organization: Option<Place>,
    pub(super) blocked: Vec<Placed<String>>,
    /// Where the tenant's GUID stands, if it does.
    pub(super) id: Place,
}

/// Reads a tenant's table; `folder` is the folder whose `tenant.toml` it is.
pub(super) fn read(table: Table<'_>, folder: Option<&Path>) -> Draft {
    let name = name(&table, folder);
    let remedy = "exports do not tell a tenant's region: write it here, as in region = \"EUR\"";
    let tenant_region = table.required("region", region, remedy);
    let id = table.optional("id", guid);
    let allowed = table.list("allowed_regions", region).unwrap_or_default();
    let mail_enabled = table.value("mail_enabled", flag);
    let (accepted_domains, plain) = accepted_domains(&table);
    let inbound_connectors = inbound_connectors(&table);
    let (organization, organization_place) = organization(&table);
    let recipients = recipients(&table);
    let quota = quota(&table);
    let blocked = table.list("blocked_connectors", text).unwrap_or_default();
    let place = table.place();
    let id_place = id
        .as_ref()
        .map_or_else(|| place.clone(), |id| id.place.clone());
    table.finish();
    Draft {
        tenant: Tenant {
            id: id.map_or_else(|| derived_guid(&name), |id| id.value),
            name,
            region: tenant_region.map_or_else(|| Region::new(""), |region| region.value),
            allowed_regions: allowed.into_iter().map(|region| region.value).collect(),
            mail_enabled: mail_enabled.unwrap_or(true),
            accepted_domains,
            inbound_connectors,
            organization,
            recipients,
            quota,
            place,
        },
        plain,
        organization: organization_place,
        blocked,
        id: id_place,
    }
}

/// A folder's name names its tenant where `tenant.toml` does not.
fn name(table: &Table<'_>, folder: Option<&Path>) -> String {
    let from_folder = folder
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    let given = match &from_folder {
        Some(_) => table.optional("name", tenant_name),
        None => table.required("name", tenant_name, "give the tenant a name of its own"),
    };
    given
        .map(|name| name.value)
        .or(from_folder)
        .unwrap_or_default()
}

/// It becomes a folder's name and a word in reports.
fn tenant_name(value: &DeValue<'_>) -> Result<String, Mistake> {
    let name = text(value)?;
    let fits = name.trim() == name
        && name.chars().count() <= 100
        && !name.starts_with('.')
        && !name.contains(['/', '\\', '"']);
    if fits {
        Ok(name)
    } else {
        let what = format!("{} is no name for a tenant", quoted(&name));
        let remedy = "write at most 100 characters without slashes and quotes, no dot in front";
        Err(Mistake::new(what, remedy))
    }
}

fn guid(value: &DeValue<'_>) -> Result<String, Mistake> {
    let written = text(value)?;
    let mut groups = written.split('-');
    let shaped = [8, 4, 4, 4, 12].into_iter().all(|length| {
        groups.next().is_some_and(|group| {
            group.len() == length && group.bytes().all(|octet| octet.is_ascii_hexdigit())
        })
    });
    if shaped && groups.next().is_none() {
        Ok(written.to_ascii_lowercase())
    } else {
        let what = format!("{} is no GUID", quoted(&written));
        let remedy = "write it as in \"01234567-89ab-cdef-0123-456789abcdef\", or remove the line";
        Err(Mistake::new(what, remedy))
    }
}

/// The same name has the same GUID in every world: a UUID of version 8 (RFC 9562 section 5.8).
pub(super) fn derived_guid(name: &str) -> String {
    let seed = format!("tenantry lab tenant {}", name.to_lowercase());
    let hash = digest::digest(&digest::SHA256, seed.as_bytes());
    let mut octets: Vec<u8> = hash.as_ref().iter().take(16).copied().collect();
    for (at, keep, set) in [(6, 0x0F, 0x80), (8, 0x3F, 0x80)] {
        if let Some(octet) = octets.get_mut(at) {
            *octet = (*octet & keep) | set;
        }
    }
    let digits = hex::encode(&octets);
    let mut groups = Vec::with_capacity(5);
    let mut rest = digits.as_str();
    for length in [8, 4, 4, 4] {
        let (group, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        groups.push(group);
        rest = after;
    }
    groups.push(rest);
    groups.join("-")
}

fn recipients(table: &Table<'_>) -> Option<BTreeSet<String>> {
    let listed = table.list("recipients", address);
    let file = table.optional("recipients_file", path);
    let mut all: Option<BTreeSet<String>> =
        listed.map(|listed| listed.into_iter().map(|address| address.value).collect());
    if let Some(file) = file {
        let from_file = recipients_of(table, &file)?;
        all.get_or_insert_default().extend(from_file);
    }
    all
}

fn recipients_of(table: &Table<'_>, file: &Placed<PathBuf>) -> Option<Vec<String>> {
    let whole = file.beside(&file.value);
    if !fs::metadata(&whole).is_ok_and(|metadata| metadata.is_file()) {
        let what = format!(
            "{} is no file that is there",
            quoted(&file.value.to_string_lossy())
        );
        let remedy = "name a text file with one address a line, relative to this file";
        let mistake = Mistake::new(what, remedy);
        table.complain(file.place.clone(), mistake);
        return None;
    }
    let text = match text_of(&whole) {
        Ok(text) => text,
        Err(problem) => {
            table.report(problem);
            return None;
        }
    };
    let mut addresses = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        match recipient(line) {
            Some(address) => addresses.push(address),
            None => table.report(Problem::error(
                Place {
                    file: Some(whole.as_path().into()),
                    path: String::new(),
                    line: u32::try_from(number + 1).unwrap_or(u32::MAX),
                    column: 1,
                },
                format!("{} is no address", quoted(line)),
                NO_ADDRESS,
            )),
        }
    }
    Some(addresses)
}

/// An address may have a `#` in it, but not behind white space.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices('#').map(|(at, _)| line.split_at(at).0);
    let mut texts = comment.filter(|text| text.is_empty() || text.ends_with(char::is_whitespace));
    texts.next().unwrap_or(line)
}

const NO_ADDRESS: &str = "write an address, as in u@contoso.com";

fn address(value: &DeValue<'_>) -> Result<String, Mistake> {
    let written = text(value)?;
    recipient(&written)
        .ok_or_else(|| Mistake::new(format!("{} is no address", quoted(&written)), NO_ADDRESS))
}

/// An address in lower case, its domain normalised.
fn recipient(written: &str) -> Option<String> {
    let (local, domain) = written.rsplit_once('@')?;
    if local.is_empty() || local.contains(char::is_whitespace) {
        return None;
    }
    let domain = DomainName::parse(domain).ok()?;
    Some(format!("{}@{domain}", local.to_lowercase()))
}

/// `licences` and `quota`: what a tenant may send to recipients outside
/// (`exchange-online.md` section 3.1, 5.7.233).
fn quota(table: &Table<'_>) -> Quota {
    let licences = table.optional("licences", count);
    let mut quota = Quota::default();
    let mut limit = None;
    if let Some(given) = table.table("quota") {
        limit = given.optional("external_recipients", count);
        if let Some(window) = given.value("window", wait) {
            quota.window = window;
        }
        quota.trial = given.value("trial", flag).unwrap_or(false);
        let number = |key| given.value(key, count).map(u64::from);
        quota.initial_domain_recipients = number("initial_domain_recipients");
        quota.unregistered_senders = number("unregistered_senders");
        quota.exceeded = given.value("exceeded", flag).unwrap_or(false);
        given.finish();
    }
    quota.external_recipients = match (limit, licences) {
        (Some(limit), None) => Some(limit.value.into()),
        (Some(limit), Some(licences)) => {
            let what = format!("is given beside {}", limit.place.path);
            let remedy = "keep one of the two: licences is a way to say external_recipients";
            table.complain(licences.place, Mistake::new(what, remedy));
            None
        }
        (None, _) if quota.trial => Some(TRIAL),
        (None, Some(licences)) => Some(external_recipients(licences.value.into())),
        (None, None) => None,
    };
    quota
}

/// External recipients of a trial tenant per day.
const TRIAL: u64 = 500;

/// 500 x licences^0.7 + 9500.
fn external_recipients(licences: u64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Microsoft's formula has a power of 0.7; licences are below 2^32"
    )]
    let grown = (500.0 * (licences as f64).powf(0.7)).round() as u64;
    grown + 9_500
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_comes_from_the_name_alone() {
        let guid = derived_guid("Contoso");
        assert_eq!(guid, derived_guid("contoso"));
        assert_ne!(guid, derived_guid("fabrikam"));
        assert_eq!(guid.len(), 36);
        assert_eq!(guid.as_bytes().get(14), Some(&b'8'));
        assert!(super::guid(&DeValue::String(guid.into())).is_ok());
    }

    #[test]
    fn quotas_grow_with_licences_as_microsoft_says() {
        assert_eq!(external_recipients(0), 9_500);
        assert_eq!(external_recipients(1), 10_000);
        assert_eq!(external_recipients(1_000), 72_446);
    }

    #[test]
    fn recipients_are_compared_in_lower_case() {
        assert_eq!(
            recipient("U.X@B\u{fc}cher.Example").as_deref(),
            Some("u.x@xn--bcher-kva.example")
        );
        for none in ["", "u", "@contoso.com", "u@", "a b@contoso.com"] {
            assert_eq!(recipient(none), None, "{none}");
        }
    }
}
