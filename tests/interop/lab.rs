//! The lab as the real program, and its journal and maildirs as they are on disk.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab_world::LabTenant;
use crate::message::{Message, number_of, prefix_of};
use crate::server::{Server, addresses_in};

const PATIENCE: Duration = Duration::from_secs(120);

/// A running `tenantry lab run`; dropping it stops it.
pub(crate) struct Lab {
    _server: Server,
    journal: Journal,
    mail: PathBuf,
    addresses: Vec<SocketAddr>,
}

/// The journal's file, followed line by line.
struct Journal {
    tail: Child,
    lines: Mutex<Receiver<String>>,
}

impl Lab {
    /// Starts the lab on a world file or folder; journal and mail go below `folder`.
    pub(crate) fn start(world: &Path, folder: &Path) -> Self {
        let (journal, mail) = (folder.join("journal.jsonl"), folder.join("mail"));
        let server = Server::start(&[
            OsStr::new("lab"),
            OsStr::new("run"),
            OsStr::new("--world"),
            world.as_os_str(),
            OsStr::new("--journal"),
            journal.as_os_str(),
            OsStr::new("--maildir"),
            mail.as_os_str(),
        ]);
        let lines = server.lines_until("the lab listens");
        Self {
            addresses: lines.iter().flat_map(|line| addresses_in(line)).collect(),
            journal: Journal::follow(&journal),
            mail,
            _server: server,
        }
    }

    /// The endpoint of Europe, in the world of `lab_world`.
    pub(crate) fn europe(&self) -> SocketAddr {
        self.on([127, 0, 0, 1])
    }

    /// The endpoint of North America, in the world of `lab_world`.
    pub(crate) fn america(&self) -> SocketAddr {
        self.on([127, 0, 0, 2])
    }

    fn on(&self, ip: [u8; 4]) -> SocketAddr {
        let mut addresses = self.addresses.iter();
        let found = addresses.find(|address| address.ip() == IpAddr::from(ip));
        *found.unwrap_or_else(|| panic!("no endpoint on {ip:?}: {:?}", self.addresses))
    }

    /// Waits for so many more records of the journal, refused ones too.
    pub(crate) fn records(&self, count: usize) -> Vec<Value> {
        self.records_while(|records| records.len() < count)
    }

    /// Waits for more records of the journal until one of them is a bounce.
    pub(crate) fn records_until_bounce(&self) -> Vec<Value> {
        self.records_while(|records| records.last().is_none_or(|last| last["mail_from"] != ""))
    }

    /// Waits for more records of the journal until a message was taken and its client heard so.
    pub(crate) fn records_until_answered(&self) -> Vec<Value> {
        self.records_while(|records| {
            let heard = |last: &Value| last["accepted"] == true && last["unanswered"] == false;
            !records.last().is_some_and(heard)
        })
    }

    fn records_while(&self, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let end = Instant::now() + PATIENCE;
        let lines = self.journal.lines.lock().expect("the lines");
        let mut records = Vec::new();
        while wanted(&records) {
            let left = end.saturating_duration_since(Instant::now());
            let line = lines
                .recv_timeout(left)
                .unwrap_or_else(|error| panic!("{error}: the journal has only {records:#?}"));
            let record = serde_json::from_str(&line);
            records.push(record.unwrap_or_else(|error| panic!("{error}: {line}")));
        }
        records
    }

    /// Waits for the next record of the journal.
    pub(crate) fn record(&self) -> Value {
        self.records(1).pop().expect("a record")
    }

    /// The journal has said nothing that was not asked for.
    pub(crate) fn expect_silence(&self) {
        let lines = self.journal.lines.lock().expect("the lines");
        let line = lines.try_recv();
        assert!(line.is_err(), "the journal has more: {line:?}");
    }

    /// The messages in a tenant's maildir.
    pub(crate) fn mail(&self, tenant: &str) -> Vec<Vec<u8>> {
        let folder = self.mail.join(tenant).join("new");
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        entries
            .map(|entry| fs::read(entry.expect("an entry").path()).expect("a message"))
            .collect()
    }

    /// The messages in a tenant's maildir by their numbers; each is there once.
    pub(crate) fn numbered_mail(&self, tenant: &str) -> BTreeMap<u32, Vec<u8>> {
        let mut found = BTreeMap::new();
        for file in self.mail(tenant) {
            let number = number_of(&file).expect("X-Number");
            let before = found.insert(number, file);
            assert!(before.is_none(), "{tenant} has message {number} twice");
        }
        found
    }
}

impl Journal {
    fn follow(file: &Path) -> Self {
        let mut tail = Command::new("tail")
            .args(["--lines=+1", "--follow=name", "--retry", "--quiet"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tail starts");
        let output = tail.stdout.take().expect("its output");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            tail,
            lines: Mutex::new(lines),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.tail.kill();
        let _ = self.tail.wait();
    }
}

/// What the lab must have of one message that was relayed for a tenant by its certificate.
pub(crate) struct Attributed<'a> {
    /// The tenant.
    pub(crate) tenant: &'a LabTenant,
    /// What the connecting address is taken for.
    pub(crate) ip: &'a str,
    /// The message as it was sent.
    pub(crate) message: &'a Message,
    /// The sender.
    pub(crate) from: &'a str,
    /// The recipients.
    pub(crate) to: &'a [String],
    /// How many `Received` fields the programs on the way put in front.
    pub(crate) received: usize,
}

impl Attributed<'_> {
    /// Compares with the journal's record and with the tenant's maildir.
    pub(crate) fn check(&self, lab: &Lab, record: &Value) {
        let number = self.message.number;
        let mail = lab.numbered_mail(&self.tenant.name);
        let file = mail.get(&number);
        let file = file.unwrap_or_else(|| panic!("{} lacks message {number}", self.tenant.name));
        self.check_record(record);
        self.check_file(record, file);
    }

    /// Compares with the journal's record.
    pub(crate) fn check_record(&self, record: &Value) {
        let tenant = self.tenant;
        let number = self.message.number;
        let expected = serde_json::json!({
            "accepted": true,
            "tenant": tenant.name,
            "direction": "originating",
            "basis": "certificate",
            "connector": tenant.connector,
            "matched_name": tenant.certificate_name(),
            "ip": self.ip,
            "mail_from": self.from,
            "message_id": format!("<{number}.interop@sender.example>"),
        });
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(&record[key], value, "message {number}, {key}: {record:#}");
        }
        self.check_certificate(&record["certificate"]);
        let reply = record["reply"].as_str().expect("a reply");
        assert!(reply.starts_with("250 2.6.0 "), "message {number}: {reply}");
        let mut found: Vec<&str> = strings(&record["rcpt_to"]);
        found.sort_unstable();
        let mut wanted: Vec<&str> = self.to.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "message {number}");
    }

    fn check_certificate(&self, certificate: &Value) {
        let number = self.message.number;
        let expected = serde_json::json!({
            "names": [self.tenant.certificate_name()],
            "fingerprint": self.tenant.fingerprint,
            "trusted": true,
            "problem": null,
        });
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(
                &certificate[key], value,
                "message {number}, {key}: {certificate:#}"
            );
        }
        let issuer = certificate["issuer"].as_str().expect("an issuer");
        assert!(issuer.contains("CN="), "message {number}: {issuer}");
    }

    /// The file of the maildir ends with the message, octet for octet; what the journal's size and
    /// SHA-256 speak of begins where the lab's own fields end.
    pub(crate) fn check_file(&self, record: &Value, file: &[u8]) {
        let number = self.message.number;
        let size = record["size"].as_u64().expect("a size");
        let size = usize::try_from(size).expect("a size");
        let stamps = file.len().checked_sub(size).expect("no less than received");
        let (stamps, content) = file.split_at(stamps);
        let fields = prefix_of(content, &self.message.content)
            .unwrap_or_else(|problem| panic!("message {number}: {problem}"));
        assert_eq!(fields.len(), self.received, "message {number}: {fields:?}");
        for field in &fields {
            assert!(field.starts_with("Received: "), "{field:?}");
        }
        assert_eq!(record["sha256"], sha256(content), "message {number}");
        let stamps = String::from_utf8_lossy(stamps);
        for field in [
            "X-MS-Exchange-Organization-MessageDirectionality: Originating\r\n",
            "X-EOPAttributedMessage: 0\r\n",
            "X-EOPTenantAttributedMessage: ",
        ] {
            assert!(stamps.contains(field), "{field:?} is not in {stamps:?}");
        }
    }
}

/// The strings of a JSON list.
pub(crate) fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().expect("a list");
    list.iter()
        .map(|item| item.as_str().expect("a string"))
        .collect()
}

/// By a program that shares nothing with the lab.
fn sha256(octets: &[u8]) -> String {
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sha256sum starts");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(octets).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("sha256sum ends");
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().next().unwrap_or("").to_owned()
}
