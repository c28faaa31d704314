//! What every test needs: certificates made for it, three tenants, and the relay's configuration.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tenantry_lab::pki::{Authority, Issued, IssuedFiles};
use tenantry_lab::upstream::UpstreamSettings;

/// One tenant: what clients present for it, and what the relay presents for it.
pub(crate) struct Tenant {
    /// Its name in the configuration.
    pub(crate) name: &'static str,
    /// Its domain for senders and recipients; its certificate name is `mail.` and this.
    pub(crate) domain: String,
    /// The certificate of a client that belongs to it.
    pub(crate) client: IssuedFiles,
    /// The certificate that its upstream must see.
    pub(crate) identity: IssuedFiles,
    /// The SHA-256 of that certificate, in lower-case hexadecimal.
    pub(crate) fingerprint: String,
}

/// Whether clients of the loopback network may send for the tenants by sender and recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peers {
    /// Every tenant, from 127.0.0.0/8.
    Loopback,
    /// Nobody: only certificates count.
    None,
}

/// A folder of certificates, gone at the end of the test.
pub(crate) struct Fixture {
    folder: TempDir,
    /// Contoso, Fabrikam, Tailspin.
    pub(crate) tenants: Vec<Tenant>,
    /// The authority of the relay's own certificate, and of the clients'.
    pub(crate) authority: PathBuf,
    /// The authority of the upstreams, and of the identities presented to them.
    pub(crate) upstream_authority: PathBuf,
    /// The upstream's own certificate.
    pub(crate) upstream: IssuedFiles,
    upstream_issued: Issued,
    far: Authority,
    relay: IssuedFiles,
}

impl Fixture {
    /// Makes everything anew.
    pub(crate) fn new() -> Self {
        // Not below the target folder: Postfix's own users must be able to reach it.
        let folder = tempfile::Builder::new()
            .prefix("tenantry-interop-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("a temporary folder");
        let path = folder.path();
        let near = Authority::new("Interop clients").expect("an authority");
        let far = Authority::new("Interop upstreams").expect("an authority");
        let relay = near
            .server(&["relay.corp.example", "127.0.0.1", "127.0.0.2", "127.0.0.3"])
            .and_then(|issued| issued.write(path, "relay"))
            .expect("the relay's certificate");
        let upstream_issued = far
            .server(&["upstream.example", "127.0.0.1"])
            .expect("the upstream's certificate");
        let tenants = ["contoso", "fabrikam", "tailspin"]
            .into_iter()
            .map(|name| Tenant::new(name, &near, &far, path))
            .collect();
        Self {
            tenants,
            authority: near
                .write(path, "clients-ca")
                .expect("the authority's file"),
            upstream_authority: far
                .write(path, "upstreams-ca")
                .expect("the authority's file"),
            upstream: upstream_issued
                .write(path, "upstream")
                .expect("the upstream's files"),
            upstream_issued,
            far,
            relay,
            folder,
        }
    }

    /// The folder, for whatever else a test writes.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The authority of the upstreams.
    pub(crate) fn far(&self) -> &Authority {
        &self.far
    }

    /// A recording upstream that demands an identity and keeps whole messages.
    pub(crate) fn recording(&self) -> UpstreamSettings {
        UpstreamSettings::starttls(&self.upstream_issued, &[&self.far]).keeping_content()
    }

    /// Writes a configuration in which all tenants share one upstream address, and returns its file.
    pub(crate) fn configure(&self, upstream: SocketAddr, peers: Peers) -> PathBuf {
        let mut text = String::from("hostname = \"relay.corp.example\"\n");
        text.push_str(
            "\n[[listener]]\nname = \"plain\"\naddress = \"127.0.0.1:0\"\ntls = \"off\"\n",
        );
        for (name, address, tls) in [
            ("starttls", "127.0.0.2:0", "starttls-required"),
            ("implicit", "127.0.0.3:0", "implicit"),
        ] {
            let _ = write!(
                text,
                "\n[[listener]]\nname = \"{name}\"\naddress = \"{address}\"\ntls = \"{tls}\"\n\
                 certificate = {:?}\nkey = {:?}\nclient_certificates = \"request\"\ntrust = [{:?}]\n",
                self.relay.certificate, self.relay.key, self.authority
            );
        }
        if peers == Peers::Loopback {
            text.push_str(
                "\n[[peer]]\nname = \"here\"\nnetworks = [\"127.0.0.0/8\"]\n\
                 tenants = [\"contoso\", \"fabrikam\", \"tailspin\"]\n",
            );
        }
        for tenant in &self.tenants {
            let _ = write!(
                text,
                "\n[[tenant]]\nname = \"{}\"\ncertificate_domains = [\"mail.{domain}\"]\n\
                 sender_domains = [\"*.{domain}\"]\nrecipient_domains = [\"{domain}\"]\n\
                 upstream = \"{upstream}\"\nupstream_trust = [{:?}]\ncertificate = {:?}\nkey = {:?}\n",
                tenant.name,
                self.upstream_authority,
                tenant.identity.certificate,
                tenant.identity.key,
                domain = tenant.domain,
            );
        }
        text.push_str("\n[log]\nformat = \"json\"\n");
        let file = self.path().join("relay.toml");
        fs::write(&file, text).expect("the configuration is written");
        file
    }
}

impl Tenant {
    fn new(name: &'static str, near: &Authority, far: &Authority, folder: &Path) -> Self {
        let domain = format!("{name}.example");
        let certificate_name = format!("mail.{domain}");
        let identity = far.client(&[&certificate_name]).expect("an identity");
        Self {
            client: near
                .client(&[&certificate_name])
                .and_then(|issued| issued.write(folder, &format!("{name}-client")))
                .expect("a client certificate"),
            fingerprint: identity.fingerprint(),
            identity: identity
                .write(folder, &format!("{name}-identity"))
                .expect("the identity's files"),
            domain,
            name,
        }
    }
}
