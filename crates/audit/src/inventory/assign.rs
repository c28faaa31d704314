//! Whose an export is: told by a `tenant.toml`, by an initial domain, or by a name; never guessed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tenantry_lab::world::Place;

use super::Unreadable;
use super::content::is_export;
use super::exports::{self, Item};
use super::files::whole;

/// The objects of one file.
#[derive(Debug)]
pub(super) struct ExportFile {
    pub(super) path: PathBuf,
    pub(super) items: Vec<Item>,
    /// It was named itself: what stands beside it was not.
    pub(super) alone: bool,
}

/// Objects that belong to one tenant, with the file that they stand in.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) tenant: String,
    pub(super) path: PathBuf,
    pub(super) items: Vec<Item>,
}

/// What became of the exports of one folder.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    pub(super) shares: Vec<Share>,
    pub(super) unreadable: Vec<Unreadable>,
    /// Files whose objects are no tenant's: those of an Exchange Server.
    pub(super) on_premises: Vec<ExportFile>,
}

/// Tells the tenants of a folder's exports apart; the folder has no `tenant.toml`.
pub(super) fn assign(folder: &Path, files: Vec<ExportFile>) -> Assigned {
    let mut assigned = Assigned::default();
    if told_by_names(&files) {
        let names: BTreeSet<String> = files.iter().map(|file| name_of(&file.path)).collect();
        let mut rest = files;
        for name in names {
            let (ours, others) = rest
                .into_iter()
                .partition(|file| name_of(&file.path) == name);
            assign_to_owners(&name, ours, &mut assigned);
            rest = others;
        }
        return assigned;
    }
    let otherwise = beside(folder, &files).unwrap_or_else(|| folder_name(folder));
    assign_to_owners(&otherwise, files, &mut assigned);
    assigned
}

/// The tenant of the other exports in the folder, if all that was named are files of it without a
/// word of their tenant; those others are not read otherwise.
fn beside(folder: &Path, files: &[ExportFile]) -> Option<String> {
    if !files
        .iter()
        .all(|file| file.alone && owners_of(&file.items).is_empty())
    {
        return None;
    }
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let paths = entries.map(|entry| entry.path()).take(MOST_BESIDE);
    let exports = paths.filter(|path| is_export(path) && path.is_file());
    let mut owners = exports.flat_map(|path| owners_of(&exports::read(&path).0));
    let owner = owners.next()?;
    owners.all(|other| other == owner).then_some(owner)
}

/// By what the objects say; `otherwise` names the tenant if none of them says anything.
fn assign_to_owners(otherwise: &str, files: Vec<ExportFile>, assigned: &mut Assigned) {
    let owners: BTreeSet<String> = files
        .iter()
        .flat_map(|file| owners_of(&file.items))
        .collect();
    if owners.is_empty() && is_exchange_server(&files) {
        assigned.on_premises.extend(files);
        return;
    }
    if owners.len() <= 1 {
        let tenant = owners.first().map_or(otherwise, String::as_str);
        let shares = files.into_iter().map(|file| Share {
            tenant: String::from(tenant),
            path: file.path,
            items: file.items,
        });
        assigned.shares.extend(shares);
        return;
    }
    for file in files {
        let mut own = owners_of(&file.items);
        if own.is_empty() {
            // contoso-connectors.json beside contoso's and fabrikam's domains.
            let name = name_of(&file.path);
            own.extend(owners.get(&name).cloned());
        }
        match (own.pop_first(), own.is_empty()) {
            (Some(tenant), true) => assigned.shares.push(Share {
                tenant,
                path: file.path,
                items: file.items,
            }),
            (Some(_), false) => split(file, assigned),
            (None, _) => {
                let what = format!(
                    "belongs to one of {}: nothing in it says to which",
                    list(&owners)
                );
                assigned.unreadable.push(unclear(whole(&file.path), what));
            }
        }
    }
}

/// A file of several tenants: each object goes to the one that it names.
fn split(file: ExportFile, assigned: &mut Assigned) {
    let owners: BTreeSet<String> = file.items.iter().filter_map(Item::owner).collect();
    let mut unclear_items = Vec::new();
    let mut shares: Vec<Share> = Vec::new();
    for item in file.items {
        let Some(tenant) = item.owner() else {
            unclear_items.push(item);
            continue;
        };
        match shares.iter_mut().find(|share| share.tenant == tenant) {
            Some(share) => share.items.push(item),
            None => shares.push(Share {
                tenant,
                path: file.path.clone(),
                items: vec![item],
            }),
        }
    }
    assigned.shares.extend(shares);
    if let Some(first) = unclear_items.first() {
        let what = format!(
            "{} {} here {} to one of {}: nothing says to which",
            unclear_items.len(),
            if unclear_items.len() == 1 {
                "object"
            } else {
                "objects"
            },
            if unclear_items.len() == 1 {
                "belongs"
            } else {
                "belong"
            },
            list(&owners)
        );
        assigned
            .unreadable
            .push(unclear(first.place().clone(), what));
    }
}

fn unclear(place: Place, what: String) -> Unreadable {
    Unreadable {
        place,
        what,
        remedy: String::from(
            "put the exports of each tenant into a folder of its own, or name them with \
             --tenant NAME=PATH",
        ),
        ignored: false,
    }
}

fn list(owners: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = owners.iter().take(SHOWN).map(String::as_str).collect();
    let more = owners.len().saturating_sub(SHOWN);
    if more > 0 {
        format!("{} and {more} more tenants", shown.join(", "))
    } else {
        shown.join(", ")
    }
}

/// The tenants that a file's objects name. Without a word of who belongs to whom, an only domain
/// under `onmicrosoft.com` names it.
fn owners_of(items: &[Item]) -> BTreeSet<String> {
    let owners: BTreeSet<String> = items.iter().filter_map(Item::owner).collect();
    if !owners.is_empty() {
        return owners;
    }
    let fallback: BTreeSet<String> = items.iter().filter_map(Item::fallback_owner).collect();
    if fallback.len() == 1 {
        fallback
    } else {
        BTreeSet::new()
    }
}

/// Send connectors are what only an Exchange Server has; what stands beside them without a word of
/// a tenant is that server's, too.
fn is_exchange_server(files: &[ExportFile]) -> bool {
    let items = || files.iter().flat_map(|file| &file.items);
    let cloud = |item: &Item| matches!(item, Item::Inbound(_) | Item::Outbound(_));
    items().any(|item| matches!(item, Item::Send(_))) && !items().any(cloud)
}

/// Whether the files are called by tenants: each name says what the file holds and something else,
/// and under every name there is an object of the same kind, as there would be of every tenant.
fn told_by_names(files: &[ExportFile]) -> bool {
    let mut kinds: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for file in files {
        let (name, says_kind) = words_of(&file.path);
        if name.is_empty() || !says_kind {
            return false;
        }
        let own = file.items.iter().map(Item::kind);
        kinds.entry(name).or_default().extend(own);
    }
    let mut of_each = kinds.values();
    let Some(first) = of_each.next() else {
        return false;
    };
    let common = of_each.fold(first.clone(), |common, own| &common & own);
    kinds.len() > 1 && !common.is_empty()
}

/// What a file's name says beside the words for what it holds.
fn name_of(path: &Path) -> String {
    words_of(path).0
}

/// `contoso` of `contoso-InboundConnectors-2026-11.json`, and whether there are words for what it
/// holds.
fn words_of(path: &Path) -> (String, bool) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut words: Vec<String> = vec![String::new()];
    let mut lower = false;
    for c in stem.chars() {
        let separates = !c.is_alphanumeric();
        if separates || (c.is_uppercase() && lower) {
            words.push(String::new());
        }
        if !separates && let Some(word) = words.last_mut() {
            word.extend(c.to_lowercase());
        }
        lower = c.is_lowercase();
    }
    let is_kind = |word: &String| KINDS.contains(&word.as_str());
    let says_kind = words.iter().any(is_kind);
    words.retain(|word| {
        let number = word.chars().all(|c| c.is_ascii_digit());
        !number && !is_kind(word) && !WORDS.contains(&word.as_str())
    });
    (words.join("-"), says_kind)
}

/// A folder's name, also of the one that the program stands in.
pub(super) fn folder_name(folder: &Path) -> String {
    let named = folder.file_name().map(ToOwned::to_owned).or_else(|| {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        let real = folder.canonicalize().ok()?;
        real.file_name().map(ToOwned::to_owned)
    });
    named.map_or_else(
        || String::from("tenant"),
        |name| name.to_string_lossy().into_owned(),
    )
}

const SHOWN: usize = 5;
const MOST_BESIDE: usize = 100;

/// Words for what a file holds.
const KINDS: &[&str] = &[
    "accepted",
    "accepteddomain",
    "accepteddomains",
    "config",
    "connector",
    "connectors",
    "domain",
    "domains",
    "inbound",
    "inboundconnector",
    "inboundconnectors",
    "organisation",
    "organization",
    "organizationconfig",
    "outbound",
    "outboundconnector",
    "outboundconnectors",
    "send",
    "sendconnector",
    "sendconnectors",
];

/// Words that say nothing of a tenant.
const WORDS: &[&str] = &[
    "after",
    "all",
    "backup",
    "before",
    "cloud",
    "configuration",
    "copy",
    "current",
    "exchange",
    "exo",
    "export",
    "exported",
    "exports",
    "get",
    "live",
    "new",
    "old",
    "online",
    "org",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_is_read_without_the_words_for_what_it_holds() {
        for (path, expected, says_kind) in [
            ("contoso-InboundConnectors-2026-11.json", "contoso", true),
            ("ContosoAcceptedDomain.json", "contoso", true),
            ("Get-InboundConnector_fabrikam.xml", "fabrikam", true),
            ("InboundConnector.json", "", true),
            ("2026-11-23.json", "", false),
            ("gateway.json", "gateway", false),
            (
                "exports/tail-spin.OutboundConnector.json",
                "tail-spin",
                true,
            ),
        ] {
            let expected = (String::from(expected), says_kind);
            assert_eq!(words_of(Path::new(path)), expected, "{path}");
        }
    }
}
