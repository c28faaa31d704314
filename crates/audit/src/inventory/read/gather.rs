//! Tenants of everything that describes them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use tenantry_lab::export::Value;
use tenantry_lab::world::Place;

use super::super::Unreadable;
use super::super::assign::{self, ExportFile, folder_name};
use super::super::content::Content;
use super::super::exports::Item;
use super::super::files::whole;
use super::super::tenants::{Tenants, folder_of};
use super::{Described, Export, Reader, count};

impl Reader<'_> {
    /// Tenants of worlds, then of folders with a `tenant.toml`, then those of exports alone.
    pub(super) fn tenants(&mut self) {
        let mut tenants = Tenants::default();
        for (path, tree) in &std::mem::take(&mut self.worlds) {
            if let Some(Value::List(tables)) = tree.property("tenant").map(|node| &node.value) {
                for table in tables {
                    tenants.described(table, (None, None));
                }
            }
            self.world(path, tree);
        }
        let mut folders: HashMap<PathBuf, usize> = HashMap::new();
        let beside = self.beside();
        for described in beside {
            self.described(&mut tenants, &mut folders, described);
        }
        let mut untold: BTreeMap<PathBuf, Vec<ExportFile>> = BTreeMap::new();
        for Export { found, items, name } in std::mem::take(&mut self.exports) {
            let known = match name {
                Some(name) => Some(tenants.named(&name, &whole(&found.path))),
                None => nearest(&found.path, &folders),
            };
            if let Some(at) = known {
                self.add(&mut tenants, at, &found.path, items);
                continue;
            }
            let file = ExportFile {
                path: found.path,
                items,
                alone: found.named,
            };
            untold.entry(folder_of(&file.path)).or_default().push(file);
        }
        for (folder, files) in untold {
            self.assign(&mut tenants, &folder, files);
        }
        let (tenants, problems) = tenants.finish();
        self.inventory.tenants = tenants;
        self.inventory.unreadable.extend(problems);
    }

    /// The descriptions that were found, and those beside exports that were named themselves.
    fn beside(&mut self) -> Vec<Described> {
        let mut described = std::mem::take(&mut self.described);
        let mut seen: HashSet<PathBuf> = described.iter().map(|own| own.path.clone()).collect();
        let named = self.exports.iter().filter(|export| export.found.named);
        let paths: Vec<PathBuf> = named
            .map(|export| export.found.path.with_file_name(TENANT))
            .filter(|path| seen.insert(path.clone()) && path.is_file())
            .collect();
        for (found, reading) in self.files(&paths) {
            self.inventory.unreadable.extend(reading.unreadable);
            if let Content::Tenant(tree) = reading.content {
                described.push(Described {
                    path: found.path,
                    tree,
                    name: None,
                });
            }
        }
        described
    }

    fn described(
        &mut self,
        tenants: &mut Tenants,
        folders: &mut HashMap<PathBuf, usize>,
        described: Described,
    ) {
        let Described { path, tree, name } = described;
        let folder = folder_of(&path);
        let from_folder = folder_name(&folder);
        let names = (name.as_deref(), Some(from_folder.as_str()));
        if let Some(at) = tenants.described(&tree, names) {
            let what = format!("tenant {}", tenants.name(at));
            self.source(&path, &what);
            folders.insert(folder, at);
        }
    }

    /// Tells the tenants of a folder's exports apart.
    fn assign(&mut self, tenants: &mut Tenants, folder: &Path, files: Vec<ExportFile>) {
        let assigned = assign::assign(folder, files);
        for share in assigned.shares {
            let belongs = |item: &Item| !matches!(item, Item::Send(_) | Item::Other(_));
            if share.items.iter().any(belongs) {
                let at = tenants.named(&share.tenant, &whole(&share.path));
                self.add(tenants, at, &share.path, share.items);
            } else {
                self.no_tenants(&share.path, share.items, "");
            }
        }
        for file in assigned.on_premises {
            self.no_tenants(&file.path, file.items, " of an Exchange Server");
        }
        self.inventory.unreadable.extend(assigned.unreadable);
    }

    /// Adds a tenant's objects; a Send connector in its folder is no part of it.
    fn add(&mut self, tenants: &mut Tenants, at: usize, path: &Path, items: Vec<Item>) {
        let what = format!("{} of {}", counted(&items), tenants.name(at));
        self.source(path, &what);
        for item in items {
            match item {
                Item::Send(connector) => self.inventory.send_connectors.push(connector),
                Item::Other(place) => self.other(place),
                Item::Inbound(_) | Item::Outbound(_) | Item::Domain(_) | Item::Organization(_) => {
                    tenants.add(at, item);
                }
            }
        }
    }

    /// Objects that belong to no tenant of Exchange Online.
    fn no_tenants(&mut self, path: &Path, items: Vec<Item>, whose: &str) {
        let what = format!("{}{whose}", counted(&items));
        self.source(path, &what);
        for item in items {
            match item {
                Item::Send(connector) => self.inventory.send_connectors.push(connector),
                Item::Other(place) => self.other(place),
                Item::Inbound(_) | Item::Outbound(_) | Item::Domain(_) | Item::Organization(_) => {}
            }
        }
    }

    fn other(&mut self, place: Place) {
        self.inventory.unreadable.push(Unreadable {
            place,
            what: String::from("is nothing that lint knows: it is left out"),
            remedy: String::from("if it was meant, export it with all its properties"),
            ignored: true,
        });
    }
}

/// The tenant of the nearest folder above that has one.
fn nearest(path: &Path, folders: &HashMap<PathBuf, usize>) -> Option<usize> {
    let above = path.ancestors().skip(1);
    above
        .filter_map(|folder| folders.get(folder))
        .next()
        .copied()
}

/// `2 inbound connectors, 1 accepted domain`.
fn counted(items: &[Item]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for item in items {
        match kinds.iter_mut().find(|(kind, _)| *kind == item.kind()) {
            Some((_, count)) => *count += 1,
            None => kinds.push((item.kind(), 1)),
        }
    }
    if kinds.is_empty() {
        return String::from("no objects");
    }
    let counts: Vec<String> = kinds
        .iter()
        .map(|(kind, many)| count(*many, kind))
        .collect();
    counts.join(", ")
}

const TENANT: &str = "tenant.toml";
