//! Step `handshake`: TLS with a client, and what its certificate is worth.
//!
//! Possession of the key is proven in the handshake; whether the certificate is trusted is decided afterwards, on
//! resumed sessions too, and is an answer and no error.

use std::sync::Arc;

use tenantry_net::{Channel, Deadline, HandshakeError, ServerTls};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::session::Secured;
use crate::snapshot::Snapshot;

/// Takes a connection into TLS; only so many handshakes are under way at one time.
pub(crate) async fn secure(
    snapshot: &Snapshot,
    server_tls: &Arc<ServerTls>,
    tcp: TcpStream,
    deadline: Instant,
) -> Result<(Channel, Secured), HandshakeError> {
    let _turn = snapshot.handshakes.acquire().await;
    let accepted = server_tls
        .accept(tcp, Deadline::at("handshake", deadline))
        .await?;
    let secured = Secured {
        facts: accepted.facts,
        certificate: accepted.certificate,
        presented: accepted.presented,
    };
    Ok((Channel::new(accepted.stream), secured))
}
