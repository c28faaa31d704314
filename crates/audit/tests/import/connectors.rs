//! The commands that are printed, run on exports: Exchange Online, as the lab has it, then knows the
//! relay's mail as its tenants' own.

use std::fs;

use serde_json::{Value, json};
use tenantry_audit::connectors::{Line, Script, Scripts};
use tenantry_audit::model::Model;
use tenantry_lab::attribution::{Basis, Certificate, Direction, Submission};
use tenantry_lab::reply::Answer;
use tenantry_relay::config::Config;

use crate::powershell::Command;
use crate::stage::{Stage, accepted, on_premises, with};

/// A relay with two tenants, made by hand.
fn relay(stage: &Stage) -> Config {
    for (name, domains) in [
        ("contoso", "\"*.contoso.com\""),
        ("fabrikam", "\"fabrikam.com\""),
    ] {
        stage.certificate(name, &[&format!("mail.{name}.com")]);
        stage.write(
            &format!("tenants.d/{name}.toml"),
            format!(
                "[[tenant]]\nname = \"{name}\"\nsender_domains = [{domains}]\n\
                 upstream = \"{name}-com.mail.protection.outlook.com:25\"\n\
                 certificate = \"../tls/{name}.pem\"\nkey = \"../tls/{name}.key\"\n"
            ),
        );
    }
    let none = tenantry_audit::import::Import {
        drafts: Vec::new(),
        notes: Vec::new(),
    };
    stage.relay(&none)
}

fn commands(script: &Script) -> Vec<Command> {
    let lines = script.lines.iter().filter_map(|line| match line {
        Line::Command(text) if text.contains("-InboundConnector ") => Some(Command::read(text)),
        Line::Command(_) | Line::Comment(_) => None,
    });
    lines.collect()
}

/// Runs a script on a tenant's exports: the commands, and the administrator who verifies domains.
fn run(stage: &Stage, script: &Script) {
    let at = stage.path().join("exports").join(&script.tenant);
    let read = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(at.join(name)).unwrap_or_else(|_| "[]".to_owned());
        let read: Value = serde_json::from_str(&text).unwrap();
        match read.as_array() {
            Some(objects) => objects.clone(),
            None => vec![read],
        }
    };
    let mut connectors = read("InboundConnector.json");
    let mut domains = read("AcceptedDomain.json");
    domains.extend(script.domains.iter().map(|domain| accepted(domain)));
    for command in commands(script) {
        let value = |text: &str| match text {
            "$true" => json!(true),
            "$false" => json!(false),
            text => json!(text),
        };
        let mut properties = json!({});
        for (name, text) in &command.parameters {
            if name != "Identity" {
                properties[name] = value(text);
            }
        }
        match command.name.as_str() {
            "New-InboundConnector" => {
                let name = command.get("Name").unwrap();
                assert!(
                    connectors.iter().all(|known| known["Name"] != name),
                    "{name} is there"
                );
                assert_eq!(command.get("SenderDomains"), Some("*"));
                assert_eq!(command.get("ConnectorType"), Some("OnPremises"));
                assert!(command.is_true("RequireTls") && command.is_true("Enabled"));
                connectors.push(properties);
            }
            "Set-InboundConnector" => {
                let name = command.get("Identity").unwrap();
                let known = connectors.iter_mut().find(|known| known["Name"] == name);
                let known = known.unwrap_or_else(|| panic!("no {name}"));
                *known = with(known.clone(), properties);
            }
            other => panic!("{other}"),
        }
    }
    stage.tenant(&script.tenant, &json!(connectors), &json!(domains));
}

/// Exchange Online's answer to mail that the relay sends for each of its tenants.
fn is_attributed(stage: &Stage, config: &Config) {
    let inventory = stage.inventory();
    let model = Model::of(&inventory);
    for tenant in &config.tenants {
        for mail_from in ["", "u@stranger.example"] {
            let mut transaction = model.forest().begin(&Submission {
                certificate: Certificate::Trusted {
                    names: tenant.identity.names(),
                },
                ip: [203, 0, 113, 9].into(),
                tls: true,
                region: None,
                mail_from,
                header_from: None,
            });
            let found = transaction.recipient(model.forest(), "x@internet.example");
            let owner = found.tenant.map(|owner| model.tenant_name(owner.0));
            assert_eq!(owner, Some(&*tenant.name), "{:?}", found.why);
            assert_eq!(
                (found.direction, found.basis, found.answer),
                (Direction::Originating, Basis::Certificate, Answer::Accepted)
            );
        }
    }
}

fn against(stage: &Stage, config: &Config) -> Scripts {
    let inventory = stage.inventory();
    Scripts::against(config, &Model::of(&inventory), |_| true)
}

#[test]
fn a_whole_script_makes_exchange_online_know_the_relay() {
    let stage = Stage::new();
    let config = relay(&stage);
    let scripts = Scripts::of(&config, |_| true);
    assert_eq!(scripts.tenants.len(), 2);
    for script in &scripts.tenants {
        run(&stage, script);
    }
    is_attributed(&stage, &config);
    assert_eq!(against(&stage, &config), Scripts::default());
}

#[test]
fn a_whole_script_says_what_no_command_can_do() {
    let stage = Stage::new();
    let config = relay(&stage);
    let scripts = Scripts::of(&config, |name| name == "contoso");
    assert_eq!(scripts.tenants.len(), 1);
    assert_eq!(
        scripts.tenants[0].domains,
        ["mail.contoso.com", "contoso.com"]
    );
    let text = scripts.tenants[0].to_string();
    for part in [
        "# ---- contoso ----\n",
        "Connect-ExchangeOnline",
        "if (-not (@(Get-AcceptedDomain).DomainName | Where-Object { $_ -in 'contoso.com' })) { throw 'this is not contoso: ",
        "admin center",
        "New-InboundConnector -Name 'Tenantry relay.corp.example' -ConnectorType OnPremises -SenderDomains '*' \
         -TlsSenderCertificateName 'mail.contoso.com' -RequireTls $true -CloudServicesMailEnabled $true -Enabled $true\n",
        "#   Set-AcceptedDomain -Identity 'contoso.com' -DomainType InternalRelay -MatchSubDomains $true\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn hybrid_headers_are_let_through_only_where_an_exchange_server_sends() {
    let stage = Stage::new();
    relay(&stage);
    let path = stage.path().join("relay.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("exchange = true", "exchange = false")).unwrap();
    let config = Config::load(&path).unwrap();
    let scripts = Scripts::of(&config, |_| true);
    assert!(
        !scripts.tenants[0]
            .to_string()
            .contains("-CloudServicesMailEnabled")
    );
}

#[test]
fn nothing_is_printed_where_everything_matches() {
    let stage = Stage::new();
    let config = relay(&stage);
    for name in ["contoso", "fabrikam"] {
        let host = format!("mail.{name}.com");
        let connector = with(
            on_premises("Ours", &host),
            json!({ "CloudServicesMailEnabled": true }),
        );
        let domains = json!([accepted(&host), accepted(&format!("{name}.com"))]);
        stage.tenant(name, &connector, &domains);
    }
    is_attributed(&stage, &config);
    assert_eq!(against(&stage, &config), Scripts::default());
}

#[test]
fn what_is_missing_is_printed_and_nothing_else() {
    let hybrid = json!({ "CloudServicesMailEnabled": true });
    let own = with(
        on_premises("O'Hara's \u{2019}\"$x\"", "mail.contoso.com"),
        hybrid.clone(),
    );
    let both = json!([accepted("contoso.com"), accepted("mail.contoso.com")]);
    let only_parent = json!([accepted("contoso.com")]);
    let by_address = with(
        on_premises("Address", ""),
        json!({ "TlsSenderCertificateName": null, "SenderIPAddresses": ["192.0.2.1"] }),
    );
    let renamed = with(
        on_premises("Tenantry relay.corp.example", "old.contoso.com"),
        hybrid.clone(),
    );
    let wide = with(on_premises("Wide", "*.contoso.com"), hybrid);
    let cases = [
        (
            "disabled",
            with(own.clone(), json!({ "Enabled": false })),
            &both,
            vec!["Set-InboundConnector"],
            vec![],
        ),
        (
            "only the parent is accepted",
            own.clone(),
            &only_parent,
            vec![],
            vec!["mail.contoso.com"],
        ),
        (
            "disabled and not accepted",
            with(own, json!({ "Enabled": false })),
            &only_parent,
            vec!["Set-InboundConnector"],
            vec!["mail.contoso.com"],
        ),
        (
            "by address",
            by_address,
            &both,
            vec!["New-InboundConnector"],
            vec![],
        ),
        (
            "another name",
            renamed,
            &both,
            vec!["Set-InboundConnector"],
            vec![],
        ),
        (
            "no connector",
            json!([]),
            &only_parent,
            vec!["New-InboundConnector"],
            vec!["mail.contoso.com"],
        ),
        (
            "headers removed",
            on_premises("Ours", "mail.contoso.com"),
            &both,
            vec!["Set-InboundConnector"],
            vec![],
        ),
        ("a wildcard does", wide, &only_parent, vec![], vec![]),
    ];
    for (what, connector, domains, expected, verified) in cases {
        let stage = Stage::new();
        let config = relay(&stage);
        let fabrikam = with(
            on_premises("Ours", "mail.fabrikam.com"),
            json!({ "CloudServicesMailEnabled": true }),
        );
        let accepted_here = json!([accepted("fabrikam.com"), accepted("mail.fabrikam.com")]);
        stage.tenant("fabrikam", &fabrikam, &accepted_here);
        stage.tenant("contoso", &connector, domains);
        let scripts = against(&stage, &config);
        let printed: Vec<Command> = scripts.tenants.iter().flat_map(commands).collect();
        let names: Vec<&str> = printed
            .iter()
            .map(|command| command.name.as_str())
            .collect();
        assert_eq!(names, expected, "{what}: {scripts:#?}");
        let domains: Vec<&String> = scripts
            .tenants
            .iter()
            .flat_map(|script| &script.domains)
            .collect();
        assert_eq!(domains, verified, "{what}");
        assert!(
            scripts
                .tenants
                .iter()
                .all(|script| script.tenant == "contoso"),
            "{what}"
        );
        for script in &scripts.tenants {
            run(&stage, script);
        }
        is_attributed(&stage, &config);
        assert_eq!(against(&stage, &config), Scripts::default(), "{what}");
    }
}

#[test]
fn another_tenant_that_takes_the_certificate_is_named() {
    let stage = Stage::new();
    let config = relay(&stage);
    stage.tenant("contoso", &json!([]), &json!([accepted("contoso.com")]));
    stage.tenant(
        "fabrikam",
        &json!([
            on_premises("Wide", "*.contoso.com"),
            on_premises("Ours", "mail.fabrikam.com")
        ]),
        // A subdomain of the other tenant's, so that the wildcard counts.
        &json!([
            accepted("eu.contoso.com"),
            accepted("fabrikam.com"),
            accepted("mail.fabrikam.com")
        ]),
    );
    let scripts = against(&stage, &config);
    let text = scripts.tenants[0].to_string();
    assert!(
        text.contains("to \"fabrikam\" by its connector \"Wide\""),
        "{text}"
    );
    for script in &scripts.tenants {
        run(&stage, script);
    }
    is_attributed(&stage, &config);
}

#[test]
fn a_tenant_that_was_not_exported_is_said_and_not_compared() {
    let stage = Stage::new();
    let config = relay(&stage);
    let connector = with(
        on_premises("Ours", "mail.contoso.com"),
        json!({ "CloudServicesMailEnabled": true }),
    );
    let domains = json!([accepted("contoso.com"), accepted("mail.contoso.com")]);
    stage.tenant("contoso", &connector, &domains);
    let scripts = against(&stage, &config);
    assert!(scripts.tenants.is_empty(), "{scripts:#?}");
    assert_eq!(
        scripts.notes,
        ["\"fabrikam\" is not among these exports and was not compared"]
    );
}
