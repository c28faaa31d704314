//! F9: every short string around a dot, through the relay, at careless upstreams.

use tenantry_lab::upstream::UpstreamSettings;

use crate::client::{PATIENCE, PEER};
use crate::framing::{SMUGGLED, TENANTS, nothing_was_smuggled, sender};
use crate::message::arrived;
use crate::world::{Plan, TenantPlan, World};

/// F9: every string of at most four octets over CR, LF, NUL, dot and `a` around a dot, through the relay, compared with
/// what the standard says in one line: the end is the first CRLF.CRLF, and strays refuse the message.
#[tokio::test]
async fn every_short_string_around_a_dot_is_what_the_standard_says() {
    let world = Plan::empty()
        .listeners()
        .limits("messages = 1000000\nconnections_per_source = 1000")
        .peer(
            "application",
            "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
        )
        .upstream(|_| clear_text())
        .upstream(|_| clear_text().with_extensions(&["PIPELINING"]))
        .tenant(TenantPlan::owning("a", 0))
        .tenant(TenantPlan::owning("b", 1))
        .every_tenant("upstream_tls = \"none-i-accept-the-risk\"\nmessages_per_connection = 100000")
        .start()
        .await;
    let strings: Vec<Vec<u8>> = (0..=4).flat_map(strings).collect();
    let chunked = enumerate(&world, 0, &strings);
    let stuffed = enumerate(&world, 1, &strings);
    tokio::join!(chunked, stuffed);
    nothing_was_smuggled(world).await;
}

fn clear_text() -> UpstreamSettings {
    UpstreamSettings::plain()
        .keeping_content()
        .with_transcript()
        .lax()
}

async fn enumerate(world: &World, upstream: usize, strings: &[Vec<u8>]) {
    let mut client = world.plain(PEER).await;
    let mut expected = Vec::new();
    let opening = format!(
        "MAIL FROM:<{}>\r\nRCPT TO:<r@elsewhere.example>\r\nDATA\r\n",
        sender(TENANTS[upstream])
    );
    for string in strings {
        for dot in 0..=string.len() {
            let (before, after) = string.split_at(dot);
            let mut wire = [b"a", before, b".", after, b"a\r\n", SMUGGLED, b".\r\n"].concat();
            let end = wire
                .windows(5)
                .position(|five| five == b"\r\n.\r\n")
                .unwrap();
            wire.truncate(end + 5);
            client.send(&opening).await;
            client.expect(250).await;
            client.expect(250).await;
            client.expect(354).await;
            client.send(&wire).await;
            let answer = client.answer().await;
            match content_of(&wire[..end + 2]) {
                Some(content) => {
                    assert_eq!(answer.code, 250, "{answer:?} to {}", wire.escape_ascii());
                    expected.push(content);
                }
                None => assert_eq!(answer.code, 550, "{answer:?} to {}", wire.escape_ascii()),
            }
        }
    }
    client.quit().await;
    let messages = world
        .journal(upstream)
        .await_messages(expected.len() as u64, PATIENCE)
        .await
        .unwrap();
    assert_eq!(messages.len(), expected.len());
    for (record, content) in messages.iter().zip(&expected) {
        assert_eq!(
            arrived(record).escape_ascii().to_string(),
            content.escape_ascii().to_string()
        );
    }
}

/// The content of what stands before the end of data, or `None` if anything in it is no proper line.
fn content_of(wire: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    for line in std::str::from_utf8(wire)
        .ok()?
        .strip_suffix("\r\n")?
        .split("\r\n")
    {
        if line.contains(['\r', '\n', '\0']) {
            return None;
        }
        content.extend_from_slice(line.strip_prefix('.').unwrap_or(line).as_bytes());
        content.extend_from_slice(b"\r\n");
    }
    Some(content)
}

fn strings(length: usize) -> Vec<Vec<u8>> {
    if length == 0 {
        return vec![Vec::new()];
    }
    let shorter = strings(length - 1);
    b"\r\n\0.a"
        .iter()
        .flat_map(|octet| {
            shorter
                .iter()
                .map(move |rest| [&[*octet], rest.as_slice()].concat())
        })
        .collect()
}
