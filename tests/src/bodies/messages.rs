//! Messages that both sides of a connection write, each parser on its own.

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_fixtures::time::Time;
use rdpwhy_fixtures::wire::tls::{self, Version};
use rdpwhy_fixtures::wire::{Certificate, x224};
use rdpwhy_parsers::rdp::x224::tpdu;
use rdpwhy_parsers::rdp::{
    ber, client_info, credssp, gcc, licensing, mcs, nego, rdpeudp, share, tpkt, tsgu,
};
use rdpwhy_parsers::tls::{certificate, fingerprint, hello, record};

/// Hellos, their fingerprints, and the lengths of what they protect.
pub fn tls(bytes: &[u8]) {
    for hello in [hello::client_hello(bytes), hello::server_hello(bytes)] {
        let _ = (
            hello.chosen_version(),
            hello.offered_versions(),
            hello.groups(),
            hello.signatures(),
        );
        let _ = (
            hello.point_formats(),
            hello.alpn(),
            hello.server_name(),
            hello.is_retry(),
        );
        let _ = (
            fingerprint::ja3(&hello),
            fingerprint::ja3s(&hello),
            fingerprint::ja4(&hello),
        );
    }
    if let [a, b, c, d, e, f, ..] = *bytes {
        let (version, suite) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        let length = usize::from(u16::from_be_bytes([e, f]));
        let plain = record::plaintext_length(version, suite, length);
        assert!(*plain.end() <= length);
    }
}

/// Bodies of a ClientHello of each version and of a ServerHello.
pub fn tls_seeds() -> Vec<Vec<u8>> {
    let mut seed = Seed::of("tls");
    // Record header 5, handshake header 4.
    let body = |record: Vec<u8>| record[9..].to_vec();
    let mut seeds = Vec::new();
    for version in [Version::Tls10, Version::Tls12, Version::Tls13] {
        seeds.push(body(
            tls::ClientHello::of_mstsc(version, "srv.example").to_record(&mut seed),
        ));
        seeds.push(body(tls::server_flight(version, 0xc030, &[], &mut seed)));
    }
    seeds
}

/// A certificate, alone and in the messages of TLS 1.2 and 1.3.
pub fn x509(bytes: &[u8]) {
    let alone = certificate::certificate(bytes);
    assert_eq!(alone.sha256.len(), 64);
    for first in [
        certificate::first_in_message(bytes),
        certificate::first_in_message_13(bytes),
    ] {
        let _ = first.map(certificate::certificate);
    }
}

/// A self-signed certificate, alone and in messages.
pub fn x509_seeds() -> Vec<Vec<u8>> {
    let der = Certificate::self_signed("srv.example", Time(0), Time(1)).to_der();
    let length = |n: usize| u32::try_from(n).unwrap().to_be_bytes()[1..].to_vec();
    let one = [length(der.len()), der.clone()].concat();
    let tls12 = [length(one.len()), one.clone()].concat();
    let entry = [one, vec![0, 0]].concat();
    let tls13 = [vec![0], length(entry.len()), entry].concat();
    vec![der, tls12, tls13]
}

/// TPKT, X.224 with the negotiation, MCS, GCC, and what travels on the I/O channel.
pub fn x224_mcs_gcc(bytes: &[u8]) {
    let _ = (
        tpkt::tpkt(bytes),
        tpkt::payload(bytes),
        tpdu(bytes),
        mcs::mcs(bytes),
    );
    let _ = (
        nego::request(bytes),
        nego::answer(bytes),
        share::io(bytes),
        ber::element(bytes),
    );
    let _ = (
        gcc::client_core(bytes),
        gcc::server_security(bytes),
        ber::per_length(bytes),
    );
    let _ = (
        client_info::client_info(bytes),
        licensing::license(bytes),
        ber::integer(bytes),
    );
    if let Some(head) = tsgu::head(bytes) {
        assert!(head.length <= bytes.len());
        let _ = (head.answer(), head.authorization(), head.user());
    }
    let _ = (tsgu::begins(bytes), tsgu::frame(bytes), tsgu::packet(bytes));
    assert!(ber::elements(bytes).count() <= bytes.len());
    if let Some(payload) = tpkt::payload(bytes) {
        assert!(payload.len() <= bytes.len());
        let _ = (
            tpdu(payload),
            mcs::mcs(payload.get(3..).unwrap_or_default()),
        );
    }
    if let Some(mcs::Mcs::ConnectInitial(data) | mcs::Mcs::ConnectResponse(_, data)) =
        mcs::mcs(bytes)
    {
        let _ = (gcc::client_core(data), gcc::server_security(data));
    }
}

/// Connect Initial in its TPKT and X.224 data header, with a client core block.
pub fn connect_initial() -> Vec<u8> {
    // CS_CORE: type and length, version, then up to the client's name and its build.
    let mut core = vec![
        0x01, 0xc0, 0xd8, 0, 4, 0, 8, 0, 0, 4, 0, 3, 1, 0xca, 3, 0xaa, 9, 4, 0, 0, 0x61, 0x4a, 0, 0,
    ];
    core.extend("WS7".encode_utf16().flat_map(u16::to_le_bytes));
    core.resize(0xd8, 0);
    let mut gcc = b"\0\x05\0\x14\x7c\0\x01\x81\x00\0\x08\0\x10\0\x01\xc0\0Duca\x80\xd8".to_vec();
    gcc.extend(&core);
    let tlv = |tag: &[u8], body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [tag, &[0x82], &length, body].concat()
    };
    let domain = tlv(&[0x30], b"\x02\x01\x22\x02\x01\x02\x02\x01\0\x02\x01\x01\x02\x01\0\x02\x01\x01\x02\x02\xff\xff\x02\x01\x02");
    let selectors = b"\x04\x01\x01\x04\x01\x01\x01\x01\xff".to_vec();
    let body = [selectors, domain.repeat(3), tlv(&[0x04], &gcc)].concat();
    let connect = tlv(&[0x7f, 0x65], &body);
    let total = u16::try_from(connect.len() + 7).unwrap().to_be_bytes();
    [&[3, 0, total[0], total[1], 2, 0xf0, 0x80], &connect[..]].concat()
}

/// Requests, confirms, Connect Initial, and its parts alone.
pub fn x224_seeds() -> Vec<Vec<u8>> {
    let connect = connect_initial();
    let (mcs, gcc) = (
        connect[7..].to_vec(),
        connect[connect.len() - 240..].to_vec(),
    );
    let mut seeds = vec![
        x224::request(Some("ana"), Some(11), 1),
        x224::confirm(2, 0x1f),
        x224::failure(2),
        b"Cookie: mstshash=a\r\n\x01\0\x08\0\x0b\0\0\0".to_vec(),
        b"\x64\0\x05\x03\xeb\x70\x1a\x18\0\x17\0\xf1\x03\xea\x03\x01\0\0\x01\x08\0\x2f\0\0\0\x04\0\0\0".to_vec(),
        b"\x80\0\0\0\xff\x02\x10\0\x07\0\0\0\x02\0\0\0".to_vec(),
    ];
    seeds.extend([connect, mcs, gcc]);
    seeds
}

/// TSRequest, its tokens, the DER below.
pub fn credssp(bytes: &[u8]) {
    if let Some((request, _)) = credssp::ts_request(bytes) {
        let _ = request.token.map(credssp::token);
    }
    let _ = credssp::token(bytes);
    let mut budget = 10_000;
    descend(bytes, 0, &mut budget);
}

/// Every element lies inside the one around it.
fn descend(bytes: &[u8], depth: u32, budget: &mut u32) {
    for element in ber::elements(bytes) {
        assert!(element.body.len() <= bytes.len());
        if depth < 12 && *budget > 0 {
            *budget -= 1;
            descend(element.body, depth + 1, budget);
        }
    }
}

/// The three messages of NTLM, an error, Kerberos' identifier.
pub fn credssp_seeds() -> Vec<Vec<u8>> {
    let tlv = |tag: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], &length[..], body].concat()
    };
    let request = |fields: Vec<Vec<u8>>| {
        let version = tlv(0xa0, &[2, 1, 6]);
        tlv(0x30, &[vec![version], fields].concat().concat())
    };
    let token = |bytes: &[u8]| tlv(0xa1, &tlv(0x30, &tlv(0x30, &tlv(0xa0, &tlv(4, bytes)))));
    let mut authenticate = b"NTLMSSP\0\x03\0\0\0".to_vec();
    for (length, offset) in [
        (24_u16, 88_u32),
        (24, 112),
        (8, 64),
        (6, 72),
        (6, 78),
        (0, 88),
    ] {
        authenticate.extend(length.to_le_bytes());
        authenticate.extend(length.to_le_bytes());
        authenticate.extend(offset.to_le_bytes());
    }
    authenticate.extend(1_u32.to_le_bytes());
    authenticate.extend("CORPanaWS7".encode_utf16().flat_map(u16::to_le_bytes));
    authenticate.resize(160, 7);
    let kerberos =
        b"\x60\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\0\x6e\x10".to_vec();
    vec![
        request(vec![token(b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xe2")]),
        request(vec![token(b"NTLMSSP\0\x02\0\0\0\0\0\0\0\x38\0\0\0")]),
        request(vec![token(&authenticate), tlv(0xa3, &tlv(4, &[1; 16]))]),
        request(vec![tlv(0xa4, &[2, 4, 0xc0, 0, 0, 0x6d])]),
        request(vec![token(&kerberos), tlv(0xa2, &tlv(4, &[1; 80]))]),
        authenticate,
        vec![0x30, 0x80, 0x30, 0x80, 0, 0, 0, 0],
    ]
}

/// A datagram.
pub fn rdpeudp(bytes: &[u8]) {
    let _ = rdpeudp::syn(bytes);
    // Anything shorter than the protocol's smallest MTU is none; so that short inputs get inside as well:
    let mut padded = bytes.to_vec();
    padded.resize(padded.len().max(1232), 0);
    let _ = rdpeudp::syn(&padded);
}

/// A client's SYN of version 3 with its hash and correlation id, and an answer.
pub fn rdpeudp_seeds() -> Vec<Vec<u8>> {
    let syn = |flags: u16, acknowledged: [u8; 4]| {
        let mut bytes = acknowledged.to_vec();
        bytes.extend([0, 64]);
        bytes.extend(flags.to_be_bytes());
        bytes.extend([1, 2, 3, 4, 4, 0xd0, 4, 0xd0]);
        bytes.extend([0x5a; 32]);
        bytes.extend([0, 1, 1, 1]);
        bytes.extend([0xc3; 32]);
        bytes.resize(1232, 0);
        bytes
    };
    vec![
        syn(0x1801, [0xff; 4]),
        syn(0x1005, [0, 0, 0, 1]),
        syn(1, [0xff; 4]),
    ]
}
