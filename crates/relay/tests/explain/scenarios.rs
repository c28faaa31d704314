//! `explain` as one player of the scenario corpus (`tests/data/scenarios`).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use toml::Table;

use crate::world::World;

#[test]
fn explain_agrees_with_every_scenario() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/scenarios");
    let mut played = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let file: Table = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            played += play(&path, &file);
        }
    }
    assert!(played >= 120, "only {played} cases");
}

fn play(path: &Path, file: &Table) -> usize {
    let world = World::with(&tables(file));
    let cases = file["case"].as_array().unwrap();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let lenient = case
            .get("untrusted_certificate")
            .and_then(|word| word.as_str())
            == Some("ignore");
        let mut line = json!({
            "id": name,
            "listener": if lenient { "lenient" } else { "strict" },
        });
        for key in [
            "certificate_names",
            "certificate_problem",
            "peer",
            "mail_from",
            "rcpt_to",
        ] {
            if let Some(value) = case.get(key) {
                line[key] = serde_json::to_value(value).unwrap();
            }
        }
        let answer: Value = serde_json::from_str(&world.batch(&line.to_string())).unwrap();
        assert_eq!(answer["id"], name);
        if case.get("grammar_refuses").is_some() {
            assert!(
                answer["error"].is_string() || answer["tenant"].is_null(),
                "{name}: {answer}"
            );
        } else {
            assert_eq!(
                said(&answer),
                expected(&case["expect"]),
                "{}: {name}",
                path.display()
            );
        }
    }
    cases.len()
}

/// The tenants and peers of a scenario, with what a configuration needs beside them.
fn tables(file: &Table) -> String {
    let mut tables = Table::new();
    let rest = "upstream = \"127.0.0.1:2525\"\ncertificate = \"own.pem\"\nkey = \"own.key\"\nupstream_trust = [\"ca.pem\"]\n";
    let rest: Table = toml::from_str(rest).unwrap();
    let tenants = file["tenant"].as_array().unwrap().iter().map(|tenant| {
        let mut tenant = tenant.as_table().unwrap().clone();
        tenant.extend(rest.clone());
        toml::Value::Table(tenant)
    });
    tables.insert(String::from("tenant"), tenants.collect::<Vec<_>>().into());
    if let Some(peers) = file.get("peer") {
        tables.insert(String::from("peer"), peers.clone());
    }
    toml::to_string(&tables).unwrap()
}

/// An answer in the form of the corpus; the corpus tells recipients' reasons, a batch does not.
fn said(answer: &Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let recipients = answer["recipients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| text(&item["outcome"]));
    let steps = answer["steps"].as_array().unwrap().iter();
    let steps = steps.map(|step| format!("{}: {}", text(&step["outcome"]), text(&step["reason"])));
    json!({
        "verdict": answer["verdict"],
        "tenant": answer["tenant"],
        "basis": answer["basis"],
        "tenants": answer["tenants"],
        "conflict": answer["conflict"].get("sender_tenant"),
        "recipients": recipients.collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
    })
}

fn expected(expect: &toml::Value) -> Value {
    let value = |key: &str| {
        expect
            .get(key)
            .map_or(Value::Null, |value| serde_json::to_value(value).unwrap())
    };
    let outcome = |text: &toml::Value| text.as_str().unwrap().split(':').next().unwrap().to_owned();
    let recipients = expect["recipients"].as_array().unwrap().iter().map(outcome);
    json!({
        "verdict": value("verdict"),
        "tenant": value("tenant"),
        "basis": value("basis"),
        "tenants": value("tenants"),
        "conflict": value("conflict"),
        "recipients": recipients.collect::<Vec<_>>(),
        "steps": value("steps"),
    })
}
