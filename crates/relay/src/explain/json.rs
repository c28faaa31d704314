//! Writing answers as JSON lines, without a tree in between.

use std::io::Write as _;

use tenantry_attribution::{Attribution, Basis, RecipientOutcome, Step, Verdict};

use crate::config::Config;

/// What every answer about a tenant says, prepared once.
#[derive(Debug)]
struct TenantTexts {
    /// The name as a JSON string.
    name: String,
    /// Upstream and identity, as the end of the line.
    route: String,
}

/// Writes answers of one configuration.
#[derive(Debug)]
pub(super) struct Writer {
    tenants: Vec<TenantTexts>,
}

impl Writer {
    pub(super) fn new(config: &Config) -> Self {
        let tenants = config.tenants.iter().map(|tenant| {
            let (mut name, mut upstream) = (Vec::new(), Vec::new());
            string(&mut name, &tenant.name);
            string(&mut upstream, &tenant.first_upstream());
            let upstream = String::from_utf8_lossy(&upstream);
            let identity = tenant.identity.fingerprint();
            TenantTexts {
                name: String::from_utf8_lossy(&name).into_owned(),
                route: format!(",\"upstream\":{upstream},\"identity\":\"{identity}\"}}\n"),
            }
        });
        Self {
            tenants: tenants.collect(),
        }
    }

    /// One answer as one line; `id` is JSON already.
    pub(super) fn answer<'a>(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        attribution: &Attribution,
        recipients: impl Iterator<Item = &'a str>,
    ) {
        push(out, "{\"id\":");
        push(out, id);
        let route = self.verdict(out, &attribution.verdict);
        match attribution.conflict {
            Some(conflict) => {
                push(out, ",\"conflict\":{\"sender_tenant\":");
                push(out, self.name(conflict.sender_tenant.index()));
                push(out, "}");
            }
            None => push(out, ",\"conflict\":null"),
        }
        recipients_of(out, recipients, &attribution.recipients);
        steps_of(out, &attribution.steps);
        push(out, route.unwrap_or(NO_ROUTE));
    }

    /// Verdict, tenant, basis and tenants; the tenant's route, if there is one.
    fn verdict(&self, out: &mut Vec<u8>, verdict: &Verdict) -> Option<&str> {
        match verdict {
            Verdict::Tenant { id, basis } => {
                push(out, ",\"verdict\":\"tenant\",\"tenant\":");
                push(out, self.name(id.index()));
                self.basis(out, *basis);
                push(out, ",\"tenants\":null");
                return self
                    .tenants
                    .get(id.index())
                    .map(|tenant| tenant.route.as_str());
            }
            Verdict::Ambiguous { basis, tenants } => {
                push(out, ",\"verdict\":\"ambiguous\",\"tenant\":null");
                self.basis(out, *basis);
                push(out, ",\"tenants\":[");
                for (index, id) in tenants.iter().enumerate() {
                    comma(out, index);
                    push(out, self.name(id.index()));
                }
                push(out, "]");
            }
            Verdict::Unattributed => push(
                out,
                ",\"verdict\":\"unattributed\",\"tenant\":null,\"basis\":null,\"tenants\":null",
            ),
        }
        None
    }

    fn basis(&self, out: &mut Vec<u8>, basis: Basis) {
        push(out, ",\"basis\":\"");
        push(out, basis.as_str());
        push(out, "\"");
    }

    fn name(&self, tenant: usize) -> &str {
        self.tenants
            .get(tenant)
            .map_or("null", |tenant| tenant.name.as_str())
    }
}

const NO_ROUTE: &str = ",\"upstream\":null,\"identity\":null}\n";

fn recipients_of<'a>(
    out: &mut Vec<u8>,
    recipients: impl Iterator<Item = &'a str>,
    outcomes: &[RecipientOutcome],
) {
    push(out, ",\"recipients\":[");
    for (index, (address, outcome)) in recipients.zip(outcomes).enumerate() {
        comma(out, index);
        push(out, "{\"rcpt\":");
        string(out, address);
        push(out, ",\"outcome\":\"");
        push(out, outcome.as_str());
        push(out, "\"}");
    }
    push(out, "]");
}

fn steps_of(out: &mut Vec<u8>, steps: &[Step]) {
    push(out, ",\"steps\":[");
    for (index, step) in steps.iter().enumerate() {
        comma(out, index);
        push(out, "{\"step\":\"");
        push(out, step.step.as_str());
        push(out, "\",\"outcome\":\"");
        push(out, step.outcome.as_str());
        push(out, "\",\"reason\":\"");
        push(out, step.reason.as_str());
        push(out, "\"}");
    }
    push(out, "]");
}

fn comma(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        push(out, ",");
    }
}

/// The line for a question that is none; `id` is JSON already.
pub(super) fn error(out: &mut Vec<u8>, id: &str, error: &str) {
    push(out, "{\"id\":");
    push(out, id);
    push(out, ",\"error\":");
    string(out, error);
    push(out, "}\n");
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// A JSON string (RFC 8259 section 7).
fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if text
        .bytes()
        .all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f)
    {
        push(out, text);
    } else {
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
                '\0'..='\u{1f}' | '\u{7f}' => {
                    // Writing to a vector cannot fail.
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                _ => push(out, c.encode_utf8(&mut [0; 4])),
            }
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn strings_read_back_as_they_were() {
        for text in [
            "",
            "plain",
            "a\"b\\c",
            "line\r\n\ttab",
            "\0\u{1f}\u{7f}",
            "m\u{fc}ller \u{1f4e7}",
        ] {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
