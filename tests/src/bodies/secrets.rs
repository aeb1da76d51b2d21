//! Texts that tell the program how to read: key logs and cause files.

use rdpwhy_analyzer::Knowledge;
use rdpwhy_parsers::tls::keylog::KeyLog;

use crate::evidence;

/// A key log.
pub fn key_log(bytes: &[u8]) {
    let _ = KeyLog::looks_like(bytes);
    let mut log = KeyLog::parse(bytes);
    log.extend(&KeyLog::parse(bytes));
    if log.is_empty() {
        assert!(KeyLog::parse(bytes).is_empty());
    }
}

/// TLS 1.2 and 1.3, with comments and damage.
pub fn key_log_seeds() -> Vec<Vec<u8>> {
    let (random, secret) = ("5a".repeat(32), "c3".repeat(48));
    let text = format!(
        "# secrets\r\n\r\nCLIENT_RANDOM {random} {secret}\nCLIENT_HANDSHAKE_TRAFFIC_SECRET {random} {secret}\n\
         SERVER_TRAFFIC_SECRET_0 {random} {secret}\nRSA 0123456789abcdef {secret}\nEXPORTER_SECRET {random} 1\n"
    );
    vec![text.into_bytes()]
}

/// A cause file: taken or refused with its place.
pub fn knowledge(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Err(e) = Knowledge::with([("tls/cause.toml", &*text)]) {
        assert!(!e.to_string().is_empty());
    }
}

/// The template and some causes that come with the program.
pub fn knowledge_seeds() -> Vec<Vec<u8>> {
    let folder = evidence::repository().join("analyzer/knowledge");
    let mut files = evidence::files(&folder.join("causes/tls"));
    files.push(folder.join("TEMPLATE.toml"));
    files.iter().map(|f| std::fs::read(f).unwrap()).collect()
}
