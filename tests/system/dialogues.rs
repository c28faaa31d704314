//! The line scripts of `tests/data/dialogues`; its README says what the lines mean.

use std::path::{Path, PathBuf};

use crate::client::{Client, PEER, STRANGER, Tls};
use crate::message::arrived;
use crate::world::{Plan, World};

/// One file, taken apart.
struct Dialogue<'a> {
    listener: &'a str,
    from: &'a str,
    certificate: Option<&'a str>,
    delivered: u64,
    content: Option<&'a str>,
    lines: Vec<&'a str>,
}

#[tokio::test]
async fn every_dialogue_goes_as_it_is_written() {
    let paths = files();
    assert!(paths.len() >= 15, "only {} dialogues", paths.len());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let place = path.file_name().unwrap().to_string_lossy().into_owned();
        let world = Plan::standard().start().await;
        play(&world, &Dialogue::parse(&text), &place).await;
        world.stop().await;
    }
}

async fn play(world: &World, dialogue: &Dialogue<'_>, place: &str) {
    let tls = match dialogue.certificate {
        Some(name) => world.pki.client(&[name]),
        None => world.pki.anonymous(),
    };
    let mut client = Client::connect(dialogue.from, world.at(dialogue.listener)).await;
    for line in &dialogue.lines {
        client = step(client, line, &tls, place).await;
    }
    drop(client);
    world.at_rest().await;
    assert_eq!(world.delivered(), dialogue.delivered, "{place}");
    if let Some(content) = dialogue.content {
        let messages = world
            .upstreams
            .iter()
            .flat_map(|upstream| upstream.journal().messages());
        let last = messages.max_by_key(|message| message.at).unwrap();
        assert_eq!(
            arrived(&last).escape_ascii().to_string(),
            octets(content).escape_ascii().to_string(),
            "{place}"
        );
    }
}

async fn step(mut client: Client, line: &str, tls: &Tls, place: &str) -> Client {
    match line
        .split_once(": ")
        .unwrap_or((line.trim_end_matches(':'), ""))
    {
        ("C", text) => client.send([octets(text), b"\r\n".to_vec()].concat()).await,
        ("c", text) => client.send(octets(text)).await,
        ("S", expected) => {
            let answer = client.answer().await;
            let found = format!("{} {}", answer.code, answer.lines[0]);
            assert!(
                found.starts_with(expected),
                "{place}: {found} instead of {expected}"
            );
        }
        ("TLS", _) => client = client.secured(tls).await.unwrap(),
        ("CLOSED", _) => client.expect_closed().await,
        (other, _) => panic!("{place}: {other} is no line of a dialogue"),
    }
    client
}

impl<'a> Dialogue<'a> {
    fn parse(text: &'a str) -> Self {
        let mut dialogue = Dialogue {
            listener: "plain",
            from: PEER,
            certificate: None,
            delivered: 0,
            content: None,
            lines: Vec::new(),
        };
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            let (setting, value) = line.split_once(' ').unwrap_or((line, ""));
            match (setting, value) {
                ("from", "stranger") => dialogue.from = STRANGER,
                ("from", address) => dialogue.from = address,
                ("listener", name) => dialogue.listener = name,
                ("certificate", name) => dialogue.certificate = Some(name),
                ("delivered", number) => dialogue.delivered = number.parse().unwrap(),
                ("content", content) => dialogue.content = Some(content),
                (other, _) => panic!("{other} is no setting of a dialogue"),
            }
        }
        dialogue.lines = lines.filter(|line| !line.is_empty()).collect();
        dialogue
    }
}

/// The octets that a text with escapes stands for.
fn octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet != b'\\' {
            octets.push(octet);
            continue;
        }
        octets.push(match rest.next() {
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => panic!("no such escape: {other:?}"),
        });
    }
    octets
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/dialogues");
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths
}
