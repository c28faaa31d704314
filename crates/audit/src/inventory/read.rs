//! From paths to an [`Inventory`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use tenantry_lab::export::{Node, Value};
use tenantry_lab::file::folders_matching;
use tenantry_lab::world::Place;
use tenantry_net::Trust;
use tenantry_relay::config::Config;
use tenantry_relay::config::written::Written;

use super::assign::{self, ExportFile, folder_name};
use super::certificate::Pem;
use super::content::{self, Content, Reading};
use super::exports::Item;
use super::files::{Found, Walk, whole};
use super::purposes::{Purposes, text};
use super::tenants::{Tenants, folder_of};
use super::{
    CertificateFile, Inventory, Purpose, Relay, Source, Unreadable, keys, parallel,
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
        reader.inventory
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
    described: Vec<(PathBuf, Node)>,
    exports: Vec<(Found, Vec<Item>)>,
    /// Exports that were given a tenant's name: the name's number.
    named: HashMap<usize, String>,
    purposes: Purposes,
    /// Files that a world trusts, with the places that name them.
    world_trust: Vec<(PathBuf, Place)>,
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
            named: HashMap::new(),
            purposes: Purposes::default(),
            world_trust: Vec::new(),
        }
    }

    /// Reads all files; those with a tenant's name first, so that they keep it.
    fn walk(&mut self, paths: &[PathBuf]) {
        for (name, path) in &self.options.tenants {
            for (found, reading) in self.files(std::slice::from_ref(path)) {
                if matches!(reading.content, Content::Export(_)) {
                    self.named.insert(self.exports.len(), name.clone());
                }
                self.sort(found, reading);
            }
        }
        for (found, reading) in self.files(paths) {
            self.sort(found, reading);
        }
        for (found, reading) in self.files(&self.options.certificates) {
            if found.named || matches!(reading.content, Content::Certificates(_)) {
                self.sort(found, reading);
            }
        }
        let beyond = self.tenant_folders();
        for (found, reading) in self.files(&beyond) {
            self.sort(found, reading);
        }
    }

    /// Reads the files at and below these paths that were not read before.
    fn files(&mut self, paths: &[PathBuf]) -> Vec<(Found, Reading)> {
        for path in paths {
            self.walk.add(path);
        }
        self.inventory.unreadable.append(&mut self.walk.unreadable);
        let files = std::mem::take(&mut self.walk.files);
        let readings = parallel::map(&files, content::read);
        files.into_iter().zip(readings).collect()
    }

    fn sort(&mut self, found: Found, reading: Reading) {
        self.inventory.unreadable.extend(reading.unreadable);
        match reading.content {
            Content::Certificates(pem) => self.certificates.push((found, pem)),
            Content::Key => self.source(&found.path, "a private key"),
            Content::Export(items) => self.exports.push((found, items)),
            Content::World(tree) => {
                self.source(&found.path, "a world of the lab");
                self.worlds.push((found.path, tree));
            }
            Content::Tenant(tree) => self.described.push((found.path, tree)),
            Content::Relay => self.relays.push(found),
            Content::RelayPart => self.relay_parts.push(found),
            Content::Allowances => self.source(&found.path, "allowances of lint"),
            Content::Nothing(what) => self.source(&found.path, &what),
        }
    }

    fn source(&mut self, path: &Path, what: &str) {
        self.inventory.sources.push(Source {
            path: path.to_owned(),
            what: what.to_owned(),
        });
    }

    /// The folders that worlds name, wherever they are.
    fn tenant_folders(&self) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        for (path, tree) in &self.worlds {
            let Some(Value::List(patterns)) = tree.property("tenant_folders").map(|n| &n.value)
            else {
                continue;
            };
            for pattern in patterns.iter().filter_map(text) {
                folders.extend(folders_matching(&folder_of(path), pattern));
            }
        }
        folders
    }

    /// The relay's configuration: the one that was named, or the first main file. Files that it
    /// includes are a part of it.
    fn relay(&mut self) {
        let mut main = self.options.config.clone();
        let mut candidates = std::mem::take(&mut self.relays);
        let mut parts = std::mem::take(&mut self.relay_parts);
        if main.is_none() && !candidates.is_empty() {
            main = Some(candidates.remove(0).path);
        }
        if main.is_none() && parts.len() == 1 {
            // A main file whose hostname is missing, which its reader says.
            main = parts.pop().map(|part| part.path);
        }
        let Some(path) = main else {
            for part in parts {
                let what = "is a part of a relay's configuration, and nothing here includes it";
                let remedy = "name the main file, or --config";
                self.passed_over(&part, what, remedy, !part.named);
            }
            return;
        };
        match std::fs::metadata(&path) {
            Ok(facts) if !facts.is_file() => {
                self.inventory.unreadable.push(Unreadable {
                    place: whole(&path),
                    what: String::from("is no regular file"),
                    remedy: String::from("name the relay's main file"),
                    ignored: false,
                });
                return;
            }
            Ok(_) => {}
            Err(error) => {
                let problem = super::files::unreadable(&path, &error);
                self.inventory.unreadable.push(problem);
                return;
            }
        }
        let written = Written::read(&path);
        let config = Config::load_at(&path, SystemTime::from(self.options.now));
        let mut own: HashSet<_> = super::files::id_of(&path).into_iter().collect();
        own.extend(files_of(&written).filter_map(|file| super::files::id_of(&file)));
        self.purposes.relay(&written);
        let what = format!(
            "the relay's configuration: {}, {}",
            count(written.listeners.len(), "listener"),
            count(written.tenants.len(), "tenant")
        );
        self.source(&path, &what);
        for other in candidates.into_iter().chain(parts) {
            if own.contains(&other.id) {
                self.source(&other.path, "a part of the relay's configuration");
                continue;
            }
            let what = format!(
                "is another relay's configuration, and {} is the one that is looked at",
                path.display()
            );
            self.passed_over(&other, &what, "name it with --config", true);
        }
        self.inventory.relay = Some(Relay {
            path,
            written,
            config,
        });
    }

    fn passed_over(&mut self, found: &Found, what: &str, remedy: &str, ignored: bool) {
        self.source(&found.path, "not looked at");
        self.inventory.unreadable.push(Unreadable {
            place: whole(&found.path),
            what: what.to_owned(),
            remedy: remedy.to_owned(),
            ignored,
        });
    }

    /// Tenants of worlds, then of folders with a `tenant.toml`, then those of exports alone.
    fn tenants(&mut self) {
        let mut tenants = Tenants::default();
        for (path, tree) in &std::mem::take(&mut self.worlds) {
            if let Some(Value::List(tables)) = tree.property("tenant").map(|node| &node.value) {
                for table in tables {
                    tenants.described(table, None);
                }
            }
            self.world(path, tree);
        }
        let mut folders: HashMap<PathBuf, usize> = HashMap::new();
        for (path, tree) in std::mem::take(&mut self.described) {
            let folder = folder_of(&path);
            if let Some(at) = tenants.described(&tree, Some(&folder_name(&folder))) {
                let what = format!("tenant {}", tenants.name(at));
                self.source(&path, &what);
                folders.insert(folder, at);
            }
        }
        let named = std::mem::take(&mut self.named);
        let mut untold: BTreeMap<PathBuf, Vec<ExportFile>> = BTreeMap::new();
        for (index, (found, items)) in std::mem::take(&mut self.exports).into_iter().enumerate() {
            if let Some(name) = named.get(&index) {
                let at = tenants.named(name, &whole(&found.path));
                self.add(&mut tenants, at, &found.path, items);
            } else if let Some(at) = nearest(&found.path, &folders) {
                self.add(&mut tenants, at, &found.path, items);
            } else {
                let folder = folder_of(&found.path);
                untold.entry(folder).or_default().push(ExportFile {
                    path: found.path,
                    items,
                });
            }
        }
        for (folder, files) in untold {
            self.assign(&mut tenants, &folder, files);
        }
        let (tenants, problems) = tenants.finish();
        self.inventory.tenants = tenants;
        self.inventory.unreadable.extend(problems);
    }

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

    /// What a world says beside its tenants.
    fn world(&mut self, path: &Path, tree: &Node) {
        let Some(server) = tree.property("server") else {
            return;
        };
        let folder = folder_of(path);
        self.purposes.world(server, &folder);
        if let Some(Value::List(files)) = server.property("trust").map(|node| &node.value) {
            for node in files {
                if let Some(file) = text(node) {
                    self.world_trust
                        .push((folder.join(file), node.place.clone()));
                }
            }
        }
    }

    /// Whom Exchange Online trusts.
    fn trust(&mut self) {
        let mut builder = Trust::builder();
        let named: Vec<_> = if self.options.trust.is_empty() {
            std::mem::take(&mut self.world_trust)
        } else {
            let files = self.options.trust.iter();
            files.map(|file| (file.clone(), whole(file))).collect()
        };
        for (file, place) in &named {
            self.purposes.trusted(file);
            // A pipe would be waited for.
            let added = match std::fs::metadata(file) {
                Ok(facts) if !facts.is_file() => Err(String::from("is no regular file")),
                Ok(_) | Err(_) => match builder.add_pem_file(file) {
                    Ok(_) => Ok(()),
                    Err(error) => Err(error.to_string()),
                },
            };
            if let Err(what) = added {
                self.inventory.unreadable.push(Unreadable {
                    place: place.clone(),
                    what: format!("authorities of {}: {what}", file.display()),
                    remedy: String::from("name a PEM file with the authorities' certificates"),
                    ignored: false,
                });
            }
        }
        if named.is_empty() && builder.add_system().is_err() {
            // Without any authority no chain can be judged; rules about chains say so.
            return;
        }
        self.inventory.trust = builder.build().ok();
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
        let files = std::mem::take(&mut self.certificates);
        let keys = parallel::map(&files, |(found, pem)| {
            let named = self.purposes.of(found.id);
            keys::beside(&found.path, pem, named.and_then(|own| own.key.as_deref()))
        });
        for ((found, pem), key) in files.into_iter().zip(keys) {
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
                key,
                purpose,
            });
        }
    }
}

/// The files that a configuration consists of.
fn files_of(written: &Written) -> impl Iterator<Item = PathBuf> {
    let listeners = written.listeners.iter().map(|own| &own.at);
    let peers = written.peers.iter().map(|own| &own.at);
    let tenants = written.tenants.iter().map(|own| &own.at);
    let allowances = written.allowances.iter().map(|own| &own.at);
    let places = listeners.chain(peers).chain(tenants).chain(allowances);
    let files: HashSet<Arc<Path>> = places.map(|place| Arc::clone(&place.file)).collect();
    files.into_iter().map(|file| file.to_path_buf())
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

fn count(many: usize, what: &str) -> String {
    if many == 1 {
        format!("1 {what}")
    } else {
        format!("{many} {what}s")
    }
}
