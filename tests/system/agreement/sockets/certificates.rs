//! Real certificates: what the relay presents for its tenants, and what clients present to the relay.

use tempfile::TempDir;
use tenantry_lab::pki::{Authority, CertificateSpec, Issued, Name, Validity, self_signed};

use super::super::scene::Message;
use crate::client::Tls;
use crate::world::Pki;

/// Who signs what.
pub(super) struct Certificates {
    pki: Pki,
    /// Below `pki.servers`.
    intermediate: Authority,
    /// Trusted by nobody.
    nobody: Authority,
}

impl Certificates {
    pub(super) fn new(folder: &TempDir) -> Self {
        let pki = Pki::new(folder.path());
        let intermediate = pki.servers.intermediate("Intermediate Authority").unwrap();
        let nobody = Authority::new("Authority of Nobody").unwrap();
        Certificates {
            pki,
            intermediate,
            nobody,
        }
    }

    /// What the relay presents for a tenant.
    pub(super) fn identity(&self, names: &[String], problem: Option<&str>) -> Issued {
        let spec = named(names).with_common_name(&*names[0]);
        match problem {
            None => self.intermediate.issue(&spec).unwrap(),
            Some("incomplete-chain") => self
                .intermediate
                .issue(&spec)
                .unwrap()
                .without_intermediates(),
            Some(_) => self.nobody.issue(&spec).unwrap(),
        }
    }

    /// What a client presents, good or as bad as the message says.
    pub(super) fn client(&self, message: &Message) -> Tls {
        let Some(names) = &message.certificate else {
            return self.pki.anonymous();
        };
        let spec = named(names);
        let issued = match message.problem {
            None => self.pki.clients.issue(&spec),
            Some("expired") => self
                .pki
                .clients
                .issue(&spec.with_validity(Validity::Expired)),
            Some("self-signed") => self_signed(&spec),
            Some(_) => self.nobody.issue(&spec),
        };
        self.pki.with(&issued.unwrap())
    }
}

fn named(names: &[String]) -> CertificateSpec {
    let names = names
        .iter()
        .map(|name| Name::RawDns(name.as_bytes().to_vec()));
    names.fold(CertificateSpec::client(&[]), CertificateSpec::with_name)
}
