//! Step `accept`: connections in, sessions out, within the limits; one session's panic is that session's end.

use std::any::Any;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::BytesMut;
use tenantry_net::{Admission, Channel, Connection, Stream};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::ListenerTls;
use crate::handshake;
use crate::listeners::ListenerName;
use crate::relay::Shared;
use crate::reply::Answer;
use crate::session::Session;
use crate::telemetry::events;

/// Takes connections of one listener until it is stopped. A reload may give it another name.
pub(crate) async fn accept(
    shared: Arc<Shared>,
    name: ListenerName,
    listener: tenantry_net::Listener,
    stop: CancellationToken,
) {
    loop {
        let connection = tokio::select! {
            // A connection that was not taken yet stays in the system's queue and is reset with it.
            () = stop.cancelled() => return,
            connection = listener.accept() => connection,
        };
        let name = name.current();
        match &connection.admission {
            Admission::Admitted(_) => {
                let counted = shared.count_session();
                let serving = serve(Arc::clone(&shared), name, connection);
                shared.tasks().spawn(async move {
                    serving.await;
                    drop(counted);
                });
            }
            Admission::TooMany => turn_away(&name, connection, Answer::TooManyConnections),
            Admission::TooManyFromSource => turn_away(&name, connection, Answer::TooManyFromSource),
        }
    }
}

/// Serves one connection, whatever happens in it.
async fn serve(shared: Arc<Shared>, name: Arc<str>, connection: Connection) {
    let peer = connection.peer;
    let session = session(Arc::clone(&shared), Arc::clone(&name), connection);
    if let Err(panic) = guard(Box::pin(session)).await {
        shared.count_panic();
        events::session_panicked(&name, peer, message(&*panic));
    }
}

/// One session from the connection to its end. What only a step needs is boxed, and given back after it.
async fn session(shared: Arc<Shared>, name: Arc<str>, connection: Connection) {
    let Connection {
        stream,
        peer,
        local: _,
        admission: _permit,
    } = connection;
    let cut_off = shared.cut_off().clone();
    let opened = tokio::select! {
        // Nothing was said yet that could be lost.
        () = cut_off.cancelled() => None,
        opened = Box::pin(open(shared, name, stream, peer)) => opened,
    };
    if let Some(session) = opened {
        session.run().await;
    }
}

/// Takes the connection through an implicit TLS handshake, where the listener has it so.
async fn open(
    shared: Arc<Shared>,
    name: Arc<str>,
    stream: TcpStream,
    peer: SocketAddr,
) -> Option<Box<Session>> {
    let snapshot = shared.snapshot();
    let listener = snapshot.listener(&name)?;
    let (channel, secured) = match (listener.tls, &listener.server_tls) {
        (ListenerTls::Implicit, Some(server_tls)) => {
            let deadline = Instant::now() + snapshot.timeouts.handshake;
            match handshake::secure(&snapshot, server_tls, stream, deadline).await {
                Ok((channel, secured)) => (channel, Some(secured)),
                Err(error) => {
                    events::handshake_failed("", &name, peer, &error.to_string());
                    return None;
                }
            }
        }
        (ListenerTls::Implicit, None) => return None,
        (ListenerTls::Off | ListenerTls::Starttls | ListenerTls::StarttlsRequired, _) => {
            (Channel::new(Stream::Plain(stream)), None)
        }
    };
    let session = Session::new(
        Arc::clone(&shared),
        Arc::clone(&snapshot),
        listener,
        peer,
        channel,
        secured,
    );
    Some(Box::new(session))
}

/// Says why, without waiting, and closes.
fn turn_away(name: &str, connection: Connection, answer: Answer) {
    let mut reply = BytesMut::new();
    answer.reply().write_to(&mut reply);
    events::connection_refused(name, connection.peer, &answer.reply().text());
    connection.refuse(&reply);
}

/// Runs a future to its end or to its panic.
async fn guard<F: Future>(mut future: Pin<Box<F>>) -> Result<F::Output, Box<dyn Any + Send>> {
    // After a panic the future is never polled again, so nobody sees what it left half done.
    poll_fn(
        |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "the test needs a panic")]
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_session_is_an_answer_and_not_the_end() {
        let outcome = guard(Box::pin(async {
            tokio::task::yield_now().await;
            panic!("half way");
        }))
        .await;
        assert_eq!(
            outcome.map_err(|panic| message(&*panic).to_owned()),
            Err::<(), _>("half way".to_owned())
        );
    }
}
