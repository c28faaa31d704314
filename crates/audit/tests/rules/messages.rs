//! What Exchange Online makes of a fixture's messages, asked as `lab explain` asks.

use std::fmt::Write as _;
use std::time::SystemTime;

use serde_json::{Value, json};
use tenantry_audit::inventory::Inventory;
use tenantry_lab::attribution::Forest;
use tenantry_lab::explain::{Batch, CertificateProblem};
use tenantry_lab::reply::{Answer, Refusal};
use tenantry_lab::world::{Quota, Region, Tenant, World};
use tenantry_net::{
    ClientCertificate, ClientCertificatePolicy, CommonName, DEFAULT_MAX_NAMES, PresentedChain,
};

use crate::case::{Case, Expected, Message, Variant};
use crate::folder::Made;

/// Asks every message; says how many they were.
pub(crate) fn play(name: &str, case: &Case, variant: Variant, problems: &mut String) -> usize {
    if case.messages.is_empty() {
        return 0;
    }
    let made = Made::of(name, case, variant);
    let forest = Forest::new(world(&made.inventory));
    let mut asked = 0;
    for message in &case.messages {
        let Some(expected) = message.expected(variant) else {
            continue;
        };
        asked += 1;
        let question = question(message, variant, case, &made);
        let mut answer = Vec::new();
        let batch = Batch::new(&forest);
        batch.run(question.as_bytes(), &mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let results = answer.get("results").and_then(Value::as_array);
        let results = results.unwrap_or_else(|| panic!("{name}: {question}\n{answer:#}"));
        for result in results {
            for (key, wanted) in wanted(expected) {
                if result.get(key) != Some(&wanted) {
                    let (word, note) = (variant.word(), message.note.as_deref());
                    writeln!(
                        problems,
                        "{name}/{word}: {}: {key} is not {wanted}:\n{question}\n{result:#}",
                        note.unwrap_or("a message")
                    )
                    .unwrap();
                }
            }
        }
    }
    asked
}

/// The exported tenants, all in one region.
fn world(inventory: &Inventory) -> World {
    let tenants = inventory.tenants.iter().map(|tenant| Tenant {
        name: tenant.name.clone(),
        id: String::new(),
        region: tenant.region.clone().unwrap_or_else(|| Region::new("EUR")),
        allowed_regions: [].into(),
        mail_enabled: true,
        accepted_domains: values(&tenant.accepted_domains),
        inbound_connectors: values(&tenant.inbound_connectors),
        organization: tenant
            .organization
            .as_ref()
            .map(|organization| organization.value.clone())
            .unwrap_or_default(),
        recipients: None,
        quota: Quota::default(),
        place: tenant.place.clone(),
    });
    World {
        tenants: tenants.collect(),
        ..World::default()
    }
}

fn values<T: Clone>(exported: &[tenantry_audit::inventory::Exported<T>]) -> Vec<T> {
    exported.iter().map(|one| one.value.clone()).collect()
}

fn question(message: &Message, variant: Variant, case: &Case, made: &Made) -> String {
    let (names, problem) = match message.certificate(variant) {
        None => (Value::Null, Value::Null),
        Some(file) => judged(file, case, made),
    };
    let mut question = json!({
        "certificate_names": names,
        "certificate_problem": problem,
        "ip": message.ip,
        "region": message.region,
        "tls": message.tls,
        "mail_from": message.mail_from(variant),
        "rcpt_to": message.rcpt_to,
    });
    if let Some(from) = &message.header_from
        && let Some(fields) = question.as_object_mut()
    {
        fields.insert("header_from".to_owned(), json!(from));
    }
    question.to_string()
}

/// A certificate's names, and why they do not count.
fn judged(file: &str, case: &Case, made: &Made) -> (Value, Value) {
    let path = made.file(file);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let chain = PresentedChain::from_pem(&text).expect("a certificate");
    let policy = ClientCertificatePolicy {
        common_name: CommonName::Always,
        ..ClientCertificatePolicy::new(made.trust.clone())
    };
    match policy.evaluate_at(&chain, SystemTime::from(case.now)) {
        ClientCertificate::Verified(verified) => (json!(verified.names()), Value::Null),
        ClientCertificate::Untrusted(untrusted) => {
            let problem = CertificateProblem::of(untrusted.reason, chain.length());
            let claimed = chain.claimed_names(DEFAULT_MAX_NAMES);
            (json!(claimed), json!(problem.as_str()))
        }
        ClientCertificate::NotOffered | ClientCertificate::NotPresented => {
            (Value::Null, Value::Null)
        }
    }
}

fn wanted(expected: &Expected) -> Vec<(&'static str, Value)> {
    let named = |text: &String| match text.as_str() {
        "none" => Value::Null,
        name => json!(name),
    };
    let reply = |word: &String| match word.as_str() {
        "accepted" => json!(Answer::Accepted.text()),
        word => {
            let refusal = Refusal::named(word).unwrap_or_else(|| panic!("no reply is {word:?}"));
            json!(Answer::Refused(refusal).text())
        }
    };
    let keys = [
        ("tenant", expected.tenant.as_ref().map(named)),
        (
            "direction",
            expected.direction.as_ref().map(|word| json!(word)),
        ),
        ("basis", expected.basis.as_ref().map(|word| json!(word))),
        ("connector", expected.connector.as_ref().map(named)),
        ("reply", expected.reply.as_ref().map(reply)),
    ];
    let given = keys.into_iter();
    given
        .filter_map(|(key, wanted)| Some((key, wanted?)))
        .collect()
}
