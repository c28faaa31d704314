//! The relay, as the real program.

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::server::Server;

/// A running relay; dropping it stops it.
pub(crate) struct Relay {
    _server: Server,
    /// The listener in clear.
    pub(crate) plain: SocketAddr,
    /// The listener that requires STARTTLS.
    pub(crate) starttls: SocketAddr,
    /// The listener with TLS from the first octet.
    pub(crate) implicit: SocketAddr,
}

impl Relay {
    /// Starts the relay and waits until all three listeners are bound.
    pub(crate) fn start(configuration: &Path) -> Self {
        let server = Server::start(&[
            OsStr::new("run"),
            OsStr::new("--config"),
            configuration.as_os_str(),
        ]);
        let addresses = server.listeners(3);
        // Each listener has a loopback address of its own, which tells them apart.
        let of = |last: u8| {
            let ip = IpAddr::from([127, 0, 0, last]);
            let found = addresses.iter().find(|address| address.ip() == ip);
            *found.unwrap_or_else(|| panic!("no listener on {ip}: {addresses:?}"))
        };
        Self {
            plain: of(1),
            starttls: of(2),
            implicit: of(3),
            _server: server,
        }
    }
}
