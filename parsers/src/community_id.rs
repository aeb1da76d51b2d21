//! Community ID: one name for a connection in all tools that see it (Zeek, Suricata, Elastic, Wireshark).
//!
//! Version 1 with seed 0: `1:` and the Base64 of the SHA-1 over seed, smaller end's address, larger end's address, protocol
//! number, a zero byte, smaller end's port, larger end's port (github.com/corelight/community-id-spec).

use std::net::{IpAddr, SocketAddr};

use sha1::{Digest as _, Sha1};

/// Number of TCP among IP protocols.
const TCP: u8 = 6;

/// The id of a TCP connection; the same whichever end is named first.
pub fn community_id(one: SocketAddr, other: SocketAddr) -> String {
    let end = |s: SocketAddr| (octets(s.ip()), s.port());
    let (a, b) = (end(one), end(other));
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    let mut hash = Sha1::new();
    hash.update([0, 0]);
    hash.update(&a.0);
    hash.update(&b.0);
    hash.update([TCP, 0]);
    hash.update(a.1.to_be_bytes());
    hash.update(b.1.to_be_bytes());
    format!("1:{}", data_encoding::BASE64.encode(&hash.finalize()))
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the baseline of the specification.
    #[test]
    fn the_published_examples_come_out() {
        let id = |a: &str, b: &str| community_id(a.parse().expect("end"), b.parse().expect("end"));
        let known = "1:LQU9qZlK+B5F3KDmev6m5PMibrg=";
        assert_eq!(id("128.232.110.120:34855", "66.35.250.204:80"), known);
        assert_eq!(id("66.35.250.204:80", "128.232.110.120:34855"), known);
    }
}
