//! A world for the lab: three tenants in two regions, each with a connector that knows its
//! certificate, and certificates of every kind, made for the test.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tenantry_lab::pki::{Authority, CertificateSpec, Issued, IssuedFiles, self_signed};

use crate::lab::Lab;

/// The name of the lab's own certificate.
pub(crate) const SERVER_NAME: &str = "lab.protection.example";
/// What every connecting address of the test is taken for: an address that no connector lists.
pub(crate) const ADDRESS: &str = "203.0.113.9";
/// A domain that no tenant has.
pub(crate) const ELSEWHERE: &str = "elsewhere.example";

/// One simulated tenant.
pub(crate) struct LabTenant {
    /// Its name in the world.
    pub(crate) name: String,
    /// Its region.
    pub(crate) region: String,
    /// Its domain; `mail.` and this is accepted, too, and the name that its connector expects.
    pub(crate) domain: String,
    /// The certificate that its connector knows, with the intermediate.
    pub(crate) certificate: IssuedFiles,
    /// The SHA-256 of that certificate.
    pub(crate) fingerprint: String,
    /// The name of its connector.
    pub(crate) connector: String,
}

/// The folder of a world, gone at the end of the test.
pub(crate) struct LabWorld {
    folder: TempDir,
    /// Contoso and Fabrikam in Europe, Tailspin in North America.
    pub(crate) tenants: Vec<LabTenant>,
    /// The authority above all certificates.
    pub(crate) authority: PathBuf,
    intermediate: Authority,
    server: IssuedFiles,
}

impl LabWorld {
    /// Makes everything anew.
    pub(crate) fn new() -> Self {
        // Not below the target folder: the users of Postfix and Exim must be able to reach it.
        let folder = tempfile::Builder::new()
            .prefix("tenantry-lab-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary folder");
        let path = folder.path();
        let root = Authority::new("Lab authority").expect("an authority");
        let intermediate = root.intermediate("Lab issuer").expect("an intermediate");
        let server = intermediate
            .server(&[SERVER_NAME, "127.0.0.1", "127.0.0.2"])
            .and_then(|issued| issued.write(path, "lab"))
            .expect("the lab's certificate");
        let both = path.join("both-authorities.pem");
        let pem = [root.certificate_pem(), intermediate.certificate_pem()].concat();
        fs::write(&both, pem).expect("the authorities' file");
        let tenants = [("contoso", "EUR"), ("fabrikam", "EUR"), ("tailspin", "NAM")];
        Self {
            tenants: tenants
                .into_iter()
                .map(|(name, region)| LabTenant::new(name, region, &intermediate, path))
                .collect(),
            authority: root.write(path, "authority").expect("the authority's file"),
            intermediate,
            server,
            folder,
        }
    }

    /// The folder, for whatever else a test writes.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The tenant of this name.
    pub(crate) fn tenant(&self, name: &str) -> &LabTenant {
        let found = self.tenants.iter().find(|tenant| tenant.name == name);
        found.unwrap_or_else(|| panic!("no tenant {name}"))
    }

    /// A certificate with the tenant's name that signed itself.
    pub(crate) fn self_signed(&self, tenant: &str) -> IssuedFiles {
        let name = self.tenant(tenant).certificate_name();
        let issued = self_signed(&CertificateSpec::client(&[&name])).expect("a certificate");
        self.write(&issued, "self-signed")
    }

    /// A good certificate with the tenant's name whose owner sends the leaf alone.
    pub(crate) fn without_intermediate(&self, tenant: &str) -> IssuedFiles {
        let name = self.tenant(tenant).certificate_name();
        let issued = self.intermediate.client(&[&name]).expect("a certificate");
        self.write(&issued.without_intermediates(), "leaf-only")
    }

    /// Starts the lab with this world, its two endpoints on addresses of their own; the arguments
    /// are those of [`LabWorld::configure`].
    pub(crate) fn start(&self, profile: &str, more: &[(&str, &str)]) -> Lab {
        Lab::start(&self.configure(profile, more, ""), self.path())
    }

    /// Starts the lab with these `[[fault]]` tables.
    pub(crate) fn start_with_faults(&self, faults: &str) -> Lab {
        Lab::start(&self.configure("", &[], faults), self.path())
    }

    /// Writes the world, with these lines of TOML at the end of its `[profile]`, and for each
    /// tenant's name these further lines, and the faults; returns its file.
    fn configure(&self, profile: &str, more: &[(&str, &str)], faults: &str) -> PathBuf {
        let mut text = format!(
            "seed = 1\n\n[profile]\n{profile}\n\n[server]\ncertificate = {:?}\nkey = {:?}\n\
             trust = [{:?}]\n\n[addresses]\n\"127.0.0.0/8\" = \"{ADDRESS}\"\n",
            self.server.certificate, self.server.key, self.authority
        );
        // Each region has a loopback address of its own, which tells them apart.
        for (region, address) in [("EUR", "127.0.0.1:0"), ("NAM", "127.0.0.2:0")] {
            let _ = write!(
                text,
                "\n[[endpoint]]\nregion = \"{region}\"\naddress = \"{address}\"\n"
            );
        }
        for tenant in &self.tenants {
            let lines = more.iter().filter(|(name, _lines)| *name == tenant.name);
            let lines: String = lines.map(|(_name, lines)| *lines).collect();
            let _ = write!(
                text,
                "\n[[tenant]]\nname = \"{}\"\nregion = \"{}\"\n\
                 accepted_domains = [\"{domain}\", \"{certificate}\"]\n{lines}\n\n\
                 [[tenant.inbound_connectors]]\nName = \"{}\"\nConnectorType = \"OnPremises\"\n\
                 TlsSenderCertificateName = \"{certificate}\"\n",
                tenant.name,
                tenant.region,
                tenant.connector,
                domain = tenant.domain,
                certificate = tenant.certificate_name(),
            );
        }
        text.push_str(faults);
        let file = self.path().join("world.toml");
        fs::write(&file, text).expect("the world is written");
        file
    }

    fn write(&self, issued: &Issued, stem: &str) -> IssuedFiles {
        let files = issued.write(self.path(), stem);
        files.expect("the certificate's files")
    }
}

impl LabTenant {
    fn new(name: &str, region: &str, issuer: &Authority, folder: &Path) -> Self {
        let domain = format!("{name}.example");
        let issued = issuer.client(&[&format!("mail.{domain}")]);
        let issued = issued.expect("a client certificate");
        Self {
            fingerprint: issued.fingerprint(),
            certificate: issued.write(folder, name).expect("its files"),
            name: name.to_owned(),
            region: region.to_owned(),
            connector: format!("{name} by certificate"),
            domain,
        }
    }

    /// The name in its certificate.
    pub(crate) fn certificate_name(&self) -> String {
        format!("mail.{}", self.domain)
    }
}
