//! `replay`: what changes from one configuration to another, for questions and for the relay's own log.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::num::NonZeroUsize;

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantry_lab::pki::Authority;
use tenantry_relay::config::Config;
use tenantry_relay::replay::{Report, replay};

/// Two configurations, and where they are.
struct World {
    _folder: TempDir,
    old: Config,
    new: Config,
}

impl World {
    /// The new configuration is the old one after an edit.
    fn new(edit: impl Fn(&str) -> String) -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new("Clients").unwrap();
        fs::write(folder.path().join("ca.pem"), authority.certificate_pem()).unwrap();
        for name in ["own", "contoso", "fabrikam", "renewed"] {
            let issued = authority.server(&[&format!("{name}.example")]).unwrap();
            issued.write(folder.path(), name).unwrap();
        }
        let load = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            Config::load(&path).unwrap_or_else(|problems| panic!("{problems}"))
        };
        Self {
            old: load("old.toml", CONFIG),
            new: load("new.toml", &edit(CONFIG)),
            _folder: folder,
        }
    }

    fn replay(&self, log: &str) -> Report {
        replay(&self.old, &self.new, log.as_bytes(), NonZeroUsize::MIN).unwrap()
    }

    /// As JSON: what users of `--json` get.
    fn json(&self, log: &str) -> Value {
        serde_json::to_value(self.replay(log)).unwrap()
    }

    fn identity(&self, tenant: usize) -> String {
        self.old.tenants[tenant].identity.fingerprint().to_string()
    }
}

const CONFIG: &str = r#"
hostname = "relay.example"

[[listener]]
name = "strict"
address = "127.0.0.1:25"
certificate = "own.pem"
key = "own.key"
client_certificates = "request"
trust = ["ca.pem"]

[[listener]]
name = "lenient"
address = "127.0.0.1:26"
certificate = "own.pem"
key = "own.key"
client_certificates = "request"
trust = ["ca.pem"]
untrusted_certificate = "ignore"

[[peer]]
name = "exchange"
networks = ["10.1.0.0/24"]
tenants = ["*"]

[[tenant]]
name = "contoso"
certificate_domains = ["mail.contoso.com"]
sender_domains = ["*.contoso.com"]
recipient_domains = ["contoso.com"]
upstream = "contoso.example:25"
upstream_trust = ["ca.pem"]
certificate = "contoso.pem"
key = "contoso.key"

[[tenant]]
name = "fabrikam"
certificate_domains = ["mail.fabrikam.com"]
sender_domains = ["*.fabrikam.com"]
recipient_domains = ["fabrikam.com"]
upstream = "fabrikam.example:25"
upstream_trust = ["ca.pem"]
certificate = "fabrikam.pem"
key = "fabrikam.key"
"#;

/// A question about mail of the peer.
fn question(mail_from: &str, rcpt_to: &[&str]) -> String {
    json!({"peer": "10.1.0.5", "mail_from": mail_from, "rcpt_to": rcpt_to}).to_string() + "\n"
}

/// The closing line of a transaction without certificate, with other fields.
fn closed(fields: &Value) -> String {
    let mut line = json!({
        "timestamp": "2026-11-23T09:00:00.000000Z", "level": "INFO", "message": "transaction closed",
        "session": "0-0", "txn": "0-0-1", "listener": "strict", "peer": "10.1.0.5:54321",
        "no_cert": "not-presented", "mail_from_domain": "contoso.com", "rcpt_domains": "example.net",
        "rcpts": 1, "rcpts_accepted": 1, "tenant": "contoso", "basis": "sender", "verdict": "tenant",
        "reasons": "not-presented,owner,decided-earlier", "reply": 250, "bytes": 100, "elapsed_ms": 5,
    });
    for (key, value) in fields.as_object().unwrap() {
        if value.is_null() {
            line.as_object_mut().unwrap().remove(key);
        } else {
            line[key] = value.clone();
        }
    }
    line.to_string() + "\n"
}

fn unchanged(text: &str) -> String {
    String::from(text)
}

/// A subdomain of one tenant goes to the other.
fn subdomain_moved(text: &str) -> String {
    text.replace(
        "\"*.fabrikam.com\"]",
        "\"*.fabrikam.com\", \"sales.contoso.com\"]",
    )
}

#[test]
fn the_same_configuration_changes_nothing() {
    let world = World::new(unchanged);
    let log = question("a@contoso.com", &["x@example.net"])
        + &question("", &["x@fabrikam.com", "y@contoso.com", "postmaster"])
        + &question("a@nobody.example", &["x@[192.0.2.1]"])
        + &closed(&json!({}));
    let report = world.replay(&log);
    assert_eq!((report.envelopes, report.changed), (4, 0));
    assert_eq!(report.changes, []);
    assert_eq!(report.not_replayable.lines, 0);
}

#[test]
fn envelopes_with_the_same_change_are_one_group_with_its_count() {
    let world = World::new(subdomain_moved);
    let mut log = question("a@contoso.com", &["x@example.net"]);
    for number in 0..7 {
        log += &question(
            "a@sales.contoso.com",
            &[&format!("x@example{}.net", number % 5)],
        );
    }
    let report = world.json(&log);
    assert_eq!(report["envelopes"], 8);
    assert_eq!(report["changed"], 7);
    let side = |tenant: &str, number: usize| {
        json!({
            "verdict": "tenant", "tenant": tenant, "tenants": null, "basis": "sender",
            "upstream": [format!("{tenant}.example:25")], "identity": world.identity(number),
            "recipients": ["accepted"],
        })
    };
    let expected = json!([{
        "envelopes": 7, "first_line": 2, "differs": ["owner", "upstream", "identity"],
        "old": side("contoso", 0), "new": side("fabrikam", 1),
        "mail_from_domains": {"first": ["sales.contoso.com"], "more": false},
        "rcpt_domains": {"first": ["example0.net", "example1.net", "example2.net"], "more": true},
    }]);
    assert_eq!(report["changes"], expected);
}

#[test]
fn the_most_frequent_change_comes_first() {
    let world = World::new(|text| {
        text.replace("[\"*.fabrikam.com\"]", "[\"*.new.example\"]")
            .replace("\"contoso.example:25\"", "\"other.example:25\"")
    });
    let log = question("a@fabrikam.com", &["x@example.net"])
        + &question("a@contoso.com", &["x@example.net"])
        + &question("a@contoso.com", &["x@example.net"]);
    let changes = world.replay(&log).changes;
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            (
                change.envelopes,
                change.first_line,
                change.differs.join(","),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (2, 2, String::from("upstream")),
            (1, 1, String::from("owner,upstream,identity,recipients"))
        ]
    );
    assert_eq!(changes[1].new.verdict, "unattributed");
}

#[test]
fn a_renewed_identity_is_a_change_and_another_basis_is_none() {
    let renewed = World::new(|text| {
        text.replace("\"contoso.pem\"", "\"renewed.pem\"")
            .replace("\"contoso.key\"", "\"renewed.key\"")
    });
    let log = question("a@contoso.com", &["x@example.net"]);
    let changes = renewed.replay(&log).changes;
    assert_eq!(changes[0].differs, ["identity"]);
    let by_recipient = World::new(|text| {
        text.replace(
            "sender_domains = [\"*.contoso.com\"]",
            "sender_domains = [\"contoso.net\"]",
        )
    });
    let report = by_recipient.replay(&question("a@contoso.com", &["x@contoso.com"]));
    assert_eq!((report.changed, report.basis_only), (0, 1));
}

#[test]
fn recipients_that_are_treated_otherwise_are_a_change_of_the_same_tenant() {
    let world = World::new(|text| {
        text.replacen("[[tenant]]\n", "[[tenant]]\non_conflict = \"refuse\"\n", 1)
    });
    let conflict = json!({
        "certificate_names": ["mail.contoso.com"], "mail_from": "a@fabrikam.com",
        "rcpt_to": ["x@example.net"],
    });
    let changes = world.replay(&conflict.to_string()).changes;
    assert_eq!(changes[0].differs, ["recipients"]);
    assert_eq!(changes[0].old.recipients, ["accepted"]);
    assert_eq!(changes[0].new.recipients, ["refused"]);
}

#[test]
fn a_certificate_that_becomes_required_is_a_change_for_those_without() {
    let world = World::new(|text| text.replacen("\"request\"", "\"require\"", 1));
    let log = closed(&json!({}))
        + &closed(&json!({"listener": "lenient"}))
        + &closed(&json!({"no_cert": null, "cert_name": "mail.contoso.com"}));
    let report = world.replay(&log);
    assert_eq!((report.envelopes, report.changed), (3, 1));
    assert_eq!(report.changes[0].first_line, 1);
    assert_eq!(report.changes[0].new.verdict, "certificate-required");
    assert_eq!(report.changes[0].new.recipients, ["refused"]);
}

#[test]
fn an_untrusted_certificate_counts_as_each_configuration_has_it() {
    let world = World::new(|text| text.replace("untrusted_certificate = \"ignore\"\n", ""));
    let log = closed(&json!({"no_cert": "expired", "listener": "lenient"}));
    let report = world.replay(&log);
    assert_eq!(report.changes[0].old.tenant.as_deref(), Some("contoso"));
    assert_eq!(report.changes[0].new.verdict, "unattributed");
}

#[test]
fn closing_lines_have_the_evidence_of_their_transactions() {
    let world = World::new(subdomain_moved);
    for (fields, old, new) in [
        (
            json!({"mail_from_domain": "sales.contoso.com"}),
            "contoso",
            "fabrikam",
        ),
        (
            json!({"mail_from_domain": "Sales.CONTOSO.com."}),
            "contoso",
            "fabrikam",
        ),
        (
            json!({"mail_from_domain": "", "rcpt_domains": "nobody.example,fabrikam.com,contoso.com", "rcpts": 9}),
            "fabrikam",
            "fabrikam",
        ),
        (
            json!({"mail_from_domain": "", "rcpt_domains": ",contoso.com", "rcpts": 2}),
            "contoso",
            "contoso",
        ),
        (
            json!({"mail_from_domain": "", "rcpt_domains": "", "rcpts": 0}),
            "",
            "",
        ),
        (
            json!({"mail_from_domain": "[192.0.2.1]", "rcpt_domains": "contoso.com"}),
            "contoso",
            "contoso",
        ),
        (
            json!({"mail_from_domain": "", "rcpt_domains": "[x:a\\u{2c}contoso.com\\u{2c}b]"}),
            "",
            "",
        ),
        (
            json!({"no_cert": null, "cert_name": "a.example,mail.fabrikam.com"}),
            "fabrikam",
            "fabrikam",
        ),
        (
            json!({"no_cert": null, "cert_name": ""}),
            "contoso",
            "contoso",
        ),
        (json!({"peer": "192.0.2.1:9"}), "", ""),
        (json!({"peer": "[::ffff:10.1.0.5]:9"}), "contoso", "contoso"),
        (json!({"peer": "[fe80::1%2]:25"}), "", ""),
        (json!({"listener": "127.0.0.1:26"}), "contoso", "contoso"),
    ] {
        let then = json!({"tenant": null, "verdict": if old.is_empty() { "unattributed" } else { "tenant" }});
        let mut fields = fields;
        fields["verdict"] = then["verdict"].clone();
        fields["tenant"] = if old.is_empty() {
            Value::Null
        } else {
            json!(old)
        };
        let report = world.replay(&closed(&fields));
        assert_eq!(report.envelopes, 1, "{fields}: {report:?}");
        assert_eq!(report.recorded_otherwise, 0, "{fields}: {report:?}");
        assert_eq!(
            report.changed,
            u64::from(old != new),
            "{fields}: {report:?}"
        );
    }
}

#[test]
fn several_tenants_are_owners_whose_names_are_compared() {
    let both = json!({
        "certificate_names": ["mail.fabrikam.com", "mail.contoso.com"], "mail_from": "",
        "rcpt_to": ["x@example.net"],
    })
    .to_string();
    let swapped = World::new(|text| {
        let (head, tenants) = text.split_once("\n[[tenant]]\n").unwrap();
        let (contoso, fabrikam) = tenants.split_once("\n[[tenant]]\n").unwrap();
        format!("{head}\n[[tenant]]\n{fabrikam}\n[[tenant]]\n{contoso}")
    });
    assert_eq!(swapped.replay(&both).changed, 0);
    let renamed = World::new(|text| text.replace("\"fabrikam\"", "\"tailspin\""));
    let change = &renamed.replay(&both).changes[0];
    assert_eq!(change.differs, ["owner"]);
    assert_eq!(change.old.verdict, "ambiguous");
    let tenants = |names: [&str; 2]| Some(names.map(String::from).to_vec());
    assert_eq!(change.old.tenants, tenants(["contoso", "fabrikam"]));
    assert_eq!(change.new.tenants, tenants(["contoso", "tailspin"]));
    let given_away =
        World::new(|text| text.replace("\"mail.fabrikam.com\"", "\"mail.fabrikam.net\""));
    let change = &given_away.replay(&both).changes[0];
    assert_eq!(
        change.differs,
        ["owner", "upstream", "identity", "recipients"]
    );
    assert_eq!(change.new.tenant.as_deref(), Some("contoso"));
}

#[test]
fn every_line_is_an_envelope_or_passed_over_or_told_whatever_is_in_it() {
    let world = World::new(subdomain_moved);
    let good = [
        closed(&json!({"rcpt_domains": "a\\u{fc}.example,b.example", "rcpts": 2})),
        question("a@sales.contoso.com", &["x@example.net", "postmaster"]),
    ];
    let mut random = fastrand::Rng::with_seed(4);
    let mut log = Vec::new();
    for number in 0..4_000 {
        let mut line = good[number % 2].trim_end().as_bytes().to_vec();
        for _ in 0..random.usize(..4) {
            let at = random.usize(..line.len());
            match random.u8(..3) {
                0 => line[at] = random.u8(..),
                1 => line.truncate(at.max(1)),
                _ => line.insert(at, *random.choice(b"\\\"{}[],:u0\0\xff").unwrap()),
            }
        }
        line.retain(|octet| *octet != b'\n');
        log.extend_from_slice(&line);
        log.push(b'\n');
    }
    let report = replay(&world.old, &world.new, log.as_slice(), NonZeroUsize::MIN).unwrap();
    let told = report.envelopes + report.other_lines + report.not_replayable.lines;
    assert_eq!((report.lines, told), (4_000, 4_000));
    assert!(
        report.envelopes > 500 && report.not_replayable.lines > 500,
        "{report:?}"
    );
}

#[test]
fn lines_that_were_decided_otherwise_at_the_time_are_counted() {
    let world = World::new(unchanged);
    let log = closed(&json!({}))
        + &closed(&json!({"tenant": "fabrikam"}))
        + &closed(&json!({"tenant": null, "verdict": "unattributed"}));
    let report = world.replay(&log);
    assert_eq!((report.envelopes, report.recorded_otherwise), (3, 2));
}

#[test]
fn what_is_no_transaction_is_passed_over() {
    let world = World::new(unchanged);
    let log = "\n{\"timestamp\":\"x\",\"level\":\"INFO\",\"message\":\"session closed\",\"peer\":\"10.1.0.5:1\"}\n\
               {\"level\":\"INFO\",\"message\":\"listening\",\"address\":\"127.0.0.1:25\"}\n"
        .to_owned()
        + &closed(&json!({}))
        + "  \r\n"
        + &question("a@contoso.com", &["x@example.net"]);
    let report = world.replay(&log);
    assert_eq!(
        (report.lines, report.other_lines, report.envelopes),
        (6, 4, 2)
    );
    assert_eq!(report.not_replayable.lines, 0);
}

#[test]
fn what_cannot_be_decided_is_told_with_its_line_and_never_guessed() {
    let world = World::new(|text| text.replace("\"lenient\"", "\"other\""));
    let lines = [
        (
            String::from("2026-11-23 INFO transaction closed\n"),
            "not a JSON object",
        ),
        (String::from("[1]\n"), "not a JSON object"),
        (
            String::from("{\"mail_from\":\"\"\n"),
            "neither a question nor a line of the log",
        ),
        (question("a b@c", &["x@example.net"]), "mail_from \"a b@c\""),
        (question("", &[]), "rcpt_to names no recipient"),
        (
            String::from(
                "{\"certificate_name\":\"x\",\"mail_from\":\"\",\"rcpt_to\":[\"a@b.c\"]}\n",
            ),
            "unknown field `certificate_name`",
        ),
        (
            closed(&json!({"listener": "lenient"})),
            "no listener is called \"lenient\" in ",
        ),
        (closed(&json!({"peer": null})), "the line has no peer"),
        (
            closed(&json!({"peer": "here"})),
            "peer is not what the relay writes",
        ),
        (
            closed(&json!({"peer": "10.1.0.5"})),
            "peer is not what the relay writes",
        ),
        (
            closed(&json!({"peer": "2001:db8::1"})),
            "peer is not what the relay writes",
        ),
        (
            closed(&json!({"no_cert": null})),
            "the line has no cert_name and no no_cert",
        ),
        (
            closed(&json!({"no_cert": "fine"})),
            "no_cert: not a certificate problem",
        ),
        (
            closed(&json!({"no_cert": null, "cert_name": "a.example,..."})),
            "cert_name was cut",
        ),
        (
            closed(&json!({"mail_from_domain": null})),
            "the line has no mail_from_domain",
        ),
        (
            closed(&json!({"mail_from_domain": "a\\x"})),
            "mail_from_domain is not what the relay writes",
        ),
        (
            closed(&json!({"rcpt_domains": null})),
            "the line has no rcpt_domains",
        ),
        (closed(&json!({"rcpts": null})), "the line has no rcpts"),
        (
            closed(
                &json!({"mail_from_domain": "", "rcpt_domains": "contoso.com,...", "rcpts": 200}),
            ),
            "rcpt_domains was cut",
        ),
    ];
    let log: String = lines.iter().map(|(line, _)| line.as_str()).collect();
    let report = world.replay(&log);
    assert_eq!((report.envelopes, report.changed), (0, 0), "{report:?}");
    assert_eq!(report.not_replayable.lines, lines.len() as u64);
    for ((number, (line, wanted)), told) in (1..).zip(&lines).zip(&report.not_replayable.first) {
        assert_eq!(told.line, number, "{line}");
        assert!(told.error.contains(wanted), "{line}{}", told.error);
    }
    let reasons: Vec<_> = report.not_replayable.reasons.into_iter().collect();
    let expected = [
        ("evidence-cut", 2),
        ("evidence-missing", 5),
        ("evidence-unreadable", 5),
        ("listener-unknown", 1),
        ("not-a-question", 2),
        ("not-readable", 4),
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn recipients_that_were_cut_matter_only_where_recipients_decide() {
    let world = World::new(subdomain_moved);
    let fields = json!({"mail_from_domain": "sales.contoso.com", "rcpt_domains": "a.example,...", "rcpts": 400});
    let report = world.replay(&closed(&fields));
    assert_eq!((report.envelopes, report.changed), (1, 1));
}

#[test]
fn what_a_log_quotes_cannot_reach_a_terminal() {
    let world = World::new(unchanged);
    let report = world.replay("{\"\\u001b[31m\\u202e\":1}\n");
    let told = &report.not_replayable.first[0].error;
    assert!(
        told.bytes().all(|octet| matches!(octet, b' '..=b'~')),
        "{told:?}"
    );
}

#[test]
fn octets_that_are_no_text_and_lines_without_end_are_only_those_lines() {
    let world = World::new(subdomain_moved);
    let mut log = question("a@sales.contoso.com", &["x@example.net"]).into_bytes();
    log.extend_from_slice(b"{\"mail_from\":\"\xff\"}\n");
    log.extend(std::iter::repeat_n(b'x', 18 << 20));
    log.push(b'\n');
    log.extend_from_slice(
        question("a@sales.contoso.com", &["x@example.net"])
            .trim_end()
            .as_bytes(),
    );
    let report = replay(&world.old, &world.new, log.as_slice(), NonZeroUsize::MIN).unwrap();
    assert_eq!((report.lines, report.envelopes, report.changed), (4, 2, 2));
    let first = &report.not_replayable.first;
    assert_eq!(
        (first[0].line, first[0].error.as_str()),
        (2, "not UTF-8 text")
    );
    assert_eq!(first[1].line, 3);
    assert!(first[1].error.starts_with("longer than 16777216"));
}

/// Gives what it has in pieces of odd sizes.
struct Dribble<'a>(&'a [u8]);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(7_919);
        self.0.read(&mut buffer[..most])
    }
}

#[test]
fn the_result_depends_neither_on_threads_nor_on_how_the_log_is_read() {
    let world = World::new(subdomain_moved);
    let mut log = String::new();
    for number in 0..40_000 {
        match number % 7 {
            0 => log += &question("a@sales.contoso.com", &[&format!("x@r{number}.example")]),
            1 => log += &closed(&json!({"mail_from_domain": "sales.contoso.com"})),
            2 => writeln!(log, "nonsense {number}").unwrap(),
            3 => log += &closed(&json!({"message": "session closed"})),
            _ => log += &question(&format!("a@s{number}.contoso.com"), &["x@example.net"]),
        }
    }
    assert!(
        log.len() > 5 << 20,
        "{} octets are too few blocks",
        log.len()
    );
    let expected = world.replay(&log);
    assert_eq!(expected.lines, 40_000);
    assert!(expected.changed > 10_000);
    for threads in [1, 2, 5] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let report = replay(&world.old, &world.new, Dribble(log.as_bytes()), threads).unwrap();
        assert_eq!(report, expected, "{threads} threads");
    }
}

#[test]
fn there_is_a_bound_on_the_changes_that_are_told_apart() {
    let tenants = |shift: usize| {
        let mut text = String::new();
        for number in 0..1_100 {
            write!(
                text,
                "[[tenant]]\nname = \"t{number}\"\nsender_domains = [\"d{}.example\"]\n\
                 upstream = \"u{number}.example:25\"\nupstream_trust = [\"ca.pem\"]\n\
                 certificate = \"contoso.pem\"\nkey = \"contoso.key\"\n",
                (number + shift) % 1_100
            )
            .unwrap();
        }
        text
    };
    let world = World::new(|text| {
        let (head, _) = text.split_once("[[tenant]]").unwrap();
        String::from(head) + &tenants(1)
    });
    let old = World::new(|text| {
        let (head, _) = text.split_once("[[tenant]]").unwrap();
        String::from(head) + &tenants(0)
    });
    let log: String = (0..1_100)
        .map(|number| question(&format!("a@d{number}.example"), &["x@example.net"]))
        .collect();
    let report = replay(&old.new, &world.new, log.as_bytes(), NonZeroUsize::MIN).unwrap();
    assert_eq!(report.changed, 1_100);
    assert_eq!((report.changes.len(), report.changed_beyond), (1_000, 100));
}

/// A log that breaks off.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("the disk is gone"))
    }
}

#[test]
fn a_log_that_cannot_be_read_is_an_error_with_any_number_of_threads() {
    let world = World::new(unchanged);
    for threads in [1, 3] {
        let threads = NonZeroUsize::new(threads).unwrap();
        let error = replay(&world.old, &world.new, Broken, threads).unwrap_err();
        assert_eq!(error.to_string(), "the disk is gone");
    }
}
