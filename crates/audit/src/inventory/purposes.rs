//! What certificate files are for: told by the relay's configuration and by worlds that name them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tenantry_lab::export::{Node, Value};
use tenantry_relay::config::Setting;
use tenantry_relay::config::written::Written;

use super::Purpose;
use super::files::{FileId, id_of};

/// Files that are named somewhere.
#[derive(Debug, Default)]
pub(super) struct Purposes {
    by_file: HashMap<FileId, Named>,
    /// In the order of naming.
    files: Vec<(PathBuf, FileId)>,
}

/// What is said of a file.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) purpose: Purpose,
    /// The key that is named beside it.
    pub(super) key: Option<PathBuf>,
}

impl Purposes {
    /// What the relay's configuration names; a file with several purposes has the first of them.
    pub(super) fn relay(&mut self, written: &Written) {
        for (index, tenant) in written.tenants.iter().enumerate() {
            let purpose = Purpose::Identity(index);
            self.identity(&tenant.certificate, &tenant.key, purpose);
        }
        for (index, listener) in written.listeners.iter().enumerate() {
            let purpose = Purpose::Listener(index);
            self.identity(&listener.certificate, &listener.key, purpose);
        }
        let listeners = written.listeners.iter().flat_map(|own| &own.trust);
        let tenants = written.tenants.iter().flat_map(|own| &own.upstream_trust);
        for trusted in listeners.chain(tenants) {
            self.add(&trusted.value, Purpose::Authority, None);
        }
    }

    fn identity(
        &mut self,
        certificate: &Option<Setting<PathBuf>>,
        key: &Option<Setting<PathBuf>>,
        purpose: Purpose,
    ) {
        if let Some(certificate) = certificate {
            let key = key.as_ref().map(|key| key.value.clone());
            self.add(&certificate.value, purpose, key);
        }
    }

    /// What `[server]` of a world names.
    pub(super) fn world(&mut self, server: &Node, folder: &Path) {
        let path = |key: &str| text(server.property(key)?).map(|path| folder.join(path));
        for (certificate, key) in [
            ("certificate", "key"),
            ("expired_certificate", "expired_key"),
        ] {
            if let Some(certificate) = path(certificate) {
                self.add(&certificate, Purpose::Lab, path(key));
            }
        }
    }

    /// A file with authorities that somebody trusts.
    pub(super) fn trusted(&mut self, path: &Path) {
        self.add(path, Purpose::Authority, None);
    }

    fn add(&mut self, path: &Path, purpose: Purpose, key: Option<PathBuf>) {
        let Some(id) = id_of(path) else {
            // Whoever names it says that it is missing.
            return;
        };
        self.by_file.entry(id).or_insert_with(|| {
            self.files.push((path.to_owned(), id));
            Named { purpose, key }
        });
    }

    /// What is said of a file.
    pub(super) fn of(&self, id: FileId) -> Option<&Named> {
        self.by_file.get(&id)
    }

    /// All files that are named.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(path, _)| path.as_path())
    }
}

pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) => Some(text),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Expression(_)
        | Value::List(_)
        | Value::Object(_) => None,
    }
}
