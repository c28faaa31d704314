//! Which of the files is the relay's configuration.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tenantry_relay::config::Config;
use tenantry_relay::config::written::Written;

use super::super::files::{FileId, Found, NOT_REGULAR, id_of, unreadable, whole};
use super::super::{NOT_LOOKED_AT, Relay, Unreadable};
use super::{Reader, count};

impl Reader<'_> {
    /// The relay's configuration: the one that was named, or the first main file. Files that it
    /// includes are a part of it.
    pub(super) fn relay(&mut self) {
        let mut candidates = shadows_last(std::mem::take(&mut self.relays));
        let mut parts = std::mem::take(&mut self.relay_parts);
        let main = match &self.options.config {
            Some(path) => Some(path.clone()),
            None if !candidates.is_empty() => Some(candidates.remove(0).path),
            // A main file whose hostname is missing, which its reader says.
            None if parts.len() == 1 => parts.pop().map(|part| part.path),
            None => None,
        };
        let Some(path) = main else {
            for part in parts {
                let what = "is a part of a relay's configuration, and nothing here includes it";
                let remedy = "name the main file, with --config or among the paths";
                self.not_looked_at(&part, what, remedy, !part.named);
            }
            return;
        };
        if let Err(problem) = regular(&path) {
            self.inventory.unreadable.push(problem);
            return;
        }
        let written = Written::read(&path);
        let config = Config::load_at(&path, SystemTime::from(self.options.now));
        let parts_of_it: HashSet<_> = files_of(&written).filter_map(|file| id_of(&file)).collect();
        let main = id_of(&path);
        let shadow = shadow_of(&written);
        self.purposes.relay(&written);
        let what = format!(
            "the relay's configuration: {}, {}",
            count(written.listeners.len(), "listener"),
            count(written.tenants.len(), "tenant")
        );
        self.source(&path, &what);
        for other in candidates.into_iter().chain(parts) {
            if Some(other.id) == main {
                continue;
            }
            if parts_of_it.contains(&other.id) {
                self.source(&other.path, "a part of the relay's configuration");
                continue;
            }
            if Some(other.id) == shadow {
                self.source(&other.path, "the relay's shadow, which is not looked at");
                continue;
            }
            // Whoever chose one with --config knows of those that are beside it.
            let ignored = self.options.config.is_some() && !other.named;
            let what = format!(
                "is another configuration of a relay, and {} is the one that is looked at",
                path.display()
            );
            let remedy = "look at it alone, or name the one that is meant with --config";
            self.not_looked_at(&other, &what, remedy, ignored);
        }
        self.inventory.relay = Some(Relay {
            path,
            written,
            config,
        });
    }

    fn not_looked_at(&mut self, found: &Found, what: &str, remedy: &str, ignored: bool) {
        self.source(&found.path, NOT_LOOKED_AT);
        self.inventory.unreadable.push(Unreadable {
            place: whole(&found.path),
            what: what.to_owned(),
            remedy: remedy.to_owned(),
            ignored,
        });
    }
}

/// Main files in their order, those that are another one's shadow behind.
fn shadows_last(candidates: Vec<Found>) -> Vec<Found> {
    if candidates.len() < 2 {
        return candidates;
    }
    let shadows: HashSet<FileId> = candidates
        .iter()
        .filter_map(|main| Some((main.id, shadow_of(&Written::read(&main.path))?)))
        .filter_map(|(main, shadow)| (main != shadow).then_some(shadow))
        .collect();
    let (behind, mut ordered): (Vec<Found>, Vec<Found>) = candidates
        .into_iter()
        .partition(|found| shadows.contains(&found.id));
    ordered.extend(behind);
    ordered
}

/// The file of the configuration that only decides beside this one.
fn shadow_of(written: &Written) -> Option<FileId> {
    id_of(&written.shadow.as_ref()?.value)
}

/// Reading anything else might wait for whoever writes into it.
fn regular(path: &Path) -> Result<(), Unreadable> {
    match fs::metadata(path) {
        Ok(facts) if facts.is_file() => Ok(()),
        Ok(_) => Err(Unreadable {
            place: whole(path),
            what: String::from(NOT_REGULAR),
            remedy: String::from("name the relay's main file"),
            ignored: false,
        }),
        Err(error) => Err(unreadable(path, &error)),
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
