//! Where a cluster is: `df://host:50050`.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::error::LakeError;

/// The scheduler's port where nothing is said.
pub const PORT: u16 = 50050;
/// For a scheduler to answer a question about itself.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two such questions.
const AGAIN: Duration = Duration::from_millis(500);
/// Most of an answer that is read.
const MOST: u64 = 4096;

/// The address of a cluster's scheduler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// As given.
    pub text: String,
    /// Host name or address; IPv6 in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Address {
    /// `df://host:50050`, `host:50050`, `host`.
    ///
    /// # Errors
    /// What is no such address.
    pub fn parse(text: &str) -> Result<Self, LakeError> {
        let wrong = || {
            let example = format!("df://scheduler.example:{PORT}");
            LakeError::Asked(format!(
                "{text}: is no address of a cluster, as {example} is"
            ))
        };
        let whole = match text.split_once("://") {
            Some(("df", _)) => text.to_owned(),
            Some(_) => return Err(wrong()),
            None => format!("df://{text}"),
        };
        let url = Url::parse(&whole).map_err(|_| wrong())?;
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or_else(wrong)?;
        let plain = url.path().trim_end_matches('/').is_empty()
            && url.query().is_none()
            && url.username().is_empty();
        if !plain {
            return Err(wrong());
        }
        Ok(Self {
            text: format!("df://{host}:{}", url.port().unwrap_or(PORT)),
            host: host.to_owned(),
            port: url.port().unwrap_or(PORT),
        })
    }

    /// As the engine wants it.
    pub(super) fn http(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    /// Waits until the scheduler answers, at most so long; with `executors` until it has some.
    ///
    /// # Errors
    /// What it lacks, and what to do about it.
    pub async fn ready(&self, patience: Duration, executors: bool) -> Result<(), LakeError> {
        let begun = Instant::now();
        loop {
            let lacks = match timeout(ANSWER, self.ask()).await {
                Ok(Ok(200)) => return Ok(()),
                Ok(Ok(503)) if !executors => return Ok(()),
                Ok(Ok(503)) => format!(
                    "{}: the cluster has no executor: start one with rdpwhy cluster executor --scheduler {}:{}",
                    self.text, self.host, self.port
                ),
                Ok(Ok(_)) => format!("{}: what answers there is no scheduler", self.text),
                Ok(Err(e)) => self.unreachable(&e.to_string()),
                Err(_) => self.unreachable("no answer"),
            };
            if begun.elapsed() >= patience {
                return Err(LakeError::Asked(lacks));
            }
            sleep(AGAIN).await;
        }
    }

    fn unreachable(&self, why: &str) -> String {
        format!(
            "{}: the scheduler cannot be reached: {why}: does rdpwhy cluster scheduler run there, bound to an address (--bind) \
             that this machine may reach?",
            self.text
        )
    }

    /// The status of the scheduler's answer to whether it is ready; 0 for anything that is no answer.
    async fn ask(&self) -> std::io::Result<u16> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let mut stream = TcpStream::connect((host, self.port)).await?;
        let question = format!(
            "GET /readyz HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n\r\n",
            self.host, self.port
        );
        stream.write_all(question.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MOST).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|a| a.get(..3));
        Ok(status.and_then(|s| s.parse().ok()).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let read = |text: &str| Address::parse(text).map(|a| a.text).ok();
        for text in [
            "df://node1:50050",
            "node1:50050",
            "node1",
            "df://node1",
            "df://node1/",
        ] {
            assert_eq!(read(text).as_deref(), Some("df://node1:50050"), "{text}");
        }
        assert_eq!(read("df://[::1]:7").as_deref(), Some("df://[::1]:7"));
        for text in [
            "",
            "df://",
            "http://node1",
            "df://node1/x",
            "df://node1:x",
            "df://a b",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
