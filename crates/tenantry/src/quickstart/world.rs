//! The quickstart's world: authority, certificates, Exchange Online as the lab simulates it, and the relay in front.

use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tenantry_lab::file::Lab;
use tenantry_lab::journal::Record;
use tenantry_lab::pki::{Authority, CertificateSpec, Issued, self_signed};
use tenantry_lab::service::{LabService, ServiceOptions};
use tenantry_net::{
    AnonymousTls, CertificateRequest, Identity, MinVersion, Trust, UpstreamTls,
    UpstreamTlsSettings, UpstreamTrust, Verify,
};
use tenantry_relay::Relay;
use tenantry_relay::config::Config;
use tenantry_smtp::{ForwardPath, Mailbox, ReversePath, Utf8};
use tokio::time::timeout;

use super::cases::{Case, Certificate, From, Route};
use super::client::{self, Answers, Envelope, Tls};
use super::files::{self, TENANTS, Tenant};
use super::judge::{self, Evidence};

/// A running lab with the relay in front.
pub(super) struct World {
    folder: PathBuf,
    authority: Authority,
    tenants: Vec<(&'static str, Issued)>,
    lab: LabService,
    relay: Relay,
    address: SocketAddr,
    client: Issued,
}

/// What became of a case.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The case.
    pub(super) case: &'static Case,
    /// The relay's verdict in words.
    pub(super) verdict: String,
    /// The certificate that Exchange Online saw with the message.
    pub(super) certificate: String,
    /// What Exchange Online made of it.
    pub(super) attributed: String,
    /// The answers.
    pub(super) replies: Vec<String>,
    /// What is not as it should be.
    pub(super) differences: Vec<String>,
}

impl World {
    /// Makes everything in a new folder and starts it.
    pub(super) async fn start(folder: PathBuf) -> anyhow::Result<Self> {
        // Fails rather than use a folder that somebody else has put there.
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        let authority = Authority::new("Tenantry Quickstart Authority")?;
        authority.write(&folder, "authority")?;
        let mut tenants = Vec::new();
        for Tenant { name, .. } in TENANTS {
            let certificate = authority.client(&[&format!("mail.{name}.example")])?;
            certificate.write(&folder, name)?;
            tenants.push((name, certificate));
        }
        let client = authority.client(&["app.contoso.example"])?;
        client.write(&folder, "client")?;
        for (stem, host) in [
            ("lab", "mail.protection.outlook.com"),
            ("relay", "relay.quickstart.example"),
        ] {
            authority
                .server(&[host, "localhost", "127.0.0.1"])?
                .write(&folder, stem)?;
        }
        let lab = start_lab(&folder).await?;
        let relay = start_relay(&folder, &lab)?;
        let address = relay
            .addresses()
            .first()
            .map(|(_name, address)| *address)
            .context("no listener")?;
        Ok(World {
            folder,
            authority,
            tenants,
            lab,
            relay,
            address,
            client,
        })
    }

    /// Sends the case's message and looks at what became of it.
    pub(super) async fn play(&self, case: &'static Case) -> anyhow::Result<Outcome> {
        let mut closed = self.relay.transactions();
        let before = self.lab.journal().records().len();
        let answers = self.send(case).await?;
        let transaction = match case.route {
            Route::Tenantry(_) => {
                let transaction = timeout(WAIT, closed.recv()).await;
                Some(transaction.context("the relay closed no transaction")??)
            }
            Route::Straight(_) => None,
        };
        let decided = transaction.as_ref();
        let arrives = decided.is_none_or(|transaction| transaction.verdict == "tenant");
        let record = self.arrived(before, arrives).await;
        let record = record.as_deref();
        let evidence = Evidence {
            answers: &answers,
            transaction: decided,
            record,
            identity: record.and_then(|record| self.identity(record)),
        };
        Ok(Outcome {
            case,
            verdict: judge::verdict(evidence.transaction),
            certificate: judge::certificate(record),
            attributed: judge::attributed(record),
            replies: judge::replies(&answers),
            differences: judge::differences(case, evidence),
        })
    }

    async fn send(&self, case: &Case) -> anyhow::Result<Answers> {
        let content = format!(
            "From: <{}>\r\nSubject: {}\r\n\r\nA message of the quickstart.\r\n",
            case.sender, case.title
        );
        let from = match case.from {
            From::Peer => PEER,
            From::MailServer => MAIL_SERVER,
            From::Stranger => STRANGER,
        };
        let to = match case.route {
            Route::Tenantry(_) => self.address,
            Route::Straight(_) => self.endpoint()?,
        };
        let envelope = Envelope {
            sender: case.sender,
            recipients: case.recipients,
            content: content.as_bytes(),
        };
        let tls = self.tls(case.certificate)?;
        client::send(from.parse()?, to, &tls, envelope).await
    }

    /// The first endpoint of Exchange Online.
    fn endpoint(&self) -> anyhow::Result<SocketAddr> {
        let first = self.lab.addresses().first();
        first
            .map(|(_region, address)| *address)
            .context("no endpoint")
    }

    /// What Exchange Online wrote down after so many records; it is waited for only if it is expected.
    async fn arrived(&self, before: usize, expected: bool) -> Option<Arc<Record>> {
        let journal = self.lab.journal();
        if expected {
            let wanted = u64::try_from(before).unwrap_or(u64::MAX).saturating_add(1);
            // What does not come is missing below, and said to be.
            let _ = journal.wait_for(wanted, WAIT).await;
        }
        journal.records().into_iter().nth(before)
    }

    /// The tenant whose own certificate came with the message.
    fn identity(&self, record: &Record) -> Option<&'static str> {
        let seen = record.session.certificate.as_ref()?;
        let mut tenants = self.tenants.iter();
        let found = tenants.find(|(_, certificate)| certificate.fingerprint() == seen.fingerprint);
        found.map(|(tenant, _)| *tenant)
    }

    fn tls(&self, certificate: Certificate) -> anyhow::Result<Tls> {
        let issued = match certificate {
            Certificate::None => {
                let tls = AnonymousTls::new(&self.trust()?, Verify::NameAndChain, None)?;
                return Ok(Tls::Anonymous(tls));
            }
            Certificate::Application => self.client.clone(),
            Certificate::Contoso => {
                let mut tenants = self.tenants.iter();
                let contoso = tenants.find(|(tenant, _)| *tenant == "contoso");
                contoso.context("no contoso")?.1.clone()
            }
            Certificate::Exchange => self.authority.client(&["ex01.corp.example"])?,
            Certificate::SelfSigned => {
                self_signed(&CertificateSpec::client(&["mail.contoso.example"]))?
            }
            Certificate::TwoTenants => self
                .authority
                .client(&["mail.contoso.example", "mail.fabrikam.example"])?,
        };
        let tls = UpstreamTls::new(UpstreamTlsSettings {
            identity: Identity::from_pem(issued.chain_pem.as_bytes(), issued.key_pem.as_bytes())?,
            trust: self.trust()?,
            verify: Verify::NameAndChain,
            server_name: None,
            certificate_request: CertificateRequest::Optional,
            min_version: MinVersion::default(),
        })?;
        Ok(Tls::Certificate(tls))
    }

    fn trust(&self) -> anyhow::Result<UpstreamTrust> {
        let mut builder = Trust::builder();
        builder.add_pem(self.authority.certificate_pem().as_bytes())?;
        Ok(UpstreamTrust::Roots(builder.build()?))
    }

    /// How to talk to it by hand.
    pub(super) fn invitation(&self) -> anyhow::Result<String> {
        let folder = self.folder.display();
        let address = self.address;
        let endpoint = self.endpoint()?;
        Ok(format!(
            "\nThe lab keeps running; interrupt it to end it. Everything is in {folder}.\n\
             To Tenantry, by sender, from a network that may relay:\n  \
             swaks --server {address} --tls --from ben@fabrikam.example --to someone@internet.example\n\
             To Tenantry, by certificate:\n  \
             swaks --server {address} --tls --tls-cert {folder}/client.pem --tls-key {folder}/client.key \
             --from anna@elsewhere.example --to someone@internet.example\n\
             What Tenantry would decide, and why:\n  \
             tenantry explain --config {folder}/relay.toml --peer 127.0.0.1 \
             --mail-from ben@fabrikam.example --rcpt-to someone@internet.example\n\
             Straight to Exchange Online (simulated), as the mail server with contoso's certificate:\n  \
             swaks --server {endpoint} --local-interface 127.0.0.10 --tls --tls-cert {folder}/contoso.pem \
             --tls-key {folder}/contoso.key --from ben@fabrikam.example --to someone@internet.example\n\
             What Exchange Online would make of it, and why:\n  \
             tenantry lab explain --world {folder}/{WORLD} --certificate {folder}/contoso.pem \
             --ip 192.0.2.10 --mail-from ben@fabrikam.example --rcpt-to someone@internet.example\n\
             What its tenants have received:\n  \
             cat {folder}/{JOURNAL}"
        ))
    }

    /// Ends everything and removes the folder.
    pub(super) async fn stop(self) {
        self.relay.stop().await;
        self.lab.stop().await;
        // What is left in the temporary folder is harmless.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn start_lab(folder: &Path) -> anyhow::Result<LabService> {
    let path = folder.join(WORLD);
    std::fs::write(&path, files::lab())?;
    let lab = Lab::load(&path).map_err(|problems| anyhow!("{problems}"))?;
    let options = ServiceOptions {
        journal: Some(folder.join(JOURNAL)),
        ..ServiceOptions::default()
    };
    Ok(LabService::start(lab, options).await?)
}

fn start_relay(folder: &Path, lab: &LabService) -> anyhow::Result<Relay> {
    let path = folder.join("relay.toml");
    let port = |wanted: &str| {
        let mut endpoints = lab.addresses().iter();
        let found = endpoints.find(|(region, _)| region.as_str() == wanted);
        found.map(|(_, address)| address.port())
    };
    std::fs::write(&path, files::relay(port))?;
    let config = Config::load(&path).map_err(|problems| anyhow!("{problems}"))?;
    Ok(Relay::start(config)?)
}

/// A sender's path.
pub(super) fn reverse_path(text: &str) -> anyhow::Result<ReversePath> {
    if text.is_empty() {
        return Ok(ReversePath::Null);
    }
    Ok(ReversePath::Mailbox(Mailbox::parse(text, Utf8::Refused)?))
}

/// A recipient's path.
pub(super) fn forward_path(text: &str) -> anyhow::Result<ForwardPath> {
    Ok(ForwardPath::Mailbox(Mailbox::parse(text, Utf8::Refused)?))
}

const WORLD: &str = "world.toml";
const JOURNAL: &str = "journal.jsonl";
const PEER: &str = "127.0.0.1:0";
const MAIL_SERVER: &str = "127.0.0.10:0";
const STRANGER: &str = "127.0.0.2:0";
const WAIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use tempfile::TempDir;

    use super::super::cases;
    use super::*;

    async fn world(folder: &TempDir) -> World {
        World::start(folder.path().join("quickstart"))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn everything_comes_out_as_it_should() {
        let folder = TempDir::new().unwrap();
        let world = world(&folder).await;
        let shown = cases::anti_patterns().iter();
        let shown = shown.flat_map(|anti_pattern| anti_pattern.cases);
        for case in cases::branches().iter().chain(shown) {
            let outcome = world.play(case).await.unwrap();
            assert_eq!(outcome.differences, Vec::<String>::new(), "{}", case.title);
        }
        world.stop().await;
    }

    #[tokio::test]
    async fn a_tenant_that_exchange_online_sees_otherwise_is_a_difference() {
        let folder = TempDir::new().unwrap();
        let world = world(&folder).await;
        for event in [
            "domain-removed tenant=fabrikam domain=mail.fabrikam.example",
            "domain-added tenant=northwind domain=mail.fabrikam.example",
            "connector-changed tenant=northwind connector=Tenantry \
             property=TlsSenderCertificateName value=mail.fabrikam.example",
        ] {
            world.lab.apply(&event.parse().unwrap()).unwrap();
        }
        let mut branches = cases::branches().iter();
        let case = branches.find(|case| case.title == "by sender").unwrap();
        let outcome = world.play(case).await.unwrap();
        assert_eq!(
            outcome.differences,
            [
                "Tenantry says fabrikam, Exchange Online northwind, originating by certificate, \
                 connector \"Tenantry\""
            ]
        );
        world.stop().await;
    }
}
