//! The sample as JSON lines: questions to `lab explain`, what is expected, questions to the relay.

use serde_json::{Value, json};

use super::{ANY, Expected, Message, Scenario, When, certificates, world};

/// The questions to `lab explain`; what only SMTP shows is not among them.
pub(super) fn questions(scenario: &Scenario, when: When) -> String {
    let identities = certificates::identities(scenario);
    lines(scenario, when, |message| {
        let (names, problem, ip, region) = match (&message.forwarded_for, &scenario.tenantry) {
            (Some(tenant), Some(tenantry)) => {
                let identity = identities.iter().find(|one| one.tenant == *tenant);
                let names = identity.map(|identity| identity.names.clone());
                (
                    names,
                    None,
                    Some(tenantry.address),
                    region(scenario, tenant),
                )
            }
            (None, _) | (_, None) => {
                let file = message.certificate.as_deref();
                let certificate = file.and_then(|file| scenario.certificate(file));
                (
                    certificate.map(|certificate| certificate.names.clone()),
                    certificate.and_then(|certificate| certificate.problem.word()),
                    message.ip,
                    message.region.as_deref(),
                )
            }
        };
        let mut question = json!({
            "id": message.id,
            "certificate_names": names,
            "certificate_problem": problem,
            "ip": ip,
            "region": region,
            "mail_from": message.mail_from,
            "rcpt_to": message.rcpt_to,
        });
        if !message.tls
            && let Some(fields) = question.as_object_mut()
        {
            fields.insert("tls".to_owned(), false.into());
        }
        question
    })
}

/// What is expected of each question, in the form of the answers.
pub(super) fn answers(scenario: &Scenario, when: When) -> String {
    lines(scenario, when, |message| {
        let results: Vec<Value> = message
            .rcpt_to
            .iter()
            .zip(&message.expect)
            .map(|(rcpt, expected)| answer(rcpt, expected))
            .collect();
        json!({ "id": message.id, "results": results })
    })
}

/// The questions to the relay that stands in front; empty if none does.
pub(super) fn relay_questions(scenario: &Scenario) -> String {
    if scenario.tenantry.is_none() {
        return String::new();
    }
    lines(scenario, When::Before, |message| {
        let file = message.certificate.as_deref();
        let certificate = file.and_then(|file| scenario.certificate(file));
        json!({
            "id": message.id,
            "certificate_names": certificate.map(|certificate| &certificate.names),
            "peer": "127.0.0.1",
            "mail_from": message.mail_from,
            "rcpt_to": message.rcpt_to,
        })
    })
}

fn answer(rcpt: &str, expected: &Expected) -> Value {
    let mut result = json!({
        "rcpt": rcpt,
        "tenant": expected.tenant,
        "direction": expected.direction,
        "basis": expected.basis,
        "connector": expected.connector,
        "reply": expected.answer().map(|answer| answer.text()),
    });
    if expected.connector.as_deref() == Some(ANY)
        && let Some(fields) = result.as_object_mut()
    {
        fields.remove("connector");
    }
    result
}

fn lines(scenario: &Scenario, when: When, line: impl Fn(&Message) -> Value) -> String {
    let messages = scenario.messages.iter();
    let asked = messages.filter(|message| message.when == when && !message.smtp);
    asked
        .map(|message| format!("{}\n", line(message)))
        .collect()
}

fn region<'s>(scenario: &'s Scenario, tenant: &str) -> Option<&'s str> {
    world::tenants(&scenario.world)
        .find(|table| world::text(table, "name") == tenant)
        .map(|table| world::text(table, "region"))
}
