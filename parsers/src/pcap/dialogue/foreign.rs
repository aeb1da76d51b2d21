//! Names for protocols that are not RDP, by their first bytes.

use super::framer::Pdu;
use super::shape::Shape;

const KNOWN: [(&[u8], &str); 14] = [
    (b"HTTP/", "http"),
    (b"GET ", "http"),
    (b"HEAD ", "http"),
    (b"POST ", "http"),
    (b"OPTIONS ", "http"),
    (b"CONNECT ", "http"),
    (b"<", "html or xml"),
    (b"SSH-", "ssh"),
    (b"RFB ", "vnc"),
    (b"220 ", "smtp or ftp"),
    (b"+OK", "pop3"),
    (b"* OK", "imap"),
    (b"\xff\xfd", "telnet"),
    (b"PROXY ", "proxy protocol"),
];

/// What a first PDU looks like.
pub(crate) fn looks_like(pdu: &Pdu<'_>) -> &'static str {
    if let Shape::Tls { .. } = pdu.shape {
        return "tls";
    }
    // SMB stands behind the four bytes of its transport.
    if matches!(pdu.bytes.get(4..8), Some(b"\xffSMB" | b"\xfeSMB")) {
        return "smb";
    }
    let known = KNOWN.iter().find(|(head, _)| pdu.bytes.starts_with(head));
    known.map_or("unknown", |(_, name)| name)
}
