//! `tenantry lab run`, alone and with the relay in front.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::client::{Answers, Delivery};
use crate::program::{
    Box, CANNOT_BIND, CONFIGURATION, INTERNAL, OK, USAGE, command, tenantry, text,
};

/// A program that runs; dropping it kills it.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// Every line that was read, of both outputs.
    seen: Vec<String>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (sender, lines) = channel();
        let outputs: [std::boxed::Box<dyn Read + Send>; 2] = [
            std::boxed::Box::new(child.stdout.take().unwrap()),
            std::boxed::Box::new(child.stderr.take().unwrap()),
        ];
        for output in outputs {
            let sender = sender.clone();
            // Ends with the program, or with the test.
            std::thread::spawn(move || {
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                lines
                    .map(|line| sender.send(line))
                    .take_while(Result::is_ok)
                    .count()
            });
        }
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    /// A lab that listens.
    pub(crate) fn lab(made: &Box, more: &[&str]) -> Self {
        let mut lab = Self::start(&[&["lab", "run", "--world", made.world()], more].concat());
        lab.await_line("the lab listens");
        lab
    }

    fn await_line(&mut self, part: &str) {
        loop {
            let line = self.lines.recv_timeout(SOON);
            let line = line.unwrap_or_else(|_| panic!("no {part:?} in {:#?}", self.seen));
            self.seen.push(line);
            if self.seen.last().is_some_and(|line| line.contains(part)) {
                return;
            }
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; gives the exit code and all that was said.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        while let Ok(line) = self.lines.recv_timeout(SOON) {
            self.seen.push(line);
        }
        let code = self.child.wait().unwrap().code();
        (code, std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already when the test went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `world.toml` says that a region listens.
fn endpoint(made: &Box, region: &str) -> SocketAddr {
    let world: toml::Table = fs::read_to_string(made.path.join("world.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let endpoints = world["endpoint"].as_array().unwrap();
    let found = endpoints
        .iter()
        .find(|endpoint| endpoint["region"].as_str() == Some(region));
    found.unwrap()["address"].as_str().unwrap().parse().unwrap()
}

/// A stranger's message to somebody.
async fn incoming(to: SocketAddr, rcpt: &str) -> Answers {
    let delivery = Delivery {
        from: [127, 0, 0, 12].into(),
        to,
        name: "",
        tls: None,
        certificate: None,
        mail_from: "v@vendor.test",
        rcpt_to: &[rcpt.to_owned()],
        content: "Subject: test\r\n\r\nHello.",
    };
    delivery.send().await
}

#[tokio::test]
async fn a_terminated_lab_prints_totals_and_ends_with_0() {
    let made = Box::on_free_ports(&[]);
    let (journal, mail) = (made.file("journal.jsonl"), made.file("mail"));
    let mut lab = Running::lab(&made, &["--journal", &journal, "--maildir", &mail]);
    let known = lab.seen.iter();
    let doors = known.filter(|line| line.contains("tenant-0001-example.mail.protection"));
    assert_eq!(doors.count(), 1, "{:#?}", lab.seen);
    let answers = incoming(endpoint(&made, "EUR"), "u@tenant-0001.example").await;
    assert!(answers.content.unwrap().starts_with("250 2.6.0"));
    incoming(endpoint(&made, "EUR"), "x@internet.test").await;
    lab.await_line("tenant-0001: 1 accepted");
    lab.signal("-TERM");
    let (code, said) = lab.end();
    assert_eq!(code, Some(OK));
    assert!(
        said.contains(&"1 accepted, 1 refused".to_owned()),
        "{said:#?}"
    );
    assert_eq!(fs::read_to_string(&journal).unwrap().lines().count(), 2);
    let kept = fs::read_dir(made.path.join("mail/tenant-0001/new")).unwrap();
    assert_eq!(kept.count(), 1);
}

#[test]
fn the_time_given_ends_it_and_quiet_says_nothing() {
    let made = Box::on_free_ports(&[]);
    let start = ["lab", "run", "--world", made.world(), "--duration", "50ms"];
    let ended = tenantry(&start);
    assert_eq!(ended.status.code(), Some(OK), "{}", text(&ended.stderr));
    assert!(text(&ended.stdout).ends_with("0 accepted, 0 refused\n"));
    let quiet = tenantry(&[&start[..], &["--quiet"]].concat());
    assert_eq!(quiet.status.code(), Some(OK));
    assert_eq!(
        (text(&quiet.stdout), text(&quiet.stderr)),
        Default::default()
    );
}

#[tokio::test]
async fn a_hangup_reads_the_world_again_and_a_bad_one_changes_nothing() {
    let made = Box::on_free_ports(&[]);
    let at = endpoint(&made, "EUR");
    let mut lab = Running::lab(&made, &[]);
    let domains = made.path.join("tenants/tenant-0001/AcceptedDomain.json");
    let before = fs::read_to_string(&domains).unwrap();
    let refused = |answers: Answers| answers.content.unwrap().starts_with("550 5.7.64");

    let name = "\"DomainName\": \"tenant-0001.example\"";
    assert!(before.contains(name));
    fs::write(&domains, before.replace(name, "\"DomainName\": [7]")).unwrap();
    lab.signal("-HUP");
    lab.await_line("the old one stays");
    assert!(!refused(incoming(at, "u@tenant-0001.example").await));
    assert!(refused(incoming(at, "u@new.example").await));

    fs::write(
        &domains,
        before.replace("tenant-0001.onmicrosoft.com", "new.example"),
    )
    .unwrap();
    let world = made.path.join("world.toml");
    let text = fs::read_to_string(&world).unwrap();
    let fault = "\n[[fault]]\nstage = \"mail\"\nreply = \"server-busy\"\n";
    fs::write(&world, text + fault).unwrap();
    // One tenant less, and one more, before all others.
    fs::remove_dir_all(made.path.join("tenants/tenant-0002")).unwrap();
    let newcomer = made.path.join("tenants/newcomer");
    fs::create_dir(&newcomer).unwrap();
    fs::write(
        newcomer.join("tenant.toml"),
        "name = \"newcomer\"\nregion = \"EUR\"\naccepted_domains = [\"newcomer.example\"]\n",
    )
    .unwrap();
    lab.signal("-HUP");
    lab.await_line("not taken before the next start: [[fault]]");
    lab.await_line("was read again");
    assert!(!refused(incoming(at, "u@new.example").await));
    assert!(!refused(incoming(at, "u@newcomer.example").await));
    assert!(refused(incoming(at, "u@tenant-0002.example").await));

    lab.signal("-INT");
    let (code, said) = lab.end();
    assert_eq!(code, Some(OK));
    let total = |tenant: &str, count: &str| {
        said.iter().any(|line| {
            let mut words = line.split_whitespace();
            words.next() == Some(tenant) && words.nth(1) == Some(count)
        })
    };
    assert!(
        total("tenant-0001", "2") && total("newcomer", "1"),
        "{said:#?}"
    );
}

#[test]
fn what_keeps_the_lab_from_starting_has_its_exit_code() {
    let made = Box::on_free_ports(&[]);
    let taken = TcpListener::bind(endpoint(&made, "NAM")).unwrap();
    let run = |more: &[&str]| {
        let start = ["lab", "run", "--world", made.world(), "--duration", "50ms"];
        let ended = tenantry(&[&start[..], more].concat());
        (ended.status.code(), text(&ended.stderr))
    };
    let (code, told) = run(&[]);
    assert_eq!(code, Some(CANNOT_BIND), "{told}");
    assert!(told.contains("NAM"), "{told}");
    drop(taken);
    let (code, told) = run(&["--journal", "/nowhere/journal.jsonl"]);
    assert_eq!(code, Some(CONFIGURATION), "{told}");
    assert!(told.contains("/nowhere/journal.jsonl"), "{told}");
    fs::write(made.path.join("world.toml"), "colour = 1\n").unwrap();
    let (code, told) = run(&[]);
    assert_eq!(code, Some(CONFIGURATION), "{told}");
    assert!(told.contains("colour"), "{told}");
    fs::write(made.path.join("world.toml"), "").unwrap();
    let (code, told) = run(&[]);
    assert_eq!(code, Some(CONFIGURATION), "{told}");
    assert!(told.contains("[server]"), "{told}");
    let no_time = tenantry(&["lab", "run", "--world", made.world(), "--duration", "0s"]);
    assert_eq!(no_time.status.code(), Some(USAGE));
}

/// The whole promise: one server, many tenants, and each message is its sender's tenant's.
#[tokio::test]
async fn with_tenantry_in_front_every_message_is_its_own_tenant_s() {
    let made = Box::on_free_ports(&["--scenario", "one-server-many-tenants-with-tenantry"]);
    everything_is_its_own_tenant_s(&made, "relay.toml").await;
}

/// The same with a relay whose tenants were imported from the exports.
#[tokio::test]
async fn with_imported_tenants_every_message_is_its_own_tenant_s() {
    let made = Box::on_free_ports(&["--scenario", "one-server-many-tenants-with-tenantry"]);
    let (exports, certificates) = (made.file("tenants"), made.file("pki/clients"));
    let folder = made.file("tenants.d");
    let import = [
        "import",
        &exports,
        "--certificates",
        &certificates,
        "--output",
        &folder,
    ];
    let imported = tenantry(&import);
    assert_eq!(
        imported.status.code(),
        Some(OK),
        "{}",
        text(&imported.stderr)
    );
    // Of the relay's configuration everything but its tenants, and of those where the lab is.
    let relay = fs::read_to_string(made.file("relay.toml")).unwrap();
    let parsed: toml::Table = relay.parse().unwrap();
    let tenant = &parsed["tenant"][0];
    let lab = format!(
        "upstream = {}\nupstream_name = {}\nupstream_trust = [\"../pki/authority.pem\"]",
        tenant["upstream"], tenant["upstream_name"]
    );
    let mut replaced = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let upstream = |line: &&str| line.starts_with("upstream = ");
        let line = text.lines().find(upstream).unwrap();
        fs::write(&path, text.replace(line, &lab)).unwrap();
        replaced += 1;
    }
    assert_eq!(replaced, parsed["tenant"].as_array().unwrap().len());
    let above = relay.split("[[tenant]]").next().unwrap();
    let config = format!("include = [\"tenants.d/*.toml\"]\n{above}");
    fs::write(made.file("imported.toml"), config).unwrap();
    everything_is_its_own_tenant_s(&made, "imported.toml").await;
}

/// Sends the sample through a relay to the lab, whose journal says whose each message became.
async fn everything_is_its_own_tenant_s(made: &Box, config: &str) {
    let (journal, config) = (made.file("journal.jsonl"), made.file(config));
    let lab = Running::lab(made, &["--journal", &journal]);
    let mut relay = Running::start(&["run", "--config", &config]);
    relay.await_line("listening");
    let text = fs::read_to_string(&config).unwrap();
    let relay_config: toml::Table = text.parse().unwrap();
    let at = relay_config["listener"][0]["address"].as_str().unwrap();
    let (certificate, pki) = (
        made.path.join("pki/clients/exchange"),
        made.path.join("pki"),
    );
    let questions = made.lines("relay-sample.jsonl");
    for question in &questions {
        let rcpts = question["rcpt_to"].as_array().unwrap().iter();
        let rcpts: Vec<String> = rcpts
            .map(|rcpt| rcpt.as_str().unwrap().to_owned())
            .collect();
        let delivery = Delivery {
            from: [127, 0, 0, 1].into(),
            to: at.parse().unwrap(),
            name: "relay.example",
            tls: Some(&pki),
            certificate: Some(&certificate),
            mail_from: question["mail_from"].as_str().unwrap(),
            rcpt_to: &rcpts,
            content: "Subject: test\r\n\r\nHello.",
        };
        let answers = delivery.send().await;
        assert!(
            answers
                .recipients
                .iter()
                .all(|reply| reply.starts_with("250 "))
        );
        let last = answers.content.unwrap();
        assert!(last.starts_with("250 "), "{question}: {last}");
    }
    relay.signal("-TERM");
    assert_eq!(relay.end().0, Some(OK));
    lab.signal("-TERM");
    assert_eq!(lab.end().0, Some(OK));
    let records = made.lines("journal.jsonl");
    let expected = made.lines("expected.jsonl");
    assert_eq!(records.len(), questions.len());
    for (record, expected) in records.iter().zip(&expected) {
        for key in ["tenant", "direction", "basis", "connector"] {
            assert_eq!(record[key], expected["results"][0][key], "{record}");
        }
        assert_eq!(record["ip"], "192.0.2.10");
    }
}

const SOON: Duration = Duration::from_secs(30);

#[test]
fn an_event_is_told_when_it_has_its_time() {
    let made = Box::on_free_ports(&[]);
    let world = made.path.join("world.toml");
    let mut text = fs::read_to_string(&world).unwrap();
    text.push_str(
        "\n[[event]]\nat = \"1ms\"\nkind = \"domain-added\"\ntenant = \"tenant-0001\"\n\
         domain = \"new.example\"\n",
    );
    fs::write(&world, text).unwrap();
    let mut lab = Running::lab(&made, &[]);
    lab.await_line("1ms domain-added tenant=tenant-0001 domain=new.example");
    lab.signal("-TERM");
    assert_eq!(lab.end().0, Some(OK));
}

#[tokio::test]
async fn a_journal_with_gaps_is_said_and_is_no_success() {
    let made = Box::on_free_ports(&[]);
    let lab = Running::lab(&made, &["--journal", "/dev/full"]);
    incoming(endpoint(&made, "EUR"), "u@tenant-0001.example").await;
    lab.signal("-TERM");
    let (code, said) = lab.end();
    assert_eq!(code, Some(INTERNAL), "{said:#?}");
    let told = "/dev/full: 1 lines could not be written";
    assert!(said.iter().any(|line| line.contains(told)), "{said:#?}");
}
