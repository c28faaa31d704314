//! A client in clear text.

use std::io::ErrorKind;

use tenantry_lab::upstream::RecordingUpstream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::SOON;

/// A client that says what it is told, and reads replies line by line.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(upstream: &RecordingUpstream) -> Self {
        let stream = TcpStream::connect(upstream.address()).await.unwrap();
        let mut client = Self {
            stream,
            read: Vec::new(),
        };
        assert!(client.reply().await.starts_with("220 "));
        client
    }

    pub(crate) async fn greeted(upstream: &RecordingUpstream) -> Self {
        let mut client = Self::connect(upstream).await;
        assert!(
            client
                .ask("EHLO client.example\r\n")
                .await
                .starts_with("250")
        );
        client
    }

    pub(crate) async fn send(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
    }

    pub(crate) async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.reply().await
    }

    /// All lines of one reply.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let line = self.line().await;
            let last = line.as_bytes().get(3) != Some(&b'-');
            reply.push_str(&line);
            if last {
                return reply;
            }
        }
    }

    pub(crate) async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.iter().position(|octet| *octet == b'\n') {
                let line = self.read.drain(..=end).collect();
                return String::from_utf8(line).unwrap();
            }
            assert_ne!(self.more().await.unwrap(), 0, "closed");
        }
    }

    pub(crate) async fn more(&mut self) -> std::io::Result<usize> {
        timeout(SOON, self.stream.read_buf(&mut self.read))
            .await
            .unwrap()
    }

    /// Everything until the server closes or resets.
    pub(crate) async fn rest(&mut self) -> (String, Option<ErrorKind>) {
        loop {
            match self.more().await {
                Ok(0) => return (String::from_utf8(self.read.clone()).unwrap(), None),
                Ok(_) => {}
                Err(error) => {
                    return (
                        String::from_utf8(self.read.clone()).unwrap(),
                        Some(error.kind()),
                    );
                }
            }
        }
    }

    pub(crate) async fn transaction(&mut self, content: &str) -> String {
        assert!(
            self.ask("MAIL FROM:<a@a.example>\r\n")
                .await
                .starts_with("250")
        );
        assert!(
            self.ask("RCPT TO:<b@b.example>\r\n")
                .await
                .starts_with("250")
        );
        assert!(self.ask("DATA\r\n").await.starts_with("354"));
        self.ask(&format!("{content}\r\n.\r\n")).await
    }
}
