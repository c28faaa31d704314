//! The scenario corpus, played by the relay over sockets and by `explain --batch`: both must say what the corpus says.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use tenantry_lab::pki::{
    Authority, AuthoritySpec, CertificateSpec, Issued, Name, NameConstraints, Purpose, Validity,
    self_signed,
};
use tenantry_relay::config::Config;
use tenantry_relay::explain::Batch;

use crate::client::{Client, Tls};
use crate::world::{ASKING, Pki, Plan, TenantPlan, World};

#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) tenant: Vec<toml::Table>,
    #[serde(default)]
    peer: Vec<toml::Table>,
    pub(crate) case: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    certificate_names: Option<Vec<String>>,
    certificate_problem: Option<String>,
    untrusted_certificate: Option<String>,
    peer: String,
    pub(crate) mail_from: String,
    pub(crate) rcpt_to: Vec<String>,
    grammar_refuses: Option<String>,
    pub(crate) expect: Expect,
}

#[derive(Deserialize)]
pub(crate) struct Expect {
    verdict: String,
    pub(crate) tenant: Option<String>,
    basis: Option<String>,
    #[serde(default)]
    tenants: Vec<String>,
    conflict: Option<String>,
    recipients: Vec<String>,
    steps: Vec<String>,
}

/// Certificates for cases, from the world's authority or from worse ones.
struct Certificates {
    unknown: Authority,
    constrained: Authority,
}

#[tokio::test]
async fn the_relay_over_sockets_agrees_with_every_scenario() {
    let mut played = 0;
    for (path, file) in corpus() {
        let world = world_of(&file).await;
        let certificates = Certificates::new(&world.pki);
        for case in &file.case {
            let place = format!("{}: {}", path.display(), case.name);
            play(&world, &certificates, case, &place).await;
            played += 1;
        }
        world.stop().await;
    }
    assert!(played >= 120, "only {played} cases");
}

#[tokio::test]
async fn explain_agrees_with_every_scenario() {
    for (path, file) in corpus() {
        let world = world_of(&file).await;
        let config = Config::load(&world.folder.path().join("relay.toml")).unwrap();
        let questions: String = file
            .case
            .iter()
            .enumerate()
            .map(|(id, case)| format!("{}\n", question(id, case)))
            .collect();
        let mut answers = Vec::new();
        Batch::new(&config)
            .run(questions.as_bytes(), &mut answers)
            .unwrap();
        let answers = String::from_utf8(answers).unwrap();
        let answers: Vec<Value> = answers
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(answers.len(), file.case.len());
        for (case, answer) in file.case.iter().zip(&answers) {
            compare(
                case,
                answer,
                &format!("{}: {}: {answer}", path.display(), case.name),
            );
        }
        world.stop().await;
    }
}

/// Sends the case's envelope, and a message if anybody is left to get it.
async fn play(world: &World, certificates: &Certificates, case: &Case, place: &str) {
    let mut closed = world.transactions();
    let listener = listener_of(case);
    let from = case.peer.trim_start_matches("::ffff:");
    let from = if from.contains(':') {
        "127.7.7.7"
    } else {
        from
    };
    let tls = certificates.tls(world, case);
    let mut client = Client::starttls(from, world.at(listener), &tls).await;
    let everything = format!("{}{}", case.mail_from, case.rcpt_to.concat());
    let utf8 = if everything.is_ascii() {
        ""
    } else {
        " SMTPUTF8"
    };
    let mail = client
        .command(format!("MAIL FROM:<{}>{utf8}", case.mail_from))
        .await;
    if mail.code != 250 {
        assert_eq!(
            case.grammar_refuses.as_deref(),
            Some("mail_from"),
            "{place}: {mail:?}"
        );
        assert!(mail.is_permanent(), "{place}: {mail:?}");
        return client.quit().await;
    }
    assert_ne!(
        case.grammar_refuses.as_deref(),
        Some("mail_from"),
        "{place}: {mail:?}"
    );
    let mut accepted = false;
    for (recipient, expected) in case.rcpt_to.iter().zip(&case.expect.recipients) {
        let answer = client.command(format!("RCPT TO:<{recipient}>")).await;
        let outcome = match answer.code / 100 {
            2 => "accepted",
            4 => "deferred",
            _ => "refused",
        };
        assert!(
            expected.starts_with(outcome),
            "{place}: {recipient}: {answer:?}"
        );
        accepted |= outcome == "accepted";
    }
    if accepted {
        client.says("DATA", 354).await;
        client
            .send(format!("Subject: {}\r\n\r\n.\r\n", case.name))
            .await;
        client.expect(250).await;
        let records = world.journal(0).messages();
        assert_eq!(
            records.last().unwrap().tenant(),
            case.expect.tenant.as_deref(),
            "{place}"
        );
    }
    client.quit().await;
    let transaction = closed.next().await;
    let names = (!case.expect.tenants.is_empty()).then(|| case.expect.tenants.join(","));
    assert_eq!(transaction.verdict, case.expect.verdict, "{place}");
    assert_eq!(
        transaction.tenant,
        case.expect.tenant.clone().or(names),
        "{place}"
    );
    assert_eq!(transaction.basis, case.expect.basis.as_deref(), "{place}");
    assert_eq!(transaction.conflict, case.expect.conflict, "{place}");
    // The reasons are the same words, but for problems that cannot be had in a handshake.
    if case.certificate_problem.is_none() && case.grammar_refuses.is_none() {
        let reasons: Vec<&str> = case
            .expect
            .steps
            .iter()
            .filter_map(|step| Some(step.split_once(": ")?.1))
            .collect();
        assert_eq!(transaction.reasons, reasons, "{place}");
    }
}

fn compare(case: &Case, answer: &Value, place: &str) {
    if answer.get("error").is_some() {
        assert!(case.grammar_refuses.is_some(), "{place}");
        return;
    }
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    assert_eq!(
        text("verdict").as_deref(),
        Some(case.expect.verdict.as_str()),
        "{place}"
    );
    assert_eq!(text("tenant"), case.expect.tenant, "{place}");
    assert_eq!(text("basis"), case.expect.basis, "{place}");
    let conflict = answer["conflict"]["sender_tenant"].as_str();
    assert_eq!(conflict, case.expect.conflict.as_deref(), "{place}");
    for (index, expected) in case.expect.recipients.iter().enumerate() {
        let outcome = answer["recipients"][index]["outcome"].as_str().unwrap();
        assert!(expected.starts_with(outcome), "{place}");
    }
    for (index, expected) in case.expect.steps.iter().enumerate() {
        let step = &answer["steps"][index];
        let found = format!(
            "{}: {}",
            step["outcome"].as_str().unwrap(),
            step["reason"].as_str().unwrap()
        );
        assert_eq!(&found, expected, "{place}");
    }
    if let Some(tenants) = answer["tenants"].as_array() {
        let tenants: Vec<&str> = tenants.iter().filter_map(Value::as_str).collect();
        if case.expect.verdict == "ambiguous" {
            assert_eq!(tenants, case.expect.tenants, "{place}");
        }
    }
}

fn question(id: usize, case: &Case) -> Value {
    json!({
        "id": id,
        "certificate_names": case.certificate_names,
        "certificate_problem": case.certificate_problem,
        "peer": case.peer,
        "listener": listener_of(case),
        "mail_from": case.mail_from,
        "rcpt_to": case.rcpt_to,
    })
}

fn listener_of(case: &Case) -> &'static str {
    match case.untrusted_certificate.as_deref() {
        Some("ignore") => "ignore",
        _ => "refuse",
    }
}

impl Certificates {
    fn new(pki: &Pki) -> Self {
        let constraints = NameConstraints::permitting("nobody.test");
        let constrained = AuthoritySpec::named("Constrained").with_constraints(constraints);
        Certificates {
            unknown: Authority::new("Authority of Nobody").unwrap(),
            constrained: pki.clients.intermediate_with(&constrained).unwrap(),
        }
    }

    fn tls(&self, world: &World, case: &Case) -> Tls {
        if case.certificate_names.is_none() && case.certificate_problem.is_none() {
            return world.pki.anonymous();
        }
        world.pki.with(&self.issue(&world.pki, case))
    }

    /// A certificate with the names of the case and its problem, or one as bad.
    fn issue(&self, pki: &Pki, case: &Case) -> Issued {
        let mut spec = CertificateSpec::client(&[]);
        for name in case.certificate_names.iter().flatten() {
            spec = spec.with_name(Name::RawDns(name.as_bytes().to_vec()));
        }
        let issued = match case.certificate_problem.as_deref() {
            None => pki.clients.issue(&spec),
            Some("expired") => pki.clients.issue(&spec.with_validity(Validity::Expired)),
            Some("not-yet-valid") => pki.clients.issue(&spec.with_validity(Validity::NotYet)),
            Some("self-signed") => self_signed(&spec),
            Some("wrong-usage") => pki
                .clients
                .issue(&spec.with_purposes([Purpose::CodeSigning])),
            Some("name-constraint") => self
                .constrained
                .issue(&spec.with_name(Name::Dns("outside.example".to_owned()))),
            Some("too-many-names") => {
                let more = (0..1001).map(|number| Name::Dns(format!("n{number}.example")));
                pki.clients
                    .issue(&more.fold(spec, CertificateSpec::with_name))
            }
            Some(_) => self.unknown.issue(&spec),
        };
        issued.unwrap()
    }
}

/// All tenants share an upstream; two listeners differ in what becomes of untrusted certificates.
async fn world_of(file: &File) -> World {
    let mut plan = Plan::empty()
        .limits("connections_per_source = 100000")
        .upstream(|pki| pki.upstream())
        .listener("refuse", &format!("tls = \"starttls\"\n{ASKING}"))
        .listener(
            "ignore",
            &format!("tls = \"starttls\"\nuntrusted_certificate = \"ignore\"\n{ASKING}"),
        );
    for tenant in &file.tenant {
        let (name, keys) = table(tenant);
        plan = plan.tenant(TenantPlan::new(&name, 0).keys(&keys));
    }
    for peer in &file.peer {
        let (name, keys) = table(peer);
        plan = plan.peer(&name, &keys);
    }
    plan.start().await
}

/// A table's name, and its other keys as text.
fn table(table: &toml::Table) -> (String, String) {
    let mut keys = table.clone();
    let name = keys.remove("name").unwrap();
    (
        name.as_str().unwrap().to_owned(),
        toml::to_string(&keys).unwrap(),
    )
}

pub(crate) fn corpus() -> Vec<(PathBuf, File)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scenarios");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "toml")
    });
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let file = toml::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            (path, file)
        })
        .collect()
}
