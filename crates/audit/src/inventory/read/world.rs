//! What worlds say beside their tenants, and whom Exchange Online trusts.

use std::fs;
use std::path::{Path, PathBuf};

use tenantry_lab::export::{Node, Value};
use tenantry_lab::file::folders_matching;
use tenantry_net::{Trust, TrustBuilder, TrustError};
use tenantry_settings::reason;

use super::super::Unreadable;
use super::super::files::whole;
use super::super::purposes::text;
use super::super::tenants::folder_of;
use super::Reader;

impl Reader<'_> {
    /// The folders that worlds name, wherever they are.
    pub(super) fn tenant_folders(&mut self) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        let mut problems = Vec::new();
        for (path, tree) in &self.worlds {
            let Some(listed) = tree.property("tenant_folders") else {
                continue;
            };
            let Value::List(patterns) = &listed.value else {
                problems.push(wrong(listed, "is not a list", "put it in brackets: [...]"));
                continue;
            };
            for pattern in patterns {
                let found = text(pattern)
                    .map(|text| folders_matching(&folder_of(path), text))
                    .unwrap_or_default();
                if found.is_empty() {
                    let remedy = "write folders relative to this file; * stands for a part of one \
                                  name";
                    problems.push(wrong(pattern, "is no folder that is there", remedy));
                }
                folders.extend(found);
            }
        }
        self.inventory.unreadable.extend(problems);
        folders
    }

    /// What a world says beside its tenants.
    pub(super) fn world(&mut self, path: &Path, tree: &Node) {
        let Some(server) = tree.property("server") else {
            return;
        };
        let folder = folder_of(path);
        self.purposes.world(server, &folder);
        let Some(listed) = server.property("trust") else {
            return;
        };
        let Value::List(files) = &listed.value else {
            let problem = wrong(listed, "is not a list", "put it in brackets: [...]");
            self.inventory.unreadable.push(problem);
            return;
        };
        for node in files {
            match text(node) {
                Some(file) => self
                    .world_trust
                    .push((folder.join(file), node.place.clone())),
                None => self.inventory.unreadable.push(wrong(
                    node,
                    "is no path",
                    "name a PEM file in quotes",
                )),
            }
        }
    }

    /// Whom Exchange Online trusts.
    pub(super) fn trust(&mut self) {
        let mut builder = Trust::builder();
        let named: Vec<_> = if self.options.trust.is_empty() {
            std::mem::take(&mut self.world_trust)
        } else {
            let files = self.options.trust.iter();
            files.map(|file| (file.clone(), whole(file))).collect()
        };
        for (file, place) in &named {
            self.purposes.trusted(file);
            if let Err(what) = add(&mut builder, file) {
                self.inventory.unreadable.push(Unreadable {
                    place: place.clone(),
                    what,
                    remedy: String::from("name a PEM file with the certificates of authorities"),
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
}

fn add(builder: &mut TrustBuilder, file: &Path) -> Result<(), String> {
    // A pipe would be waited for.
    if fs::metadata(file).is_ok_and(|facts| !facts.is_file()) {
        return Err(format!("{} is no regular file", file.display()));
    }
    match builder.add_pem_file(file) {
        Ok(_) => Ok(()),
        Err(TrustError::Read { error, path }) => {
            let reason = reason(&error);
            Err(format!("{} cannot be read: {reason}", path.display()))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn wrong(node: &Node, what: &str, remedy: &str) -> Unreadable {
    Unreadable {
        place: node.place.clone(),
        what: String::from(what),
        remedy: String::from(remedy),
        ignored: false,
    }
}
