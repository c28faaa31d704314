//! UT, UR and CL-04: what upstreams do, good and bad, and what becomes of it.

mod capabilities;
mod pipelining;
mod pool;
mod probe;
mod replies;
mod stray;
mod tls;
mod trouble;
mod verdicts;

use tenantry_lab::upstream::UpstreamSettings;

use crate::client::{Answer, Client, Envelope};
use crate::message::{FROM_A, SMALL};
use crate::world::{Pki, Plan, TenantPlan, World};

/// How an upstream takes content and commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// CHUNKING and PIPELINING.
    Bdat,
    /// PIPELINING, no CHUNKING.
    Data,
    /// Neither: one command at a time.
    OneByOne,
}

/// All kinds.
const KINDS: [Kind; 3] = [Kind::Bdat, Kind::Data, Kind::OneByOne];

impl Kind {
    fn settings(self, pki: &Pki) -> UpstreamSettings {
        let settings = pki.upstream().keeping_content().with_transcript();
        match self {
            Kind::Bdat => settings,
            Kind::Data => {
                settings.with_extensions(&["SIZE 157286400", "PIPELINING", "DSN", "8BITMIME"])
            }
            Kind::OneByOne => settings.with_extensions(&["SIZE 157286400", "8BITMIME"]),
        }
    }
}

/// One upstream, tenant `a` in front of it, and a plain listener for a peer that may send for it.
fn one_upstream(make: impl FnOnce(&Pki) -> UpstreamSettings + 'static) -> Plan {
    base().upstream(make).tenant(TenantPlan::owning("a", 0))
}

/// A plain listener and a peer, no tenant yet.
fn base() -> Plan {
    Plan::empty().listener("plain", "tls = \"off\"").peer(
        "application",
        "networks = [\"127.0.0.1/32\"]\ntenants = [\"*\"]",
    )
}

/// The world with the second upstream as a spare of the first tenant's.
async fn with_spare(plan: Plan) -> World {
    let mut world = plan.start().await;
    let [first, second] =
        [0, 1].map(|index| format!("localhost:{}", world.upstreams[index].address().port()));
    let config = world.config.replace(
        &format!("upstream = \"{first}\""),
        &format!("upstream = [\"{first}\", \"{second}\"]"),
    );
    world.reload(&config).unwrap();
    world
}

/// Where an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Rcpt,
    Data,
    End,
}

/// Tries to send a message on a session that has said EHLO, as far as it is let; the last answer says how it went. The
/// session is ready for the next message afterwards.
async fn attempt(client: &mut Client, envelope: Envelope<'_>, raw: &[u8]) -> (At, Answer) {
    client
        .says(format!("MAIL FROM:<{}>", envelope.sender), 250)
        .await;
    let mut accepted = 0;
    let mut refused = None;
    for recipient in envelope.recipients {
        let answer = client.command(format!("RCPT TO:<{recipient}>")).await;
        if answer.code == 250 {
            accepted += 1;
        } else {
            refused = Some(answer);
        }
    }
    if let Some(answer) = refused.filter(|_| accepted == 0) {
        client.says("RSET", 250).await;
        return (At::Rcpt, answer);
    }
    let answer = client.command("DATA").await;
    if answer.code != 354 {
        client.says("RSET", 250).await;
        return (At::Data, answer);
    }
    client.send(raw).await;
    (At::End, client.answer().await)
}

/// A message with so many octets of body in lines, with its end of data.
fn large(octets: usize) -> Vec<u8> {
    let mut message = b"Subject: large\r\n\r\n".to_vec();
    while message.len() < octets {
        message.extend_from_slice(
            b"A line of a large message, one of very many that are all alike.\r\n",
        );
    }
    message.extend_from_slice(b".\r\n");
    message
}
