//! Exactly the file: every section and key, and what kind of value each takes.
//!
//! Nothing here decides anything; `resolve` does. The reference configuration is tested to have
//! every key of these tables.

use std::net::SocketAddr;

use ipnet::IpNet;
use tenantry_attribution::{OnConflict, Pattern, UntrustedCertificate};
use tenantry_net::{CommonName, Fingerprint, Lenience, MinVersion, Request, Usage, Verify};

use super::limits::{LimitsSection, TimeoutsSection};
use super::tree::{OneOrMore, Section, Setting, Table, Tables, section};
use super::values::{Count, Day, HostPort, RelativePath, Size, Time, words};
use super::{AddressLogging, HeaderFirewall, ListenerTls, LogFormat, UpstreamTlsMode};

section! {
    /// The main file.
    FileSection {
        hostname: String,
        include: Vec<Setting<RelativePath>>,
        shadow: RelativePath,
        drain: Time,
        hop_limit: Count,
        listener: Tables<ListenerSection>,
        peer: Tables<PeerSection>,
        tenant: Tables<TenantSection>,
        limits: Table<LimitsSection>,
        timeouts: Table<TimeoutsSection>,
        log: Table<LogSection>,
        lint: Table<LintSection>,
    }
}

section! {
    /// A file named by `include`.
    IncludedSection {
        listener: Tables<ListenerSection>,
        peer: Tables<PeerSection>,
        tenant: Tables<TenantSection>,
        lint: Table<LintSection>,
    }
}

section! {
    /// `[[listener]]`: where clients connect, and what is asked of them.
    ListenerSection {
        name: String,
        address: SocketAddr,
        tls: ListenerTls,
        certificate: RelativePath,
        key: RelativePath,
        tls_min_version: MinVersion,
        session_tickets: bool,
        client_certificates: Request,
        trust: Vec<Setting<RelativePath>>,
        trust_system: bool,
        trust_pins: Vec<Setting<Fingerprint>>,
        certificate_usage: Usage,
        common_name: CommonName,
        certificate_names: Count,
        crls: Vec<Setting<RelativePath>>,
        crl_missing: Lenience,
        crl_expired: Lenience,
        untrusted_certificate: UntrustedCertificate,
        header_firewall: HeaderFirewall,
        max_message_size: Size,
    }
}

section! {
    /// `[[peer]]`: clients that may send by sender and recipient domain.
    PeerSection {
        name: String,
        networks: Vec<Setting<IpNet>>,
        certificates: Vec<Setting<Pattern>>,
        tenants: Vec<Setting<String>>,
        exchange: bool,
    }
}

section! {
    /// `[[tenant]]`: what a tenant owns, and where its mail goes.
    TenantSection {
        name: String,
        certificate_domains: Vec<Setting<Pattern>>,
        sender_domains: Vec<Setting<Pattern>>,
        recipient_domains: Vec<Setting<Pattern>>,
        on_conflict: OnConflict,
        upstream: OneOrMore<HostPort>,
        certificate: RelativePath,
        key: RelativePath,
        upstream_tls: UpstreamTlsMode,
        upstream_verify: Verify,
        upstream_name: String,
        upstream_trust: Vec<Setting<RelativePath>>,
        upstream_tls_min_version: MinVersion,
        require_certificate_request: bool,
        helo: String,
        max_message_size: Size,
        connections: Count,
        messages_per_connection: Count,
        idle: Time,
    }
}

section! {
    /// `[log]`: what is written, and how.
    LogSection {
        format: LogFormat,
        level: String,
        addresses: AddressLogging,
    }
}

section! {
    /// `[lint]`: what `tenantry lint` is told; the relay itself has no use for it.
    LintSection {
        allow: Tables<AllowSection>,
    }
}

section! {
    /// `[[lint.allow]]`: findings that are accepted, and why.
    AllowSection {
        rule: String,
        tenant: String,
        object: String,
        until: Day,
        reason: String,
    }
}

section! {
    /// A file of allowances alone.
    AllowancesSection {
        lint: Table<LintSection>,
    }
}

/// Every key that the parser knows, by section; `""` is the top of the file.
#[must_use]
pub fn known_keys() -> Vec<(&'static str, &'static [&'static str])> {
    vec![
        ("", FileSection::KEYS),
        ("listener", ListenerSection::KEYS),
        ("peer", PeerSection::KEYS),
        ("tenant", TenantSection::KEYS),
        ("limits", LimitsSection::KEYS),
        ("timeouts", TimeoutsSection::KEYS),
        ("log", LogSection::KEYS),
        ("lint", LintSection::KEYS),
        ("lint.allow", AllowSection::KEYS),
    ]
}

words! { ListenerTls {
    "starttls" => Self::Starttls,
    "starttls-required" => Self::StarttlsRequired,
    "implicit" => Self::Implicit,
    "off" => Self::Off,
} }

words! { UpstreamTlsMode {
    "starttls" => Self::Starttls,
    "implicit" => Self::Implicit,
    "none-i-accept-the-risk" => Self::Off,
} }

words! { Verify {
    "full" => Self::NameAndChain,
    "none-i-accept-the-risk" => Self::None,
} }

words! { MinVersion {
    "1.2" => Self::Tls12,
    "1.3" => Self::Tls13,
} }

words! { Lenience {
    "refuse" => Self::Refuse,
    "accept" => Self::Accept,
} }

words! { LogFormat {
    "text" => Self::Text,
    "json" => Self::Json,
} }

words! { AddressLogging {
    "domains" => Self::Domains,
    "full" => Self::Full,
} }

words! { OnConflict {
    "follow" => Self::Follow,
    "refuse" => Self::Refuse,
    "defer" => Self::Defer,
} }

words! { UntrustedCertificate {
    "refuse" => Self::Refuse,
    "ignore" => Self::Ignore,
} }

words! { HeaderFirewall {
    "remove" => Self::Remove,
    "refuse" => Self::Refuse,
} }

words! { Request {
    "off" => Self::Off,
    "request" => Self::Request,
    "require" => Self::Require,
} }

words! { Usage {
    "any-tls" => Self::AnyTls,
    "client-auth" => Self::ClientAuth,
} }

words! { CommonName {
    "if-no-san" => Self::IfNoSan,
    "always" => Self::Always,
    "never" => Self::Never,
} }
