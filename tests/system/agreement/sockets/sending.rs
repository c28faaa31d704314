//! Clients of the relay: each message says in its recipients and its Message-ID which it is.

use std::net::SocketAddr;
use std::sync::Arc;

use super::super::scene::Message;
use super::certificates::Certificates;
use crate::client::Client;

/// A message as its client saw it.
pub(super) struct Told {
    pub(super) number: usize,
    pub(super) message: Message,
    pub(super) recipients: Vec<String>,
    pub(super) code: u16,
}

/// One client connection with some messages; what became of those that the relay sent on.
pub(super) async fn session(
    relay: SocketAddr,
    certificates: Arc<Certificates>,
    messages: Vec<(usize, Message)>,
) -> Vec<Told> {
    let first = &messages[0].1;
    let tls = certificates.client(first);
    let mut client = Client::starttls(&first.peer.to_string(), relay, &tls).await;
    let mut told = Vec::new();
    for (number, message) in messages {
        told.extend(send(&mut client, number, message).await);
    }
    client.quit().await;
    told
}

/// Absent if the relay refused the sender or every recipient.
async fn send(client: &mut Client, number: usize, message: Message) -> Option<Told> {
    let everything = format!("{}{}", message.mail_from, message.rcpt_to.concat());
    let utf8 = if everything.is_ascii() {
        ""
    } else {
        " SMTPUTF8"
    };
    if client
        .command(format!("MAIL FROM:<{}>{utf8}", message.mail_from))
        .await
        .code
        != 250
    {
        return None;
    }
    let mut recipients = Vec::new();
    for recipient in &message.rcpt_to {
        if client.command(format!("RCPT TO:<{recipient}>")).await.code == 250 {
            recipients.push(recipient.clone());
        }
    }
    if recipients.is_empty() {
        client.says("RSET", 250).await;
        return None;
    }
    client.says("DATA", 354).await;
    client
        .send(format!(
            "Message-ID: {}\r\nSubject: x\r\n\r\nbody\r\n.\r\n",
            message_id(number)
        ))
        .await;
    let code = client.answer().await.code;
    Some(Told {
        number,
        message,
        recipients,
        code,
    })
}

/// A message whose recipients say which it is, and that has one which can.
pub(super) fn tagged(mut message: Message, number: usize) -> (usize, Message) {
    for recipient in &mut message.rcpt_to {
        if recipient.contains('@') {
            recipient.insert_str(0, &format!("n{number}-"));
        }
    }
    message
        .rcpt_to
        .insert(0, format!("n{number}-first@elsewhere.test"));
    (number, message)
}

pub(super) fn number_of(recipient: &str) -> Option<usize> {
    let (number, _) = recipient.strip_prefix('n')?.split_once('-')?;
    number.parse().ok()
}

pub(super) fn message_id(number: usize) -> String {
    format!("<n{number}@client.example>")
}
