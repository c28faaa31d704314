//! Opening a TCP connection to an upstream, within a deadline.

use std::io;
use std::net::SocketAddr;

use socket2::SockRef;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use crate::deadline::Deadline;
use crate::listener::keepalive;

/// Why a connection could not be opened.
#[derive(Debug, Error)]
pub enum DialError {
    /// The deadline of that name passed.
    #[error("{0} took too long")]
    Timeout(&'static str),
    /// The system or the other side refused.
    #[error("cannot connect to {address}: {error}")]
    Io {
        /// Where to.
        address: SocketAddr,
        /// What the system says.
        #[source]
        error: io::Error,
    },
}

/// Opens a connection that sends small packets at once and notices a peer that vanished.
///
/// # Errors
///
/// When the address cannot be reached before the deadline.
pub async fn dial(address: SocketAddr, deadline: Deadline) -> Result<TcpStream, DialError> {
    let failed = |error| DialError::Io { address, error };
    let tcp = timeout_at(deadline.at, TcpStream::connect(address))
        .await
        .map_err(|_| DialError::Timeout(deadline.name))?
        .map_err(failed)?;
    tcp.set_nodelay(true).map_err(failed)?;
    SockRef::from(&tcp)
        .set_tcp_keepalive(&keepalive())
        .map_err(failed)?;
    Ok(tcp)
}
