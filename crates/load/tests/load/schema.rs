//! `docs/load-result.schema.json` describes what is really written.

use serde_json::{Map, Value};
use tenantry_load::result::{Outcome, SCHEMA};
use tenantry_load::run::Goal;

use crate::bench::{Bench, run, run_for};

/// What of a value the schema does not allow; only what this schema uses is understood.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    let empty = Map::new();
    for (key, rule) in schema.as_object().unwrap_or(&empty) {
        match key.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                faults(root, &root["$defs"][name], value, at, out);
            }
            "type" => {
                let fits = match rule.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "null" => value.is_null(),
                    "integer" => value.is_u64(),
                    "number" => value.is_number(),
                    other => panic!("type {other}"),
                };
                if !fits {
                    out.push(format!("{at}: {value} is no {rule}"));
                }
            }
            "const" if rule != value => out.push(format!("{at}: {value} is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                out.push(format!("{at}: {value} is none of {rule}"));
            }
            "minimum" if value.as_f64() < rule.as_f64() => {
                out.push(format!("{at}: {value} < {rule}"))
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        out.push(format!("{at}: lacks {name}"));
                    }
                }
            }
            "properties" => {
                for (name, rule) in rule.as_object().unwrap() {
                    if let Some(inner) = value.get(name) {
                        faults(root, rule, inner, &format!("{at}.{name}"), out);
                    }
                }
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object().unwrap_or(&empty);
                for (name, inner) in value.as_object().unwrap_or(&empty) {
                    if known.contains_key(name) {
                        continue;
                    }
                    if rule == &Value::Bool(false) {
                        out.push(format!("{at}.{name}: is unknown"));
                    } else {
                        faults(root, rule, inner, &format!("{at}.{name}"), out);
                    }
                }
            }
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    faults(root, rule, inner, &format!("{at}[{index}]"), out);
                }
            }
            "anyOf" | "oneOf" => {
                let fitting = rule.as_array().unwrap().iter().filter(|one| {
                    let mut inner = Vec::new();
                    faults(root, one, value, at, &mut inner);
                    inner.is_empty()
                });
                if fitting.count() != 1 {
                    out.push(format!("{at}: {value} is not exactly one of the choices"));
                }
            }
            "const" | "enum" | "minimum" | "description" | "title" | "$schema" | "$defs"
            | "contentEncoding" => {}
            other => panic!("{other} is not understood"),
        }
    }
}

fn problems(value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut out = Vec::new();
    faults(&schema, &schema, value, "", &mut out);
    out
}

fn value(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.to_json().unwrap()).unwrap()
}

#[test]
fn results_of_all_kinds_follow_the_schema() {
    let bench = Bench::new(2);
    let journal = bench.path().join("journal.jsonl");
    let mut settings = bench.settings();
    settings.journal_file = Some(journal);
    let upstream = bench.upstream(settings);
    let knee = "[pace]\nconnections = 2\n[knee]\nstart = 20\nmost = 20\ntrial = '200ms'\n";
    let plans = [
        (
            "[evidence]\ncertificate = 1\nsender = 1\nunattributable = 1\n\
             [check]\njournal = 'journal.jsonl'\nsettle = '5s'\n[pace]\nconnections = 3\nmessages = 30\n",
            Goal::Measure,
        ),
        (
            "[mix]\ntenants = 'weighted'\nweights = { tenant-0001 = 3 }\n[content]\nsizes = 'uniform'\nmax = '9KiB'\n\
             [pace]\nloop = 'open'\nrate = 100\nduration = '300ms'\nsteps = [200]\nramp = '100ms'\n",
            Goal::Measure,
        ),
        (knee, Goal::FindKnee),
    ];
    for (more, goal) in plans {
        let outcome = run_for(bench.plan(&upstream, more), goal);
        let value = value(&outcome);
        assert_eq!(problems(&value), Vec::<String>::new(), "{more}");
        assert_eq!(Outcome::from_json(&value.to_string()).unwrap(), outcome);
    }
}

#[test]
fn what_is_no_result_is_refused_by_reader_and_schema() {
    let bench = Bench::new(1);
    let upstream = bench.upstream(bench.settings());
    let good = value(&run(bench.plan(&upstream, "[pace]\nmessages = 3\n")));
    let changes: [(&str, Value); 5] = [
        ("/format", 99.into()),
        ("/totals/accepted", (-1).into()),
        ("/totals/seconds", "long".into()),
        ("/plan/pace", serde_json::json!({ "loop": "spiral" })),
        ("/phases/0/phase", "dream".into()),
    ];
    for (place, wrong) in changes {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = wrong;
        assert!(!problems(&bad).is_empty(), "{place}");
        assert!(Outcome::from_json(&bad.to_string()).is_err(), "{place}");
    }
    let mut more = good.clone();
    more["colour"] = 1.into();
    assert!(!problems(&more).is_empty());
    assert!(Outcome::from_json(&more.to_string()).is_err());
    for text in ["", "{}", "[]", "{\"format\":1}"] {
        assert!(Outcome::from_json(text).is_err(), "{text}");
    }
}
