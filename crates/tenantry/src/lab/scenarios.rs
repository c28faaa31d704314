//! `tenantry lab scenarios`: what can be shown.

use std::io::{self, Write};

use serde_json::json;
use tenantry_lab::scenario::{Scenario, ScenarioError};

use super::arguments::Scenarios;
use super::printed;
use crate::{exit, table};

/// Lists them.
pub(super) fn scenarios(wanted: &Scenarios) -> Result<u8, u8> {
    let found = match &wanted.name {
        Some(name) => Scenario::named(name).map(|scenario| vec![scenario]),
        None => Scenario::all(),
    };
    let found = found.map_err(|error| refused(&error))?;
    printed(|out| match (&wanted.name, wanted.json) {
        (_, true) => found.iter().try_for_each(|scenario| line(out, scenario)),
        (None, false) => list(out, &found),
        (Some(_), false) => found
            .iter()
            .try_for_each(|scenario| described(out, scenario)),
    })
}

/// Who asks for what is not there is using the program wrongly.
pub(super) fn refused(error: &ScenarioError) -> u8 {
    exit::complain(error);
    match error {
        ScenarioError::Unknown(_) => exit::USAGE,
        ScenarioError::Wrong { .. } => exit::INTERNAL,
    }
}

fn list(mut out: &mut dyn Write, scenarios: &[Scenario]) -> io::Result<()> {
    let rows = scenarios.iter().map(|scenario| {
        [
            scenario.name.clone(),
            scenario.title.clone(),
            scenario.shows.join(" "),
        ]
    });
    let head = ["name", "what it shows", "anti-patterns"];
    table::first(&mut out, "scenarios", head, rows)
}

fn line(out: &mut dyn Write, scenario: &Scenario) -> io::Result<()> {
    let described = json!({
        "name": scenario.name,
        "title": scenario.title,
        "summary": scenario.summary,
        "shows": scenario.shows,
        "source": scenario.source,
        "consequence": scenario.consequence,
        "remedy": scenario.remedy,
        "repaired": scenario.repaired,
        "tenantry": scenario.tenantry.is_some(),
        "events": scenario.events,
        "messages": scenario.messages.len(),
    });
    writeln!(out, "{described}")
}

/// What the scenario says of itself.
pub(super) fn described(out: &mut dyn Write, scenario: &Scenario) -> io::Result<()> {
    writeln!(
        out,
        "{}: {}\n\n{}",
        scenario.name, scenario.title, scenario.summary
    )?;
    let shows = scenario.shows.join(", ");
    let parts = [
        ("shows", Some(&shows).filter(|shows| !shows.is_empty())),
        ("consequence", Some(&scenario.consequence)),
        ("remedy", scenario.remedy.as_ref()),
        ("repaired in", scenario.repaired.as_ref()),
        ("source", Some(&scenario.source)),
    ];
    for (label, text) in parts {
        if let Some(text) = text {
            writeln!(out, "\n{label}: {text}")?;
        }
    }
    Ok(())
}
