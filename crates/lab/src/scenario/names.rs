//! Whether what a scenario names is there.

use std::collections::BTreeSet;

use super::{Expected, Message, Scenario, When};

/// Says the first thing that is wrong.
pub(super) fn check(scenario: &Scenario) -> Result<(), String> {
    let tenants: BTreeSet<&str> = tenants(scenario).collect();
    let known = |tenant: &Option<String>| {
        let unknown = tenant.as_deref().filter(|name| !tenants.contains(name));
        unknown.map_or(Ok(()), |name| Err(format!("no tenant is called {name}")))
    };
    let mut files = BTreeSet::new();
    for certificate in &scenario.certificates {
        known(&certificate.tenant)?;
        if certificate.names.is_empty() || !files.insert(certificate.file.as_str()) {
            let file = &certificate.file;
            return Err(format!(
                "certificate {file} has no names, or its file twice"
            ));
        }
    }
    if let Some(tenantry) = &scenario.tenantry
        && !files.contains(tenantry.peer_certificate.as_str())
    {
        return Err(format!("no certificate {}", tenantry.peer_certificate));
    }
    let mut ids = BTreeSet::new();
    for message in &scenario.messages {
        let id = &message.id;
        if !ids.insert(id) {
            return Err(format!("message {id} is there twice"));
        }
        let tenants = message.expect.iter().map(|expected| &expected.tenant);
        tenants
            .chain([&message.forwarded_for])
            .try_for_each(known)
            .and_then(|()| check_message(scenario, message))
            .map_err(|what| format!("message {id}: {what}"))?;
    }
    Ok(())
}

fn check_message(scenario: &Scenario, message: &Message) -> Result<(), String> {
    if let Some(file) = &message.certificate
        && scenario.certificate(file).is_none()
    {
        return Err(format!("no certificate {file}"));
    }
    if message.rcpt_to.is_empty() || message.rcpt_to.len() != message.expect.len() {
        return Err("one expectation for each recipient".to_owned());
    }
    if message.forwarded_for.is_some() != scenario.tenantry.is_some() {
        return Err("forwarded_for goes with tenantry".to_owned());
    }
    if message.forwarded_for.is_none() && message.ip.is_none() {
        return Err("no address".to_owned());
    }
    if message.when == When::After && scenario.events.is_empty() {
        return Err("after which events?".to_owned());
    }
    let unknown = |expected: &&Expected| expected.answer().is_none();
    match message.expect.iter().find(unknown) {
        Some(expected) => Err(format!("no reply is called {}", expected.reply)),
        None => Ok(()),
    }
}

/// The tenants' names.
pub(super) fn tenants(scenario: &Scenario) -> impl Iterator<Item = &str> {
    super::world::tenants(&scenario.world).filter_map(|tenant| tenant.get("name")?.as_str())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn all_scenarios_are_whole() {
        let all = Scenario::all().unwrap();
        assert!(all.len() > 25);
        for scenario in &all {
            let repaired = scenario.repaired.as_deref();
            if let Some(repaired) = repaired {
                Scenario::named(repaired).unwrap();
            }
            let harmless = scenario.shows.is_empty();
            let mended = repaired.is_some() || scenario.remedy.is_some();
            assert!(harmless || mended, "{} has no remedy", scenario.name);
            assert!(
                scenario.generated || !scenario.messages.is_empty(),
                "{} has no messages",
                scenario.name
            );
        }
    }

    #[test]
    fn a_scenario_that_names_what_is_not_there_is_refused() {
        let start = "title = 't'\nsummary = 's'\nshows = []\nsource = 's'\nconsequence = 'c'\n";
        let message = "[[message]]\nid = '1'\nmail_from = ''\nrcpt_to = ['a@b.test']\n";
        for (text, part) in [
            (format!("{message}expect = [{{}}]"), "no address"),
            (
                format!("{message}ip = '192.0.2.1'\nexpect = []"),
                "one expectation",
            ),
            (
                format!("{message}ip = '192.0.2.1'\ncertificate = 'x'\nexpect = [{{}}]"),
                "no certificate x",
            ),
            (
                format!("{message}ip = '192.0.2.1'\nexpect = [{{ tenant = 'x' }}]"),
                "no tenant is called x",
            ),
            (
                format!("{message}ip = '192.0.2.1'\nexpect = [{{ reply = 'x' }}]"),
                "no reply is called x",
            ),
            (
                format!("{message}ip = '192.0.2.1'\nwhen = 'after'\nexpect = [{{}}]"),
                "after which",
            ),
            (String::from("colour = 1"), "colour"),
        ] {
            let error = Scenario::parse("test", &format!("{start}{text}")).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
        let unknown = Scenario::named("nonsense").unwrap_err();
        assert!(unknown.to_string().contains("\"nonsense\""));
    }
}
