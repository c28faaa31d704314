//! How commands are grouped towards an upstream: as few round trips as it allows (RFC 2920), and never more at once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::base;
use crate::client::PEER;
use crate::world::TenantPlan;

/// Everything that came before the upstream said another word, per round trip.
type Groups = Arc<Mutex<Vec<String>>>;

/// An upstream in clear text that answers only when nothing more comes by itself.
struct Patient {
    port: u16,
    groups: Groups,
    task: tokio::task::JoinHandle<()>,
}

impl Patient {
    async fn start(extensions: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let groups = Groups::default();
        let heard = Arc::clone(&groups);
        let task = tokio::spawn(async move {
            let (stream, _peer) = listener.accept().await.unwrap();
            serve(stream, extensions, &heard).await;
        });
        Patient { port, groups, task }
    }
}

/// Long against the time between two writes that do not wait for each other.
const SILENCE: Duration = Duration::from_millis(60);

async fn serve(mut stream: TcpStream, extensions: &[&str], heard: &Groups) {
    stream.write_all(b"220 patient.example\r\n").await.unwrap();
    let mut content = false;
    loop {
        let group = group(&mut stream).await;
        if group.is_empty() {
            return;
        }
        heard.lock().unwrap().push(group.clone());
        let mut answers = String::new();
        for line in group.split_inclusive("\r\n") {
            if content {
                if line == ".\r\n" {
                    content = false;
                    answers.push_str("250 2.6.0 taken\r\n");
                }
                continue;
            }
            let verb = line.get(..4).unwrap_or_default();
            match verb {
                "EHLO" => answers.push_str(&ehlo(extensions)),
                "DATA" => {
                    content = true;
                    answers.push_str("354 go on\r\n");
                }
                "QUIT" => answers.push_str("221 2.0.0 bye\r\n"),
                "BDAT" => {
                    answers.push_str("250 2.6.0 taken\r\n");
                    // What follows is its content: the relay never sends commands behind the last chunk.
                    break;
                }
                _ => answers.push_str("250 2.0.0 ok\r\n"),
            }
        }
        stream.write_all(answers.as_bytes()).await.unwrap();
    }
}

async fn group(stream: &mut TcpStream) -> String {
    let mut octets = vec![0; 65_536];
    let mut length = stream.read(&mut octets).await.unwrap_or(0);
    while length > 0 {
        match timeout(SILENCE, stream.read(&mut octets[length..])).await {
            Ok(Ok(more)) if more > 0 => length += more,
            _ => break,
        }
    }
    String::from_utf8_lossy(&octets[..length]).into_owned()
}

fn ehlo(extensions: &[&str]) -> String {
    let lines: String = extensions
        .iter()
        .map(|keyword| format!("250-{keyword}\r\n"))
        .collect();
    format!("250-patient.example\r\n{lines}250 ENHANCEDSTATUSCODES\r\n")
}

/// What the client sends at once, and the replies to it.
type Turn = (&'static str, &'static [u16]);

const PIPELINED: &[Turn] = &[
    (
        "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<x@elsewhere.example>\r\n\
         RCPT TO:<y@elsewhere.example>\r\nDATA\r\n",
        &[250, 250, 250, 354],
    ),
    ("Subject: x\r\n\r\nbody\r\n.\r\n", &[250]),
];

const STEP_BY_STEP: &[Turn] = &[
    ("MAIL FROM:<u@tenant-a.example>\r\n", &[250]),
    ("RCPT TO:<x@elsewhere.example>\r\n", &[250]),
    ("RCPT TO:<y@elsewhere.example>\r\n", &[250]),
    ("DATA\r\n", &[354]),
    ("Subject: x\r\n\r\nbody\r\n.\r\n", &[250]),
];

const ABANDONED_BEFORE: &[Turn] = &[
    ("MAIL FROM:<u@tenant-a.example>\r\n", &[250]),
    ("RCPT TO:<x@elsewhere.example>\r\n", &[250]),
    ("RSET\r\n", &[250]),
    (
        "MAIL FROM:<u@tenant-a.example>\r\nRCPT TO:<x@elsewhere.example>\r\nDATA\r\n",
        &[250, 250, 354],
    ),
    ("Subject: x\r\n\r\nbody\r\n.\r\n", &[250]),
];

/// The upstream's extensions, the client's turns, the verbs of each round trip.
const ROWS: &[(&[&str], &[Turn], &[&str])] = &[
    (
        &["PIPELINING", "8BITMIME"],
        PIPELINED,
        &["EHLO", "MAIL RCPT RCPT DATA", "content"],
    ),
    (
        &["PIPELINING", "8BITMIME", "CHUNKING"],
        PIPELINED,
        &["EHLO", "MAIL RCPT RCPT", "BDAT content"],
    ),
    (
        &["8BITMIME"],
        PIPELINED,
        &["EHLO", "MAIL", "RCPT", "RCPT", "DATA", "content"],
    ),
    (
        &["8BITMIME", "CHUNKING"],
        PIPELINED,
        &["EHLO", "MAIL", "RCPT", "RCPT", "BDAT content"],
    ),
    (
        &["PIPELINING", "8BITMIME"],
        STEP_BY_STEP,
        &["EHLO", "MAIL RCPT", "RCPT", "DATA", "content"],
    ),
    (
        &["PIPELINING", "8BITMIME"],
        ABANDONED_BEFORE,
        &["EHLO", "MAIL RCPT", "RSET MAIL RCPT DATA", "content"],
    ),
    (
        &["8BITMIME"],
        ABANDONED_BEFORE,
        &[
            "EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "DATA", "content",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_go_upstream_in_as_few_round_trips_as_it_allows() {
    for (extensions, turns, wanted) in ROWS {
        let upstream = Patient::start(extensions).await;
        let keys = format!(
            "upstream = \"127.0.0.1:{}\"\nupstream_tls = \"none-i-accept-the-risk\"",
            upstream.port
        );
        let world = base()
            .tenant(TenantPlan::owning("a", 0).keys(&keys))
            .start()
            .await;
        let mut client = world.plain(PEER).await;
        for (sent, codes) in *turns {
            client.send(sent).await;
            for code in *codes {
                client.expect(*code).await;
            }
        }
        client.quit().await;
        world.stop().await;
        upstream.task.await.unwrap();
        let groups = upstream.groups.lock().unwrap().clone();
        let mut verbs: Vec<String> = groups.iter().map(|group| verbs_of(group)).collect();
        assert_eq!(verbs.pop().as_deref(), Some("QUIT"));
        assert_eq!(verbs, *wanted, "{extensions:?}: {groups:?}");
    }
}

/// The verbs of a group, with everything that is not a command as `content`.
fn verbs_of(group: &str) -> String {
    const VERBS: [&str; 7] = ["EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT"];
    let mut verbs: Vec<&str> = Vec::new();
    for line in group.lines() {
        let verb = VERBS
            .into_iter()
            .find(|verb| line.starts_with(verb))
            .unwrap_or("content");
        if verb != "content" || verbs.last() != Some(&"content") {
            verbs.push(verb);
        }
    }
    verbs.join(" ")
}
