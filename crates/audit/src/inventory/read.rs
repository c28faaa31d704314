//! From paths to an [`Inventory`].

mod gather;
mod relay;
mod world;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tenantry_lab::export::Node;
use tenantry_lab::world::Place;

use super::certificate::Pem;
use super::content::{self, Content, Reading};
use super::exports::Item;
use super::files::{Found, Walk, id_of, whole};
use super::purposes::Purposes;
use super::{
    A_PRIVATE_KEY, CertificateFile, Inventory, Order, Purpose, Source, Unreadable, keys, order,
    parallel,
};

/// What is to be read beside the paths, and how.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// The relay's configuration; absent: the first that is found.
    pub config: Option<PathBuf>,
    /// Exports of tenants by the tenants' names: files or folders.
    pub tenants: Vec<(String, PathBuf)>,
    /// Files or folders with certificates; whatever else is in the folders is not looked at.
    pub certificates: Vec<PathBuf>,
    /// Files with the authorities that Exchange Online trusts; none: those of the world, or the
    /// system's.
    pub trust: Vec<PathBuf>,
    /// The time that certificates are judged at.
    pub now: Timestamp,
}

impl ReadOptions {
    /// Nothing beside the paths, at that time.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            config: None,
            tenants: Vec::new(),
            certificates: Vec::new(),
            trust: Vec::new(),
            now,
        }
    }
}

impl Inventory {
    /// Reads everything at and below these paths, each file as what its content says it is.
    ///
    /// Files whose names begin with a dot are passed over. What cannot be read, or is of no known
    /// kind, is in [`Inventory::unreadable`]; nothing stops the reading.
    #[must_use]
    pub fn read(paths: &[PathBuf], options: &ReadOptions) -> Self {
        let mut reader = Reader::new(options);
        reader.walk(paths);
        reader.relay();
        reader.tenants();
        reader.trust();
        reader.certificates();
        reader.finish()
    }
}

/// What is known so far.
struct Reader<'o> {
    options: &'o ReadOptions,
    inventory: Inventory,
    walk: Walk,
    /// Files with certificates, in the order of reading.
    certificates: Vec<(Found, Pem)>,
    relays: Vec<Found>,
    relay_parts: Vec<Found>,
    worlds: Vec<(PathBuf, Node)>,
    described: Vec<Described>,
    exports: Vec<Export>,
    purposes: Purposes,
    /// Files that a world trusts, with the places that name them.
    world_trust: Vec<(PathBuf, Place)>,
    /// The files in the order of reading.
    order: HashMap<PathBuf, usize>,
}

/// A `tenant.toml`.
struct Described {
    path: PathBuf,
    tree: Node,
    /// The tenant's name, if it was named.
    name: Option<String>,
}

/// A file with exports.
struct Export {
    found: Found,
    items: Vec<Item>,
    /// The tenant's name, if it was named.
    name: Option<String>,
}

impl<'o> Reader<'o> {
    fn new(options: &'o ReadOptions) -> Self {
        Self {
            options,
            inventory: Inventory {
                now: options.now,
                tenants: Vec::new(),
                send_connectors: Vec::new(),
                certificates: Vec::new(),
                trust: None,
                relay: None,
                sources: Vec::new(),
                unreadable: Vec::new(),
            },
            walk: Walk::default(),
            certificates: Vec::new(),
            relays: Vec::new(),
            relay_parts: Vec::new(),
            worlds: Vec::new(),
            described: Vec::new(),
            exports: Vec::new(),
            purposes: Purposes::default(),
            world_trust: Vec::new(),
            order: HashMap::new(),
        }
    }

    /// Reads all files; those with a tenant's name first, so that they keep it.
    fn walk(&mut self, paths: &[PathBuf]) {
        let tenants = &self.options.tenants;
        for (number, (name, path)) in tenants.iter().enumerate() {
            if self.walk.has(path) {
                let before = tenants.get(..number).unwrap_or_default();
                self.inventory.unreadable.extend(taken(name, path, before));
            }
            for (found, reading) in self.files(std::slice::from_ref(path)) {
                self.sort(found, reading, Some(name));
            }
        }
        for (found, reading) in self.files(paths) {
            self.sort(found, reading, None);
        }
        for (found, reading) in self.files(&self.options.certificates) {
            if found.named || matches!(reading.content, Content::Certificates(_)) {
                self.sort(found, reading, None);
            }
        }
        let beyond = self.tenant_folders();
        for (found, reading) in self.files(&beyond) {
            self.sort(found, reading, None);
        }
    }

    /// Reads the files at and below these paths that were not read before.
    fn files(&mut self, paths: &[PathBuf]) -> Vec<(Found, Reading)> {
        for path in paths {
            self.walk.add(path);
        }
        for problem in std::mem::take(&mut self.walk.unreadable) {
            // What stands in a folder beside others is no fault, and is not read.
            if problem.ignored
                && let Some(path) = &problem.place.file
            {
                self.source(path, &format!("{}: not looked at", problem.what));
            }
            self.inventory.unreadable.push(problem);
        }
        let files = std::mem::take(&mut self.walk.files);
        for found in &files {
            let next = self.order.len();
            self.order.entry(found.path.clone()).or_insert(next);
        }
        let readings = parallel::map(&files, content::read);
        files.into_iter().zip(readings).collect()
    }

    fn sort(&mut self, found: Found, reading: Reading, tenant: Option<&String>) {
        self.inventory.unreadable.extend(reading.unreadable);
        let name = tenant.cloned();
        match reading.content {
            Content::Certificates(pem) => self.certificates.push((found, pem)),
            Content::Key => self.source(&found.path, A_PRIVATE_KEY),
            Content::Export(items) => self.exports.push(Export { found, items, name }),
            Content::World(tree) => {
                self.source(&found.path, "a world of the lab");
                self.worlds.push((found.path, tree));
            }
            Content::Tenant(tree) => {
                let path = found.path;
                self.described.push(Described { path, tree, name });
            }
            Content::Relay => self.relays.push(found),
            Content::RelayPart => self.relay_parts.push(found),
            Content::Allowances => {
                self.source(
                    &found.path,
                    "allowances of lint, which count with --allow alone",
                );
            }
            Content::Nothing(what) => self.source(&found.path, &what),
        }
    }

    fn source(&mut self, path: &Path, what: &str) {
        self.inventory.sources.push(Source {
            path: path.to_owned(),
            what: what.to_owned(),
        });
    }

    /// Certificate files with their keys and purposes; those that are only named, too.
    fn certificates(&mut self) {
        let named: Vec<PathBuf> = self.purposes.files().map(Path::to_owned).collect();
        for (found, reading) in self.files(&named) {
            if let Content::Certificates(pem) = reading.content {
                self.certificates.push((found, pem));
            }
            // What is wrong with it otherwise is said where it is named.
        }
        let mut files = std::mem::take(&mut self.certificates);
        let orders: Vec<Order> = files
            .iter_mut()
            .map(|(found, pem)| {
                let named = self.purposes.of(found.id).map(|own| &own.purpose);
                order::put(&mut pem.chain, named)
            })
            .collect();
        let keys = parallel::map(&files, |(found, pem)| {
            let named = self.purposes.of(found.id);
            keys::beside(&found.path, pem, named.and_then(|own| own.key.as_deref()))
        });
        for (((found, pem), key), order) in files.into_iter().zip(keys).zip(orders) {
            let named = self.purposes.of(found.id).map(|own| own.purpose.clone());
            let authority = pem.chain.first().is_some_and(|leaf| leaf.authority);
            let purpose = named.unwrap_or(if authority {
                Purpose::Authority
            } else {
                Purpose::Client
            });
            self.source(&found.path, &count(pem.chain.len(), "certificate"));
            self.inventory.certificates.push(CertificateFile {
                path: found.path,
                chain: pem.chain,
                order,
                key,
                purpose,
            });
        }
    }

    /// What was read, in the order of reading, whatever was understood first.
    fn finish(self) -> Inventory {
        let mut inventory = self.inventory;
        let order = |path: &Path| self.order.get(path).copied().unwrap_or(usize::MAX);
        inventory.sources.sort_by_key(|source| order(&source.path));
        inventory.certificates.sort_by_key(|file| order(&file.path));
        inventory
    }
}

/// What is given to a tenant and was read as another one's; the same tenant may have it twice.
fn taken(name: &str, path: &Path, before: &[(String, PathBuf)]) -> Option<Unreadable> {
    let id = id_of(path);
    let real = path.canonicalize().ok();
    let has = |other: &Path| {
        id_of(other) == id
            || real.as_ref().is_some_and(|real| {
                let other = other.canonicalize();
                other.is_ok_and(|other| real.starts_with(other))
            })
    };
    let of: Vec<&str> = before
        .iter()
        .filter(|(_, other)| has(other))
        .map(|(owner, _)| owner.as_str())
        .collect();
    if of.contains(&name) {
        return None;
    }
    let owner = of.first().copied().unwrap_or("another tenant");
    Some(Unreadable {
        place: whole(path),
        what: format!(
            "is given to {name}, and is {owner}'s already: it is read once, as {owner}'s"
        ),
        remedy: format!("name the exports of {name} with --tenant, and a path to one tenant alone"),
        ignored: false,
    })
}

/// `1 tenant`, `2 tenants`.
fn count(many: usize, what: &str) -> String {
    if many == 1 {
        format!("1 {what}")
    } else {
        format!("{many} {what}s")
    }
}
