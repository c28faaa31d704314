//! Listeners: addresses that do not collide, TLS wherever strangers can reach them.

use std::net::SocketAddr;
use std::sync::Arc;

use tenantry_attribution::UntrustedCertificate;
use tenantry_net::{MinVersion, Request, ServerTls, Tickets};
use tenantry_settings::quoted;

use super::super::file::ListenerSection;
use super::super::problem::Place;
use super::super::tree::Setting;
use super::super::{HeaderFirewall, Listener, ListenerTls};
use super::{Context, Unique, message_size, tls};

/// Resolves all listeners.
pub(super) fn resolve(sections: &[ListenerSection], context: &mut Context<'_>) -> Vec<Listener> {
    if sections.is_empty() {
        let remedy = "add a [[listener]] with an address, a certificate and a key";
        context.report(context.main.error("listener", "is missing", remedy));
    }
    let mut names = Unique::new();
    let mut bound: Vec<(SocketAddr, Place)> = Vec::new();
    sections
        .iter()
        .filter_map(|section| {
            let address = address(section, &mut bound, context);
            let name = name(section, &mut names, context);
            let server_tls = server_tls(section, address, context);
            let max_message_size =
                message_size(&section.max_message_size, &section.heading, context);
            let address = address?;
            Some(Listener {
                name: name.unwrap_or_else(|| Arc::from(address.to_string())),
                address,
                tls: mode(section),
                server_tls,
                client_certificates: asked(section),
                untrusted_certificate: section
                    .untrusted_certificate
                    .as_ref()
                    .map_or(UntrustedCertificate::Refuse, |word| word.value),
                header_firewall: section
                    .header_firewall
                    .as_ref()
                    .map_or(HeaderFirewall::Remove, |word| word.value),
                max_message_size,
                tls_min_version: min_version(&section.tls_min_version),
                session_tickets: tickets(section),
            })
        })
        .collect()
}

/// The oldest TLS version, or the default.
pub(super) fn min_version(setting: &Option<Setting<MinVersion>>) -> MinVersion {
    setting
        .as_ref()
        .map_or(MinVersion::Tls12, |word| word.value)
}

/// When TLS begins, or the default.
pub(super) fn mode(section: &ListenerSection) -> ListenerTls {
    section
        .tls
        .as_ref()
        .map_or(ListenerTls::StarttlsRequired, |word| word.value)
}

/// Whether clients are asked for a certificate, or the default.
pub(super) fn asked(section: &ListenerSection) -> Request {
    section
        .client_certificates
        .as_ref()
        .map_or(Request::Off, |word| word.value)
}

/// Whether clients may resume sessions, or the default.
pub(super) fn tickets(section: &ListenerSection) -> Tickets {
    match section
        .session_tickets
        .as_ref()
        .is_none_or(|setting| setting.value)
    {
        true => Tickets::On,
        false => Tickets::Off,
    }
}

/// The TLS side of a listener, as far as it can be loaded.
fn server_tls(
    section: &ListenerSection,
    address: Option<SocketAddr>,
    context: &mut Context<'_>,
) -> Option<Arc<ServerTls>> {
    if mode(section) == ListenerTls::Off {
        plaintext(section, address, context);
        return None;
    }
    let heading = &section.heading;
    let identity = context.identity(heading, &section.certificate, &section.key);
    let policy = match asked(section) {
        Request::Off => {
            unused_trust(section, context);
            None
        }
        Request::Request | Request::Require => tls::policy(section, context),
    };
    if asked(section) == Request::Require && mode(section) == ListenerTls::Starttls {
        let what = "holds only for clients that begin TLS, which this listener leaves to them";
        let remedy = "set tls = \"starttls-required\"";
        let key = heading.key("client_certificates");
        context.report(place(section).warning(key, what, remedy));
    }
    tls::server(section, identity?, policy, context)
}

fn place(section: &ListenerSection) -> &Place {
    section
        .client_certificates
        .as_ref()
        .map_or(&section.heading.at, |setting| &setting.at)
}

/// Without TLS there are no certificates, and only this host may connect.
fn plaintext(section: &ListenerSection, address: Option<SocketAddr>, context: &mut Context<'_>) {
    let heading = &section.heading;
    let at = section
        .tls
        .as_ref()
        .map_or(&heading.at, |setting| &setting.at);
    if let Some(address) = address.filter(|address| !address.ip().to_canonical().is_loopback()) {
        let what = format!("is off, but {address} can be reached by other hosts");
        let remedy = "set tls = \"starttls-required\", or listen on 127.0.0.1 or [::1]";
        context.report(at.error(heading.key("tls"), what, remedy));
    }
    if asked(section) != Request::Off {
        let remedy = "set tls = \"starttls-required\" or \"implicit\", or remove the line";
        let what = "cannot ask for certificates, because tls is off";
        context.report(place(section).error(heading.key("client_certificates"), what, remedy));
    }
    let unused = [("certificate", &section.certificate), ("key", &section.key)];
    for (key, setting) in unused {
        if let Some(setting) = setting {
            let remedy = "remove the line, or set tls to \"starttls-required\" or \"implicit\"";
            let what = "is not used, because tls is off";
            context.report(setting.at.warning(heading.key(key), what, remedy));
        }
    }
}

fn unused_trust(section: &ListenerSection, context: &mut Context<'_>) {
    let heading = &section.heading;
    if heading.is_unreadable("client_certificates") {
        return;
    }
    let given = [
        ("trust", section.trust.as_ref().map(|setting| &setting.at)),
        (
            "trust_pins",
            section.trust_pins.as_ref().map(|setting| &setting.at),
        ),
        ("crls", section.crls.as_ref().map(|setting| &setting.at)),
    ];
    for (key, at) in given.into_iter().filter_map(|(key, at)| Some((key, at?))) {
        let what = "is not used, because client_certificates is off";
        let remedy = "set client_certificates = \"request\" or \"require\", or remove the line";
        context.report(at.warning(heading.key(key), what, remedy));
    }
}

fn address(
    section: &ListenerSection,
    bound: &mut Vec<(SocketAddr, Place)>,
    context: &mut Context<'_>,
) -> Option<SocketAddr> {
    let heading = &section.heading;
    let Some(setting) = &section.address else {
        let remedy = "add address = \"0.0.0.0:25\" or another address with a port";
        context.problems.extend(heading.missing("address", remedy));
        return None;
    };
    let address = setting.value;
    if let Some((other, first)) = bound.iter().find(|(other, _)| collide(*other, address)) {
        let what = format!("{address} is taken by the listener on {other}, at {first}");
        let remedy = "give each listener an address or a port of its own";
        context.report(setting.at.error(heading.key("address"), what, remedy));
    }
    bound.push((address, setting.at.clone()));
    Some(address)
}

/// Port 0 lets the system choose; an unspecified address takes the port on every address.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let same_family = one.is_ipv4() == other.is_ipv4();
    let all = (one.ip().is_unspecified() || other.ip().is_unspecified()) && same_family;
    one.port() != 0 && one.port() == other.port() && (one.ip() == other.ip() || all)
}

fn name(
    section: &ListenerSection,
    names: &mut Unique<String>,
    context: &mut Context<'_>,
) -> Option<Arc<str>> {
    let setting = section.name.as_ref()?;
    if let Some(first) = names.first(setting.value.clone(), &setting.at) {
        let what = format!(
            "{} is the name of another listener, at {first}",
            quoted(&setting.value)
        );
        let remedy = "give each listener a name of its own";
        context.report(setting.at.error(section.heading.key("name"), what, remedy));
    }
    Some(Arc::from(setting.value.as_str()))
}
