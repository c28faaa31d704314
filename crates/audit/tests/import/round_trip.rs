//! Every shape of export: imported, loaded, and asked with messages, the relay decides what the lab says
//! of the same exports.

use std::fs;
use std::path::{Path, PathBuf};

use tenantry_attribution::{Attribution, Basis, Verdict, attribute};
use tenantry_audit::model::Model;
use tenantry_lab::attribution::{self as service, Certificate, Direction, Forest, Submission};
use tenantry_lab::reply::Answer;
use tenantry_lab::world::DomainName;
use tenantry_relay::config::Config;
use tenantry_relay::explain::{Given, GivenCertificate, Question};

use crate::stage::{Stage, accepted, on_premises};

#[test]
fn every_shape_of_inbound_connectors_makes_a_relay_that_agrees_with_the_lab() {
    let shapes = shapes("inbound-connectors");
    assert!(shapes.len() >= 15, "{shapes:?}");
    for shape in shapes {
        agrees(&[&shape, &data("accepted-domains/array.json")]);
    }
}

#[test]
fn every_shape_of_accepted_domains_makes_a_relay_that_agrees_with_the_lab() {
    let shapes = shapes("accepted-domains");
    assert!(shapes.len() >= 6, "{shapes:?}");
    for shape in shapes {
        agrees(&[&data("inbound-connectors/array.json"), &shape]);
    }
}

#[test]
fn a_microsoft365dsc_export_makes_a_relay_that_agrees_with_the_lab() {
    agrees(&[
        &data("m365dsc/M365TenantConfig.ps1"),
        &data("m365dsc/ConfigurationData.psd1"),
    ]);
}

/// Imports contoso from these files, beside another tenant, and plays a batch.
fn agrees(files: &[&Path]) {
    let stage = Stage::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let folder = file.parent().unwrap().file_name().unwrap();
        // Shapes of different cmdlets have the same names.
        let name = match name.ends_with(".psd1") || name.ends_with(".ps1") {
            true => name.to_owned(),
            false => format!("{}-{name}", folder.to_str().unwrap()),
        };
        stage.write(&format!("exports/contoso/{name}"), fs::read(file).unwrap());
    }
    stage.tenant(
        "tailspin",
        &on_premises("Tailspin", "mail.tailspin.example"),
        &serde_json::json!([
            accepted("tailspin.example"),
            accepted("mail.tailspin.example")
        ]),
    );
    stage.certificate("contoso", &["gateway.contoso.com"]);
    stage.certificate("tailspin", &["mail.tailspin.example"]);
    let inventory = stage.inventory();
    let import = stage.import();
    assert_eq!(import.open(), 0, "{files:?}: {import:#?}");
    let config = stage.relay(&import);
    assert_eq!(config.tenants.len(), 2);
    let model = Model::of(&inventory);
    let mut forwarded = [0; 3];
    for names in CERTIFICATES {
        for mail_from in ADDRESSES {
            for rcpt_to in ADDRESSES.iter().filter(|address| !address.is_empty()) {
                let message = Message {
                    names,
                    mail_from,
                    rcpt_to,
                };
                if let Some(basis) = message.is_decided_alike(&config, model.forest(), files) {
                    forwarded[basis] += 1;
                }
            }
        }
    }
    assert!(
        forwarded.iter().all(|count| *count > 20),
        "{files:?}: {forwarded:?}"
    );
}

struct Message<'a> {
    names: &'a [&'a str],
    mail_from: &'a str,
    rcpt_to: &'a str,
}

impl Message<'_> {
    /// Asks both; gives which basis decided, if the relay forwards it.
    fn is_decided_alike(&self, config: &Config, forest: &Forest, files: &[&Path]) -> Option<usize> {
        let place = || {
            let (names, from, to) = (self.names, self.mail_from, self.rcpt_to);
            format!("{files:?}: {names:?} {from} -> {to}")
        };
        let names: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let now = asked(forest, &names, self.mail_from, self.rcpt_to);
        let by_certificate = now
            .tenant
            .filter(|_| now.basis == service::Basis::Certificate)
            .map(|tenant| forest.world().tenants[tenant.0].name.as_str());
        let owner = |address: &str| {
            let domain = DomainName::parse(address.rsplit_once('@')?.1).ok()?;
            let owner = forest.owner(&domain)?;
            Some(forest.world().tenants[owner.0].name.as_str())
        };
        let expected = by_certificate
            .map(|tenant| (tenant, Basis::Certificate))
            .or_else(|| Some((owner(self.mail_from)?, Basis::Sender)))
            .or_else(|| Some((owner(self.rcpt_to)?, Basis::Recipient)));
        let decided = self.relay(config, &names);
        let found = match decided.verdict {
            Verdict::Tenant { id, basis } => Some((&*config.tenant(id).unwrap().name, basis)),
            Verdict::Ambiguous { .. } | Verdict::Unattributed => None,
        };
        assert_eq!(found, expected, "{}", place());
        let (tenant, basis) = found?;
        // What the relay then presents is that tenant's in Exchange Online, too.
        let identity = config
            .tenants
            .iter()
            .find(|one| &*one.name == tenant)
            .unwrap();
        let sent = asked(
            forest,
            identity.identity.names(),
            self.mail_from,
            self.rcpt_to,
        );
        let owner = sent
            .tenant
            .map(|owner| forest.world().tenants[owner.0].name.as_str());
        assert_eq!(owner, Some(tenant), "{}: {:?}", place(), sent.why);
        assert_eq!(
            (sent.direction, sent.basis, sent.answer),
            (
                Direction::Originating,
                service::Basis::Certificate,
                Answer::Accepted
            ),
            "{}",
            place()
        );
        Some(match basis {
            Basis::Certificate => 0,
            Basis::Sender => 1,
            Basis::Recipient => 2,
        })
    }

    fn relay(&self, config: &Config, names: &[String]) -> Attribution {
        let certificate = match names.is_empty() {
            true => GivenCertificate::None,
            false => GivenCertificate::Names(names),
        };
        let given = Given {
            listener: None,
            certificate,
            peer: Some([10, 1, 0, 5].into()),
            mail_from: self.mail_from,
            rcpt_to: &[self.rcpt_to.to_owned()],
        };
        let question = Question::new(config, &given).unwrap();
        attribute(&config.directory, &question.evidence)
    }
}

fn asked(
    forest: &Forest,
    names: &[String],
    mail_from: &str,
    rcpt_to: &str,
) -> service::Attribution {
    let certificate = match names.is_empty() {
        true => Certificate::NotPresented,
        false => Certificate::Trusted { names },
    };
    let mut transaction = forest.begin(&Submission {
        certificate,
        ip: [203, 0, 113, 9].into(),
        tls: true,
        region: None,
        mail_from,
        header_from: None,
    });
    transaction.recipient(forest, rcpt_to)
}

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/exports")
        .join(path)
}

fn shapes(kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(data(kind)).unwrap();
    let mut shapes: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    shapes.sort();
    shapes
}

const CERTIFICATES: [&[&str]; 8] = [
    &[],
    &["mail.contoso.com"],
    &["contoso.com"],
    &["a.b.contoso.com", "other.example"],
    &["*.contoso.com"],
    &["mail.tailspin.example"],
    &["x.mail.tailspin.example"],
    &["stranger.example"],
];

const ADDRESSES: [&str; 11] = [
    "",
    "u@contoso.com",
    "u@sub.contoso.com",
    "u@fabrikam.com",
    "u@x.fabrikam.com",
    "u@contoso.onmicrosoft.com",
    "u@old.contoso.com",
    "u@tailspin.example",
    "u@mail.tailspin.example",
    "u@x.tailspin.example",
    "u@internet.example",
];
