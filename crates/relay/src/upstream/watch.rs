//! Somebody who looks on while a connection is opened and an envelope is tried. The relay's own messages go unwatched;
//! the probe learns from it without a second way of connecting.

use std::net::SocketAddr;
use std::sync::Arc;

use tenantry_net::{DialError, HandshakeWitness, Presented};
use tenantry_smtp::Reply;

use super::error::Stage;

/// Is told what happens, in its order; changes nothing.
pub(crate) trait Watch: Send {
    /// The upstream's name has these addresses.
    fn addresses(&mut self, _found: &[SocketAddr]) {}

    /// An address was tried.
    fn dialled(&mut self, _address: SocketAddr, _outcome: Result<(), &DialError>) {}

    /// The upstream answered.
    fn reply(&mut self, _stage: Stage, _reply: &Reply) {}

    /// A handshake begins: who is to see it.
    fn witness(&mut self) -> Option<Arc<HandshakeWitness>> {
        None
    }

    /// The handshake is done, and the upstream is who it should be.
    fn secured(&mut self, _presented: Presented) {}
}

/// Nobody looks on.
#[derive(Debug)]
pub(crate) struct Unwatched;

impl Watch for Unwatched {}
