//! The one crypto provider, protocol versions, and what a finished handshake agreed on.

use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{
    CipherSuite, CommonState, HandshakeKind, ProtocolVersion, SupportedProtocolVersion, version,
};

/// The lowest TLS version that is spoken; below 1.2 there is nothing (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MinVersion {
    /// TLS 1.2 and 1.3.
    #[default]
    Tls12,
    /// TLS 1.3 only.
    Tls13,
}

/// What a handshake agreed on, for logs and the TLS clause of `Received` (RFC 8314 section 4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The cipher suite by its IANA name, for example `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
    /// The key exchange group, for example `X25519MLKEM768`; empty when a resumed TLS 1.2
    /// session exchanged no key.
    pub group: &'static str,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// The server name that the client asked for, escaped; never a decision.
    pub sni: Option<String>,
}

impl MinVersion {
    pub(crate) fn versions(self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
        static NEWER: &[&SupportedProtocolVersion] = &[&version::TLS13];
        match self {
            Self::Tls12 => BOTH,
            Self::Tls13 => NEWER,
        }
    }
}

impl TlsFacts {
    pub(crate) fn of(session: &CommonState, sni: Option<String>) -> Self {
        let suite = session.negotiated_cipher_suite().map(|found| found.suite());
        Self {
            version: if session.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
                "TLSv1.3"
            } else {
                "TLSv1.2"
            },
            cipher: suite.map_or("", iana_name),
            group: session
                .negotiated_key_exchange_group()
                .and_then(|group| group.name().as_str())
                .unwrap_or(""),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
            sni,
        }
    }
}

/// The crypto provider of every configuration, passed explicitly so that no process default and
/// no second provider can matter. X25519MLKEM768 comes first in its key exchange groups.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    &PROVIDER
}

/// The TLS 1.3 suites have names of their own in the library; all others are the IANA names.
fn iana_name(suite: CipherSuite) -> &'static str {
    match suite.as_str() {
        Some("TLS13_AES_128_GCM_SHA256") => "TLS_AES_128_GCM_SHA256",
        Some("TLS13_AES_256_GCM_SHA384") => "TLS_AES_256_GCM_SHA384",
        Some("TLS13_CHACHA20_POLY1305_SHA256") => "TLS_CHACHA20_POLY1305_SHA256",
        Some(name) => name,
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offered_suite_has_an_iana_name() {
        for suite in &provider().cipher_suites {
            let name = iana_name(suite.suite());
            assert!(name.starts_with("TLS_"), "{name}");
            assert!(
                name.ends_with("SHA256") || name.ends_with("SHA384"),
                "{name}"
            );
        }
    }

    #[test]
    fn the_hybrid_key_exchange_comes_first() {
        let first = provider().kx_groups.first().map(|group| group.name());
        assert_eq!(first, Some(rustls::NamedGroup::X25519MLKEM768));
    }
}
