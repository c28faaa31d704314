//! What an upstream offers, and what that means for messages.

use tenantry_smtp::{Offer, Reply};

use super::report::{Extension, Offered};

/// Reads the answer to EHLO, beside the one in clear text when there was one before.
pub(super) fn offered(reply: &Reply, clear: Option<&Reply>) -> Offered {
    let lines =
        |reply: &Reply| -> Vec<String> { reply.lines().skip(1).map(str::to_owned).collect() };
    let offer = Offer::parse(reply);
    let extensions = lines(reply);
    let before = clear.map(lines);
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|line| !those.contains(line))
            .cloned()
            .collect()
    };
    Offered {
        reply: reply.code(),
        name: reply.lines().next().unwrap_or_default().to_owned(),
        size: offer.size.filter(|size| *size > 0),
        matters: matters(&offer),
        only_before_tls: before
            .as_deref()
            .map(|before| only(before, &extensions))
            .unwrap_or_default(),
        only_inside_tls: before
            .as_deref()
            .map(|before| only(&extensions, before))
            .unwrap_or_default(),
        extensions,
    }
}

/// The extensions that change what the relay can do for messages.
fn matters(offer: &Offer) -> Vec<Extension> {
    [
        ("CHUNKING", offer.chunking, "content goes by DATA"),
        (
            "BINARYMIME",
            offer.binary_mime,
            "binary messages are refused",
        ),
        (
            "8BITMIME",
            offer.eight_bit_mime,
            "messages with 8-bit content are refused",
        ),
        (
            "SMTPUTF8",
            offer.smtputf8,
            "messages with international addresses are refused",
        ),
        (
            "DSN",
            offer.dsn,
            "requests for notifications are not passed on",
        ),
        (
            "PIPELINING",
            offer.pipelining,
            "each command waits for an answer",
        ),
        (
            "SIZE",
            offer.size.is_some(),
            "messages that are too large are refused late",
        ),
    ]
    .map(|(keyword, offered, without)| Extension {
        keyword,
        offered,
        without,
    })
    .into()
}
