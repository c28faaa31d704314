//! Connections in, sessions out, within the limits. A session that panics is its own end only.

use std::sync::Arc;

use bytes::BytesMut;
use tenantry_net::{Admission, Channel, Connection, Listener, Stream};
use tokio_util::task::TaskTracker;

use super::Tokens;
use super::session::Session;
use super::shared::{Door, Shared};
use super::texts;

/// Takes connections until it is stopped; what was not taken yet is refused by the system.
pub(super) async fn run(
    shared: Arc<Shared>,
    door: Arc<Door>,
    listener: Listener,
    tokens: Tokens,
    tasks: TaskTracker,
) {
    while let Some(connection) = tokens.stop.run_until_cancelled(listener.accept()).await {
        match &connection.admission {
            Admission::Admitted(_) => {
                // Tokens of its own, so that sessions do not meet on one token's lock.
                let own = Tokens {
                    stop: tokens.stop.child_token(),
                    cut_off: tokens.cut_off.child_token(),
                };
                tasks.spawn(serve(
                    Arc::clone(&shared),
                    Arc::clone(&door),
                    connection,
                    own,
                ));
            }
            Admission::TooMany | Admission::TooManyFromSource => {
                turn_away(&shared, &door, connection);
            }
        }
    }
}

async fn serve(shared: Arc<Shared>, door: Arc<Door>, connection: Connection, tokens: Tokens) {
    let Connection {
        stream,
        peer,
        local: _,
        admission: _permit,
    } = connection;
    let channel = Channel::new(Stream::Plain(stream));
    let cut_off = tokens.cut_off.clone();
    let session = Session::new(shared, door, peer, channel, tokens.stop);
    // What is cut off was not acknowledged.
    cut_off.run_until_cancelled(session.run()).await;
}

/// Says why, without waiting, and closes.
fn turn_away(shared: &Shared, door: &Door, connection: Connection) {
    let session = format!("{:016X}", shared.next_id());
    let ip = shared.addresses.taken_as(connection.peer.ip());
    let reply = door.host.refusal(texts::TOO_MANY_CONNECTIONS, &session, ip);
    let mut octets = BytesMut::new();
    reply.write_to(&mut octets);
    connection.refuse(&octets);
}
