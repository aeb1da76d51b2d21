//! What a server is asked, as bytes: X.224 requests, ClientHellos and a UDP SYN. No credentials, nothing that logs on.

/// A TLS version to offer alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.0 (RFC 2246)
    Tls10,
    /// TLS 1.1 (RFC 4346)
    Tls11,
    /// TLS 1.2 (RFC 5246)
    Tls12,
    /// TLS 1.3 (RFC 8446)
    Tls13,
}

impl Version {
    /// From the oldest to the newest.
    pub const ALL: [Self; 4] = [Self::Tls10, Self::Tls11, Self::Tls12, Self::Tls13];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls10 => "1.0",
            Self::Tls11 => "1.1",
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }

    fn number(self) -> u16 {
        match self {
            Self::Tls10 => 0x0301,
            Self::Tls11 => 0x0302,
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }
}

/// requestedProtocols (MS-RDPBCGR 2.2.1.1.1).
pub mod protocols {
    /// Standard RDP security.
    pub const RDP: u32 = 0;
    /// TLS.
    pub const TLS: u32 = 1;
    /// TLS or network level authentication.
    pub const NLA: u32 = 3;
    /// What mstsc asks for: those, and the Early User Authorization Result.
    pub const MSTSC: u32 = 11;
}

/// A connection request with the negotiation for these protocols (MS-RDPBCGR 2.2.1.1).
pub fn request(protocols: u32) -> Vec<u8> {
    let mut bytes = vec![
        3, 0, 0, 19, // TPKT
        14, 0xe0, 0, 0, 0, 0, 0, // X.224 connection request
        1, 0, 8, 0, // RDP_NEG_REQ
    ];
    bytes.extend(protocols.to_le_bytes());
    bytes
}

/// Suites that Windows servers of all ages know; the newest first.
const SUITES: &[u16] = &[
    0x1302, 0x1301, 0x1303, 0xc02c, 0xc02b, 0xc030, 0xc02f, 0x009f, 0x009e, 0xc024, 0xc023, 0xc028,
    0xc027, 0xc00a, 0xc009, 0xc014, 0xc013, 0x009d, 0x009c, 0x003d, 0x003c, 0x0035, 0x002f, 0x000a,
];
/// x25519, secp256r1, secp384r1.
const GROUPS: &[u16] = &[0x001d, 0x0017, 0x0018];
/// Signatures: RSA-PSS, ECDSA and RSA, down to SHA-1 for old servers.
const SIGNATURES: &[u16] = &[
    0x0804, 0x0805, 0x0806, 0x0403, 0x0503, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
];

fn list(numbers: &[u16]) -> Vec<u8> {
    let length = u16::try_from(numbers.len() * 2).unwrap_or(0);
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.extend(numbers.iter().flat_map(|n| n.to_be_bytes()));
    bytes
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(0);
    let mut sized = length.to_be_bytes().to_vec();
    sized.extend(bytes);
    sized
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend(sized(body));
    bytes
}

/// A ClientHello that offers these versions. `random`: 64 bytes, of which 32 stand for a key that nobody needs: the
/// handshake is not finished.
pub fn client_hello(versions: &[Version], name: Option<&str>, random: &[u8; 64]) -> Vec<u8> {
    let newest = versions.iter().max().copied().unwrap_or(Version::Tls12);
    let legacy = newest.min(Version::Tls12).number();
    let tls13 = versions.contains(&Version::Tls13);
    let suites: Vec<u16> = SUITES
        .iter()
        .copied()
        .filter(|s| {
            (s >> 8 != 0x13 || tls13)
                && (s >> 8 == 0x13 || versions.iter().any(|v| *v < Version::Tls13))
        })
        .collect();
    let mut body = legacy.to_be_bytes().to_vec();
    let (of_hello, of_key) = random.split_at(32);
    body.extend(of_hello);
    body.push(0); // no session
    body.extend(list(&suites));
    body.extend([1, 0]); // no compression
    let mut extensions = Vec::new();
    // A name, not an address (RFC 6066 3).
    if let Some(name) = name.filter(|n| n.parse::<std::net::IpAddr>().is_err()) {
        let mut entry = vec![0];
        entry.extend(sized(name.as_bytes()));
        extensions.extend(extension(0, &sized(&entry)));
    }
    extensions.extend(extension(10, &list(GROUPS)));
    extensions.extend(extension(11, &[1, 0]));
    extensions.extend(extension(13, &list(SIGNATURES)));
    extensions.extend(extension(0xff01, &[0]));
    if tls13 {
        let mut offered: Vec<Version> = versions.to_vec();
        offered.sort_unstable_by(|a, b| b.cmp(a));
        let numbers: Vec<u8> = offered
            .iter()
            .flat_map(|v| v.number().to_be_bytes())
            .collect();
        let mut list = vec![u8::try_from(numbers.len()).unwrap_or(0)];
        list.extend(numbers);
        extensions.extend(extension(43, &list));
        let mut share = GROUPS
            .first()
            .copied()
            .unwrap_or(0x1d)
            .to_be_bytes()
            .to_vec();
        share.extend(sized(of_key));
        extensions.extend(extension(51, &sized(&share)));
    }
    body.extend(sized(&extensions));
    let mut message = vec![1, 0];
    message.extend(sized(&body)); // the length has three bytes
    let first = Version::Tls10.number().min(legacy);
    let mut record = vec![22];
    record.extend(first.to_be_bytes());
    record.extend(sized(&message));
    record
}

/// A SYN of RDP over UDP, version 2 (MS-RDPEUDP 2.2.2.1, 3.1.5.1.1), padded to the MTU.
pub fn udp_syn(sequence: u32) -> Vec<u8> {
    let mut bytes = vec![0xff; 4]; // nothing acknowledged yet
    bytes.extend([0, 64]); // receive window
    bytes.extend(0x1001u16.to_be_bytes()); // SYN, SYNEX
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(1232u16.to_be_bytes());
    bytes.extend(1232u16.to_be_bytes());
    bytes.extend([0, 1, 0, 2]); // version 2
    bytes.resize(1232, 0);
    bytes
}

/// Whether a server's answer to the connection request is followed by TLS.
pub fn selects_tls(answer: &[u8]) -> bool {
    // TPKT, X.224 confirm, and RDP_NEG_RSP with the protocol at its end.
    let selected = answer.get(15..19).and_then(|b| b.first_chunk());
    answer.get(11) == Some(&2) && selected.is_some_and(|b| u32::from_le_bytes(*b) != 0)
}

/// Whether these bytes of an answer are all that is needed of it.
pub fn is_enough(bytes: &[u8]) -> bool {
    match bytes.first() {
        Some(3) => {
            let length = bytes.get(2..4).and_then(|b| b.first_chunk());
            length.is_some_and(|l| bytes.len() >= usize::from(u16::from_be_bytes(*l)))
        }
        Some(20..=23) => tls_is_enough(bytes),
        Some(_) => true,
        None => false,
    }
}

/// An alert, the end of the server's first flight, or protected records of TLS 1.3.
fn tls_is_enough(mut bytes: &[u8]) -> bool {
    let mut handshake: Vec<u8> = Vec::new();
    while let Some(length) = bytes.get(3..5).and_then(|b| b.first_chunk()) {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(body) = bytes.get(5..5 + length) else {
            return false;
        };
        match bytes.first() {
            Some(22) => handshake.extend(body),
            Some(20) => {}
            _ => return true,
        }
        bytes = bytes.get(5 + length..).unwrap_or_default();
    }
    let mut rest = handshake.as_slice();
    while let Some([kind, a, b, c]) = rest.first_chunk::<4>() {
        if *kind == 14 {
            return true; // ServerHelloDone
        }
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        rest = rest.get(4 + length..).unwrap_or_default();
    }
    false
}
