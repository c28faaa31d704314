//! The names by which an endpoint greets and signs, in the style of the service
//! (`exchange-online.md` sections 3 and 4).

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tenantry_smtp::Reply;

use crate::world::Region;

/// An endpoint's names.
#[derive(Debug)]
pub(super) struct Host {
    /// `<HOST>.mail.protection.outlook.com`.
    pub(super) name: String,
    /// `<HOST>.<region>prd01.prod.outlook.com`, as in suffixes and `Hostname=`.
    pub(super) server: String,
}

impl Host {
    pub(super) fn new(region: &Region, configured: Option<&str>) -> Self {
        let region: String = region
            .as_str()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(LONGEST_REGION)
            .collect();
        let name = match configured {
            Some(name) => name.to_owned(),
            None => format!("{region}01LAB0001.mail.protection.outlook.com"),
        };
        let first = name.split('.').next().unwrap_or_default();
        let forest = region.to_ascii_lowercase();
        let server = format!("{first}.{forest}prd01.prod.outlook.com");
        Self { name, server }
    }

    pub(super) fn greeting(&self, session: &str) -> Reply {
        let name = &self.name;
        let now = Timestamp::now().to_zoned(TimeZone::UTC);
        let date = now.strftime("%a, %-d %b %Y %H:%M:%S %z");
        Reply::plain(
            220,
            format!("{name} Microsoft ESMTP MAIL Service ready at {date} [{session}]"),
        )
    }

    /// The reply to EHLO: the list of section 4 in its order, STARTTLS in clear text only. XOORG
    /// is taken and not advertised (section 1.14).
    pub(super) fn ehlo(&self, ip: IpAddr, size: u64, starttls: bool) -> Reply {
        let first = format!("{} Hello [{ip}]", self.name);
        let size = format!("SIZE {size}");
        let lines = [
            Some(first.as_str()),
            Some(size.as_str()),
            Some("PIPELINING"),
            Some("DSN"),
            Some("ENHANCEDSTATUSCODES"),
            starttls.then_some("STARTTLS"),
            Some("8BITMIME"),
            Some("BINARYMIME"),
            Some("CHUNKING"),
            Some("SMTPUTF8"),
        ];
        Reply::multiline(250, None, lines.into_iter().flatten())
    }

    pub(super) fn helo(&self, ip: IpAddr) -> Reply {
        Reply::plain(250, format!("{} Hello [{ip}]", self.name))
    }

    /// A refusal with the suffix that says where, when and in which session.
    pub(super) fn refusal(&self, text: &str, session: &str, ip: IpAddr) -> Reply {
        let server = &self.server;
        let now = Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
            .to_string();
        let text = match text.contains("[ip]") {
            true => text.replace("[ip]", &format!("[{ip}]")),
            false => text.to_owned(),
        };
        plain(&format!("{text} [{server} {now} {session}]"))
    }
}

/// A reply of one line from its text, code first; a text without code is a 451.
pub(super) fn plain(text: &str) -> Reply {
    let split = text.split_once(' ').unwrap_or((text, ""));
    match (split.0.parse(), split.1) {
        (Ok(code), rest) => Reply::plain(code, rest.to_owned()),
        (Err(_), _) => Reply::plain(451, text.to_owned()),
    }
}

const LONGEST_REGION: usize = 16;

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test ends by panicking")]

    use super::*;

    #[test]
    fn an_endpoint_without_a_name_gets_one_from_its_region() {
        let host = Host::new(&Region::new("nam"), None);
        assert_eq!(host.name, "NAM01LAB0001.mail.protection.outlook.com");
        assert_eq!(host.server, "NAM01LAB0001.namprd01.prod.outlook.com");
        let host = Host::new(&Region::new("eur"), Some("mx.lab.example"));
        assert_eq!(host.name, "mx.lab.example");
        assert_eq!(host.server, "mx.eurprd01.prod.outlook.com");
    }

    #[test]
    fn a_refusal_names_the_client_the_server_the_time_and_the_session() {
        let host = Host::new(&Region::new("NAM"), None);
        let ip = "192.0.2.10".parse().unwrap();
        let reply = host.refusal(
            "550 5.7.606 Access denied, banned sending IP [ip]",
            "08DE",
            ip,
        );
        let text = reply.to_string();
        assert!(
            text.starts_with("550 5.7.606 Access denied, banned sending IP [192.0.2.10] [NAM01LAB0001.namprd01.prod.outlook.com 2"),
            "{text}"
        );
        assert!(text.ends_with("Z 08DE]"), "{text}");
        assert_eq!(reply.code(), 550);
    }

    #[test]
    fn an_enhanced_code_of_another_class_stays_as_microsoft_has_it() {
        assert_eq!(plain("550 4.4.4 Mail").to_string(), "550 4.4.4 Mail");
        assert_eq!(plain("421").code(), 421);
        assert_eq!(plain("what").code(), 451);
    }
}
