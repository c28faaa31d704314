//! Answers as JSON, without a tree in between.

use std::io::Write as _;

use crate::attribution::Attribution;
use crate::world::World;

/// One recipient's result.
pub(super) fn result(out: &mut Vec<u8>, world: &World, attribution: &Attribution) {
    push(out, "{\"rcpt\":");
    string(out, &attribution.rcpt);
    let tenant = attribution.tenant.and_then(|tenant| world.tenant(tenant));
    push(out, ",\"tenant\":");
    optional(out, tenant.map(|tenant| tenant.name.as_str()));
    push(out, ",\"direction\":\"");
    push(out, attribution.direction.as_str());
    push(out, "\",\"basis\":\"");
    push(out, attribution.basis.as_str());
    push(out, "\",\"connector\":");
    optional(out, connector(world, attribution));
    push(out, ",\"reply\":");
    string(out, attribution.answer.text());
    push(out, ",\"why\":[");
    for (index, why) in attribution.why.iter().enumerate() {
        if index > 0 {
            push(out, ",");
        }
        let why = why.explained(world);
        push(out, "{\"stage\":\"");
        push(out, why.stage);
        push(out, "\",\"tenant\":");
        optional(out, why.tenant);
        push(out, ",\"connector\":");
        optional(out, why.connector);
        push(out, ",\"outcome\":\"");
        push(out, why.outcome);
        push(out, "\",\"reason\":\"");
        push(out, why.reason);
        push(out, "\",\"documented\":");
        push(out, if why.documented { "true" } else { "false" });
        push(out, ",\"text\":");
        string(out, &why.text);
        push(out, "}");
    }
    push(out, "]}");
}

/// The name of the connector that a message is credited to.
pub(super) fn connector<'w>(world: &'w World, attribution: &Attribution) -> Option<&'w str> {
    let at = attribution.connector?;
    let connectors = &world.tenant(at.tenant)?.inbound_connectors;
    let connector = connectors.get(at.connector)?;
    Some(&connector.name)
}

/// The line for a question that is none; `id` is JSON already.
pub(crate) fn error_line(out: &mut Vec<u8>, id: &str, error: &str) {
    push(out, "{\"id\":");
    push(out, id);
    push(out, ",\"error\":");
    string(out, error);
    push(out, "}\n");
}

pub(super) fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn optional(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => string(out, text),
        None => push(out, "null"),
    }
}

/// A JSON string (RFC 8259 section 7).
fn string(out: &mut Vec<u8>, text: &str) {
    let special = |octet: u8| octet < b' ' || octet == b'"' || octet == b'\\' || octet == 0x7F;
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|octet| special(*octet)) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((octet, tail)) = tail.split_first() else {
            break;
        };
        match octet {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *octet]),
            _ => {
                // Writing to a vector cannot fail.
                let _ = write!(out, "\\u{octet:04x}");
            }
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn strings_read_back_as_they_were() {
        for text in [
            "",
            "plain",
            "a\"b\\c",
            "\r\n\t\0\u{1f}\u{7f}",
            "m\u{fc} \u{1f4e7}",
        ] {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
