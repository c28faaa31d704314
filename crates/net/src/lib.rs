//! Sockets, TLS, certificates and SMTP octets over a stream, with deadlines.
//!
//! Steps of the path: *accept* ([`Listener`]), *handshake* ([`ServerTls`], [`UpstreamTls`]) and
//! the transport below *session* and *upstream* ([`Channel`]).
//!
//! What this crate never does: it knows no tenant and takes no decision about mail, it never
//! holds a verdict about a certificate beyond the configuration, and the time, that it was judged
//! under ([`Judge`]), and no TLS or X.509 type of another library leaves it.
//!
//! How it fails: a client certificate that cannot be trusted is an answer
//! ([`ClientCertificate::Untrusted`] with its reason), never an error; a handshake that cannot
//! be finished is a [`HandshakeError`]; a configuration that cannot be used is an
//! [`IdentityError`], a [`TrustError`] or a [`TlsSettingsError`] that names the file.

mod buffers;
mod certificate;
mod certificate_details;
mod certificate_file;
mod channel;
mod deadline;
mod dial;
mod fingerprint;
mod handshake;
mod identity;
mod listener;
mod name_attribute;
mod policy;
mod provable;
mod provider;
mod server;
mod sessions;
mod stream;
mod trust;
mod untrusted;
mod upstream;

pub use certificate::CertificateSummary;
pub use certificate_details::{CertificateDetails, KeyKind};
pub use certificate_file::{PemContent, PemSection, pem_sections};
pub use channel::{Channel, ChannelError, LeftoverPlaintext};
pub use deadline::Deadline;
pub use dial::{DialError, dial};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use handshake::{HandshakeError, HandshakeErrorKind};
pub use identity::{ChainShape, Identity, IdentityError};
pub use listener::{Admission, Connection, ConnectionLimits, Listener, Permit};
pub use name_attribute::NameAttribute;
pub use policy::{
    ClientCertificate, ClientCertificatePolicy, CommonName, DEFAULT_MAX_NAMES, Judge,
    PresentedChain, Usage, VerifiedCertificate,
};
pub use provider::{MinVersion, TlsFacts};
pub use server::{Accepted, Request, ServerTls, ServerTlsSettings, Tickets, TlsSettingsError};
pub use stream::{Stream, TlsStream};
pub use trust::{Lenience, RevocationPolicy, Trust, TrustBuilder, TrustError};
pub use untrusted::{UntrustedCertificate, UntrustedReason};
pub use upstream::{
    AnonymousTls, CertificateAsked, CertificateRequest, HandshakeSeen, HandshakeWitness, LoadTls,
    LoadTlsSettings, LoadVersions, NameVerdict, Presented, Resume, ServerCertificate, TlsFailure,
    UpstreamTls, UpstreamTlsSettings, UpstreamTrust, Verify,
};
