//! Details of the notations.

use std::path::Path;

use tenantry_lab::export::{Object, accepted_domain, from_toml, inbound_connector, read_json};
use tenantry_lab::world::{SenderAddress, SenderDomain, TlsSenderCertificateName};
use tenantry_settings::Source;

use crate::support::{bare, bare_domain, connector, messages, objects, the_connectors};

const SHORT: &str = r#""Name": "A", "ConnectorType": "OnPremises""#;

#[test]
fn nothing_is_no_object() {
    for text in [
        "",
        "  \r\n",
        "\u{feff}",
        "[]",
        "[[], []]",
        "null",
        r#"{"value": [], "Count": 0}"#,
    ] {
        assert!(
            objects("a.json", text.as_bytes()).unwrap().is_empty(),
            "{text:?}"
        );
    }
    assert!(objects("a.json", b"\xff\xfe").unwrap().is_empty());
    assert!(objects("a.xml", b"").unwrap().is_empty());
    assert!(objects("a.xml", b"<Objs></Objs>").unwrap().is_empty());
    assert!(objects("a.ps1", b"# nothing\n").unwrap().is_empty());
}

#[test]
fn json_is_taken_strictly_and_refused_at_its_place() {
    for (text, line, column) in [
        ("[1,]", 1, 3),
        ("[1 2]", 1, 3),
        ("{\"a\":1,}", 1, 7),
        ("{a:1}", 1, 2),
        ("{'a':1}", 1, 2),
        ("['a']", 1, 2),
        ("[0x1]", 1, 2),
        ("[+1]", 1, 2),
        ("[.5]", 1, 2),
        ("[5.]", 1, 2),
        ("[01]", 1, 3),
        ("[NaN]", 1, 2),
        ("[Infinity]", 1, 2),
        ("[-Infinity]", 1, 2),
        ("[True]", 1, 2),
        ("[\"\\x41\"]", 1, 3),
        ("[\"\\v\"]", 1, 3),
        ("[\"a\\\nb\"]", 1, 4),
        ("[\"\\ud800\"]", 1, 3),
        ("[\"a\nb\"]", 1, 4),
        ("[\"a\tb\"]", 1, 4),
        ("[1]\u{0b}", 1, 4),
        ("[1,\u{a0}2]", 1, 4),
        ("// a\n[]", 1, 1),
        ("[/* a */]", 1, 2),
        ("[1]\n[2]", 2, 1),
        ("[]]", 1, 3),
        ("{\"a\":1", 1, 7),
        ("[\n  {", 2, 4),
        ("\"a", 1, 3),
        ("[1}", 1, 3),
        ("\u{feff}\u{feff}[]", 1, 1),
    ] {
        let problems = read_json(Path::new("a.json"), text.as_bytes()).unwrap_err();
        let place = &problems.first().unwrap().place;
        assert_eq!(
            (place.line, place.column),
            (line, column),
            "{text:?}: {problems:?}"
        );
    }
}

#[test]
fn depth_is_bounded_in_every_notation() {
    let deep = 100_000;
    let json = "[".repeat(deep);
    assert_eq!(
        messages("a.json", json.as_bytes()),
        ["a.json:1:101: values are nested more than 100 deep; export with `-Depth 6`"]
    );
    let objects = "{\"a\":".repeat(deep);
    assert!(messages("a.json", objects.as_bytes())[0].starts_with("a.json:1:501: "));
    let lists = format!("<Objs>{}", "<Obj><LST>".repeat(deep));
    assert_eq!(messages("a.xml", lists.as_bytes()).len(), 1);
    let lists = format!(
        "<Objs>{}{}</Objs>",
        "<Obj><LST>".repeat(deep),
        "</LST></Obj>".repeat(deep)
    );
    assert!(messages("a.xml", lists.as_bytes())[0].contains("nested more than 100 deep"));
    for nested in ["@(", "@{ a = ", "MSFT_x { a = ", "((", "$((", "\"$(\"$("] {
        let text = format!(
            "EXOInboundConnector \"A\" {{ Identity = {}",
            nested.repeat(deep)
        );
        assert_eq!(messages("a.ps1", text.as_bytes()).len(), 1, "{nested}");
    }
}

#[test]
fn references_do_not_multiply_without_bound() {
    let mut text = "<Objs><Obj RefId=\"0\"><LST><S>a</S></LST></Obj>".to_owned();
    for id in 1..40 {
        let before = id - 1;
        text.push_str(&format!(
            "<Obj RefId=\"{id}\"><LST><Ref RefId=\"{before}\"/><Ref RefId=\"{before}\"/></LST></Obj>"
        ));
    }
    text.push_str("</Objs>");
    let messages = messages("a.xml", text.as_bytes());
    assert!(
        messages[0].contains("references repeat too much"),
        "{messages:?}"
    );
}

#[test]
fn a_reference_repeats_what_it_means_and_a_circle_is_cut() {
    let text = r#"<Objs>
      <Obj RefId="0"><MS>
        <S N="Name">A</S><S N="ConnectorType">Partner</S>
        <Obj N="SenderDomains" RefId="1"><LST><S>contoso.com</S></LST></Obj>
        <Ref N="AssociatedAcceptedDomains" RefId="1"/>
        <Ref N="Parent" RefId="0"/>
      </MS></Obj>
    </Objs>"#;
    let objects = objects("a.xml", text.as_bytes()).unwrap();
    let [Object::InboundConnector(connector)] = objects.as_slice() else {
        panic!("{objects:?}");
    };
    assert_eq!(
        connector.associated_accepted_domains[0].as_str(),
        "contoso.com"
    );
    assert_eq!(
        connector.other.get("Parent"),
        Some(&serde_json::Value::Null)
    );
}

#[test]
fn what_microsoft_would_refuse_is_kept_as_unusable() {
    let connector = connector(&format!(
        r#"{{ {SHORT},
            "SenderIPAddresses": ["2001:db8::1", "192.0.2.0/23", "192.0.2.77/24", "192.0.2.1-192.0.2.9"],
            "SenderDomains": ["smtp:a.*.contoso.com;1", "x400:c=US;1", "contoso.com", "*.Contoso.com"],
            "TlsSenderCertificateName": "<I>CN=Authority<S>CN=mail.contoso.com" }}"#
    ));
    assert_eq!(
        connector.sender_ip_addresses,
        [
            SenderAddress::Unusable("2001:db8::1".to_owned()),
            SenderAddress::Unusable("192.0.2.0/23".to_owned()),
            SenderAddress::Network("192.0.2.0/24".parse().unwrap()),
            SenderAddress::Unusable("192.0.2.1-192.0.2.9".to_owned()),
        ]
    );
    assert!(matches!(
        connector.sender_domains.as_slice(),
        [
            SenderDomain::Unusable(_),
            SenderDomain::Unusable(_),
            SenderDomain::Domain(_),
            SenderDomain::Subdomains(_)
        ]
    ));
    assert_eq!(
        connector.tls_sender_certificate_name,
        Some(TlsSenderCertificateName::Unusable(
            "<I>CN=Authority<S>CN=mail.contoso.com".to_owned()
        ))
    );
}

#[test]
fn a_certificate_name_of_issuer_and_subject_is_unusable_as_an_object_too() {
    let connector = connector(&format!(
        r#"{{ {SHORT}, "TlsSenderCertificateName": {{
            "CertificateSubject": "CN=mail.contoso.com", "CertificateIssuer": "CN=Authority",
            "SubjectCommonName": null }} }}"#
    ));
    assert_eq!(
        connector.tls_sender_certificate_name,
        Some(TlsSenderCertificateName::Unusable(
            "<I>CN=Authority<S>CN=mail.contoso.com".to_owned()
        ))
    );
}

#[test]
fn booleans_are_taken_in_all_their_spellings() {
    for (spelling, value) in [
        ("true", true),
        ("\"True\"", true),
        ("\"$true\"", true),
        ("1", true),
        ("{\"IsPresent\": true}", true),
        ("false", false),
        ("\"FALSE\"", false),
        ("\"$False\"", false),
        ("0", false),
    ] {
        let text = format!(r#"{{ {SHORT}, "SenderDomains": "*", "RequireTls": {spelling} }}"#);
        assert_eq!(connector(&text).require_tls, value, "{spelling}");
    }
}

#[test]
fn unknown_properties_are_kept_as_they_were() {
    let connector = connector(&format!(
        r#"{{ {SHORT}, "SenderDomains": [], "Future": {{ "a": [1, 2.5, null] }}, "WhenChanged": "\/Date(1784847313000)\/" }}"#
    ));
    assert_eq!(
        serde_json::Value::Object(connector.other),
        serde_json::json!({ "Future": { "a": [1, 2.5, null] }, "WhenChanged": "/Date(1784847313000)/" })
    );
}

#[test]
fn few_properties_are_enough_to_tell_what_an_object_is() {
    let connectors = objects("a.json", format!("[{{ {SHORT} }}]").as_bytes()).unwrap();
    assert!(
        matches!(connectors.as_slice(), [Object::InboundConnector(found)] if found.name == "A"),
        "{connectors:?}"
    );
    let outbound = format!("{{ {SHORT}, \"SmartHosts\": [] }}");
    let connectors = objects("a.json", outbound.as_bytes()).unwrap();
    assert!(
        matches!(connectors.as_slice(), [Object::OutboundConnector(_)]),
        "{connectors:?}"
    );
    // A domain's Name may be anything.
    assert_eq!(
        messages(
            "a.json",
            br#"[{"Name": "contoso.com", "DomainType": "Authoritative"}]"#
        ),
        [
            "a.json:1:2: [0]: this looks like an accepted domain but has no DomainName; add it, or \
          export with all properties: `Get-AcceptedDomain | ConvertTo-Json -Depth 6`"
        ]
    );
}

#[test]
fn a_file_with_countless_problems_tells_the_first_hundred_and_their_number() {
    let repeated = format!("{{{}\"a\": 1}}", "\"a\": 1,\n".repeat(200_000));
    let told = messages("a.json", repeated.as_bytes());
    assert_eq!(told.len(), 101);
    assert!(
        told[0].starts_with("a.json:2:1: a: property stands twice"),
        "{}",
        told[0]
    );
    assert_eq!(
        told[100],
        "a.json:200001:1: a: and 199900 more; correct those above first"
    );
    let addresses = format!(
        "{{ {SHORT}, \"SenderIPAddresses\": [{}7] }}",
        "7,".repeat(999)
    );
    let told = messages("a.json", addresses.as_bytes());
    assert_eq!(told.len(), 101);
    assert!(told[100].contains(": and 900 more;"), "{}", told[100]);
}

#[test]
fn what_is_empty_is_said_to_be() {
    for (value, found) in [("{}", "an empty object"), ("[[{}]]", "an empty object")] {
        let text = format!("{{ {SHORT}, \"SenderIPAddresses\": {value} }}");
        let told = messages("a.json", text.as_bytes());
        assert!(told[0].contains(&format!("found {found};")), "{told:?}");
    }
    let text = r#"{ "Name": [], "ConnectorType": "Partner" }"#;
    let told = messages("a.json", text.as_bytes());
    assert!(told[0].contains("found an empty list;"), "{told:?}");
}

#[test]
fn an_object_that_fits_nothing_is_no_error() {
    for text in [
        "7",
        "\"contoso.com\"",
        r#"{"Mailbox": "u"}"#,
        r#"[{"Name": "A", "Enabled": true}]"#,
    ] {
        let objects = objects("a.json", text.as_bytes()).unwrap();
        assert!(
            matches!(objects.as_slice(), [Object::Other(_)]),
            "{text}: {objects:?}"
        );
    }
}

#[test]
fn a_world_by_hand_says_the_same_as_an_export() {
    let text = "\
[[tenant]]
accepted_domains = [\"contoso.com\", { domainname = \"fabrikam.com\", MatchSubDomains = true }]
[[tenant.inbound_connectors]]
name = \"Fabrikam & partners\"
enabled = false
ConnectorType = \"Partner\"
ConnectorSource = \"AdminUI\"
SenderDomains = [\"fabrikam.com\", \"*.fabrikam.com\"]
SenderIPAddresses = [\"192.0.2.10\", \"198.51.100.0/24\"]
RequireTls = true
RestrictDomainsToIPAddresses = true
AssociatedAcceptedDomains = \"contoso.com\"
Number = 0x10
Since = 2026-01-01
";
    let source = Source::new(Path::new("world.toml"), text);
    let root = toml::de::DeTable::parse(text).unwrap();
    let tenants = root.get_ref().get("tenant").unwrap();
    let node = from_toml(&source, tenants, "tenant");
    let tenant = match &node.value {
        tenantry_lab::export::Value::List(tenants) => &tenants[0],
        other => panic!("{other:?}"),
    };
    let tenantry_lab::export::Value::List(connectors) =
        &tenant.property("inbound_connectors").unwrap().value
    else {
        panic!("{tenant:?}");
    };
    let connector = inbound_connector(&connectors[0]).unwrap();
    assert_eq!(bare(&connector), bare(&the_connectors()[1]));
    assert_eq!(
        connector.place.to_string(),
        "world.toml:3:1: tenant[0].inbound_connectors[0]"
    );
    assert_eq!(connector.other.get("Number").unwrap(), 16);
    assert_eq!(connector.other.get("Since").unwrap(), "2026-01-01");
    let tenantry_lab::export::Value::List(domains) =
        &tenant.property("accepted_domains").unwrap().value
    else {
        panic!("{tenant:?}");
    };
    let domain = accepted_domain(&domains[0]).unwrap();
    assert_eq!(
        domain.place.to_string(),
        "world.toml:2:21: tenant[0].accepted_domains[0]"
    );
    let below = accepted_domain(&domains[1]).unwrap();
    assert!(below.match_subdomains, "{}", bare_domain(&below));
}

#[test]
fn powershell_quotes_and_escapes_are_understood() {
    let text = "EXOInboundConnector \u{201C}A\u{201D} {\n\
        Identity = \"a `\"b`\" \"\"c\"\" `$d `u{e9}`t\"; ConnectorType = 'OnPremises'\n\
        Comment = 'it''s'\n\
        Literal = @'\n\"$x\"\n'@\n\
        Known = \"$name and ${name} and $($Name)\"\n\
        Unknown = \"$($other.\"x)\") y\"\n\
        Price = \"5 $ \"\n\
        SenderDomains = @('*';)\n\
        Table = @{ a = 1; \"b\" = @(2, 'x') }\n\
        Call = (Get-Date -Format \"yyyy\").ToString()\n\
        }";
    let text = format!("$Name = 'N'\n{text}");
    let objects = objects("a.ps1", text.as_bytes()).unwrap();
    let [Object::InboundConnector(connector)] = objects.as_slice() else {
        panic!("{objects:?}");
    };
    assert_eq!(connector.name, "a \"b\" \"c\" $d \u{e9}\t");
    assert_eq!(
        serde_json::Value::Object(connector.other.clone()),
        serde_json::json!({
            "Comment": "it's",
            "Literal": "\"$x\"",
            "Known": "N and N and N",
            "Unknown": "\"$($other.\"x)\") y\"",
            "Price": "5 $ ",
            "Table": { "a": 1, "b": [2, "x"] },
            "Call": "(Get-Date -Format \"yyyy\").ToString()",
        })
    );
}

#[test]
fn a_file_that_is_none_is_said_so() {
    let missing = Path::new("no-such-file.json");
    let problems = tenantry_lab::export::read_objects(missing).unwrap_err();
    assert!(
        problems[0]
            .to_string()
            .starts_with("no-such-file.json: cannot be read: "),
        "{problems:?}"
    );
    let folder = tempfile::tempdir().unwrap();
    let problems = tenantry_lab::export::read_objects(folder.path()).unwrap_err();
    assert!(
        problems[0]
            .to_string()
            .ends_with("cannot be read: it is no regular file")
    );
    let large = folder.path().join("large.json");
    let file = std::fs::File::create(&large).unwrap();
    file.set_len(tenantry_lab::export::LARGEST_FILE + 1)
        .unwrap();
    let problems = tenantry_lab::export::read_objects(&large).unwrap_err();
    assert!(
        problems[0]
            .to_string()
            .contains("more than 268435456 octets"),
        "{problems:?}"
    );
}
