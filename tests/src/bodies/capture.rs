//! Captures: the file's blocks, what is inside its frames, and connections whose bytes are anything.

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_fixtures::wire::tls::{self, Version};
use rdpwhy_fixtures::wire::{Capture, Certificate, Conversation, Endpoint, Frame, Side, x224};
use rdpwhy_parsers::EventBatch;
use rdpwhy_parsers::pcap::{self, Reader};
use rdpwhy_parsers::tls::keylog::KeyLog;

use crate::evidence;

const START: Time = Time(1_790_000_000_000_000_000);
/// Link types that are read, and one that is not.
const LINKS: [u8; 16] = [
    1, 12, 14, 101, 228, 229, 0, 108, 113, 9, 50, 1, 1, 1, 147, 113,
];
/// Two to the power of eight and some: link type 276 does not fit into the byte that chooses.
const COOKED_2: u32 = 276;

/// However the bytes arrive, the same events come out.
pub fn file(bytes: &[u8]) {
    let _ = pcap::looks_like(bytes);
    let whole = pcap::read(&bytes, None);
    let mut reader = Reader::new(None);
    let piece = 1 + usize::from(bytes.first().copied().unwrap_or(0)) + bytes.len() / 7;
    for piece in bytes.chunks(piece) {
        reader.push(piece);
    }
    let pieces = reader.finish();
    // Behind damage, how far a reader looks on depends on what has arrived; without damage nothing may.
    if whole.defects.is_empty() && pieces.defects.is_empty() {
        assert_eq!(told(&whole), told(&pieces));
    }
    bounded(&whole, bytes.len());
}

fn told(batch: &EventBatch) -> Vec<(&'static str, u64)> {
    batch
        .events
        .iter()
        .map(|e| (e.kind.name(), e.place))
        .collect()
}

/// A connection tells about its steps, so a short file cannot tell much.
fn bounded(batch: &EventBatch, bytes: usize) {
    assert!(
        batch.events.len() <= bytes + 16,
        "{} events",
        batch.events.len()
    );
    assert!(
        batch.defects.len() <= bytes + 16,
        "{} defects",
        batch.defects.len()
    );
}

/// Captures of the showcase and of cases that hold different endings.
pub fn file_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for name in [
        "connection-reset-by-middlebox",
        "ipv6-in-vlan",
        "not-an-rdp-server",
        "path-mtu-black-hole",
    ] {
        let wire = evidence::case(name)
            .into_iter()
            .find(|(label, _)| label.ends_with(".pcapng"));
        seeds.extend(wire.map(|(_, bytes)| bytes));
    }
    let frames = session(Version::Tls12).into_frames();
    seeds.push(
        Capture {
            frames,
            secrets: None,
        }
        .to_pcap(),
    );
    seeds
}

/// One byte chooses the link type; then frames, each behind its length (16 bits) and the microseconds since the last (8 bits).
pub fn link(bytes: &[u8]) {
    let Some((choice, mut rest)) = bytes.split_first() else {
        return;
    };
    let kind = match choice {
        255 => COOKED_2,
        n => LINKS
            .get(usize::from(*n) % LINKS.len())
            .copied()
            .map_or(1, u32::from),
    };
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    file.extend(kind.to_le_bytes());
    let mut micros = 0_u32;
    while let [low, high, pause, more @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
        let (frame, next) = more.split_at(length);
        micros += u32::from(*pause);
        let size = u32::try_from(length).unwrap();
        for number in [
            1_790_000_000 + micros / 1_000_000,
            micros % 1_000_000,
            size,
            size,
        ] {
            file.extend(number.to_le_bytes());
        }
        file.extend(frame);
        rest = next;
    }
    bounded(&pcap::read(&file, None), file.len());
}

/// Frames of a session on Ethernet and, without their Ethernet header, on every other link type.
pub fn link_seeds() -> Vec<Vec<u8>> {
    let frames = session(Version::Tls12).into_frames();
    let header = |kind: u8| -> &'static [u8] {
        match kind {
            0 | 108 => &[2, 0, 0, 0],
            113 => &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0],
            9 | 50 => &[0xff, 0x03, 0x00, 0x21],
            _ => &[],
        }
    };
    let seed = |(choice, kind): (usize, &u8)| {
        let mut bytes = vec![u8::try_from(choice).unwrap()];
        for frame in frames.iter().take(12) {
            let inner = if *kind == 1 {
                &frame.bytes[..]
            } else {
                &frame.bytes[14..]
            };
            let whole = [if *kind == 1 { &[][..] } else { header(*kind) }, inner].concat();
            bytes.extend(u16::try_from(whole.len()).unwrap().to_le_bytes());
            bytes.push(40);
            bytes.extend(whole);
        }
        bytes
    };
    LINKS
        .iter()
        .enumerate()
        .map(seed)
        .chain([tunnelled(&frames)])
        .collect()
}

/// VXLAN, GRE and IP in IP around the frames.
fn tunnelled(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = vec![1];
    let ip = |protocol: u8, body: &[u8]| {
        let total = u16::try_from(20 + body.len()).unwrap().to_be_bytes();
        let head = [
            0x45, 0, total[0], total[1], 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        [&head, body].concat()
    };
    for (n, frame) in frames.iter().take(12).enumerate() {
        let inner = &frame.bytes[..];
        let length = u16::try_from(inner.len() + 16).unwrap().to_be_bytes();
        let vxlan = [
            &[
                0x30, 0x39, 0x12, 0xb5, length[0], length[1], 0, 0, 8, 0, 0, 0, 0, 0, 1, 0,
            ],
            inner,
        ]
        .concat();
        let packet = match n % 3 {
            0 => ip(17, &vxlan),
            1 => ip(47, &[&[0, 0, 0x65, 0x58], inner].concat()),
            _ => ip(4, &inner[14..]),
        };
        bytes.extend(u16::try_from(packet.len()).unwrap().to_le_bytes());
        bytes.push(40);
        bytes.extend(packet);
    }
    bytes
}

/// What the two sides of a connection say, message by message: a byte (bit 0 who, bit 1 whether it closes behind it, bit 2
/// whether it resets, bits 3–5 how long it waits), a length (16 bits), the bytes.
pub fn flow(bytes: &[u8]) {
    let capture = Capture {
        frames: conversation(bytes).into_frames(),
        secrets: None,
    };
    let file = capture.to_pcap();
    bounded(&pcap::read(&file, None), file.len());
}

fn conversation(mut script: &[u8]) -> Conversation {
    let mut tcp = opened();
    while let [choice, low, high, more @ ..] = script {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
        let (message, next) = more.split_at(length);
        let side = if choice & 1 == 0 {
            Side::Client
        } else {
            Side::Server
        };
        tcp.wait(Span::millis(i64::from(choice >> 3 & 7) * 700));
        tcp.send(side, message);
        if choice & 2 != 0 {
            tcp.half_close(side);
        }
        if choice & 4 != 0 {
            tcp.reset(side);
        }
        script = next;
    }
    tcp
}

fn opened() -> Conversation {
    let end = |last: u8, port: u16, ttl: u8| Endpoint {
        mac: [2, 0, 0, 0, 0, last],
        ip: [10, 0, 0, last].into(),
        port,
        ttl,
        mss: 1460,
    };
    let mut tcp = Conversation::new(
        end(5, 50_123, 127),
        end(9, 3389, 128),
        START,
        Span::millis(20),
        &mut Seed::of("flow"),
    );
    tcp.open();
    tcp
}

/// The messages of a session up to the first data.
fn messages(version: Version) -> Vec<(Side, Vec<u8>)> {
    let mut seed = Seed::of("messages");
    let suite = if version == Version::Tls13 {
        0x1302
    } else {
        0xc030
    };
    let certificate = Certificate::self_signed("srv.example", Time(0), Time(START.0 - 1));
    vec![
        (Side::Client, x224::request(Some("ana"), Some(11), 0)),
        (Side::Server, x224::confirm(8, 0x1f)),
        (
            Side::Client,
            tls::ClientHello::of_mstsc(version, "srv.example").to_record(&mut seed),
        ),
        (
            Side::Server,
            tls::server_flight(version, suite, &[certificate], &mut seed),
        ),
        (Side::Client, tls::client_finish(version, &mut seed)),
        (Side::Server, tls::server_finish(version, &mut seed)),
        (Side::Client, tls::application_data(version, 57, &mut seed)),
        (Side::Server, tls::application_data(version, 295, &mut seed)),
        (Side::Client, tls::application_data(version, 700, &mut seed)),
        (Side::Server, tls::application_data(version, 4, &mut seed)),
        (Side::Server, tls::alert(version, 80)),
    ]
}

fn session(version: Version) -> Conversation {
    let mut tcp = opened();
    for (side, message) in messages(version) {
        tcp.send(side, &message);
    }
    tcp.close(Side::Server);
    tcp
}

fn script(messages: &[(Side, Vec<u8>)], last: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (n, (side, message)) in messages.iter().enumerate() {
        let end = if n + 1 == messages.len() { last } else { 0 };
        bytes.push(u8::from(*side == Side::Server) | end);
        bytes.extend(u16::try_from(message.len()).unwrap().to_le_bytes());
        bytes.extend(message);
    }
    bytes
}

/// Sessions of three versions of TLS, one without, one that is refused, one with a web server.
pub fn flow_seeds() -> Vec<Vec<u8>> {
    let plain = vec![
        (Side::Client, x224::request(None, None, 0)),
        (Side::Server, x224::confirm_without_negotiation()),
        (Side::Client, super::messages::connect_initial()),
        (
            Side::Server,
            b"\x03\0\0\x0b\x02\xf0\x80\x2e\0\0\x08".to_vec(),
        ),
        (Side::Server, b"\x03\0\0\x09\x02\xf0\x80\x21\x80".to_vec()),
    ];
    let refused = vec![
        (Side::Client, x224::request(Some("a"), Some(1), 0)),
        (Side::Server, x224::failure(5)),
    ];
    let web = vec![
        (Side::Client, x224::request(Some("a"), Some(1), 0)),
        (Side::Server, b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
    ];
    let mut seeds: Vec<_> = [Version::Tls10, Version::Tls12, Version::Tls13]
        .map(|v| script(&messages(v), 2))
        .into();
    seeds.extend([script(&plain, 4), script(&refused, 2), script(&web, 2)]);
    seeds
}

/// As [`flow`], read with secrets for the client's random, so that what is no ciphertext gets decrypted.
pub fn decryption(bytes: &[u8]) {
    let capture = Capture {
        frames: conversation(bytes).into_frames(),
        secrets: None,
    };
    let file = capture.to_pcap();
    let at = bytes.windows(3).position(|w| matches!(w, [0x01, _, _]));
    let hello = bytes
        .windows(6)
        .position(|w| matches!(w, [0x16, 3, _, _, _, 1]));
    // Record header 5, handshake header 4, version 2.
    let random = hello
        .or(at)
        .and_then(|at| bytes.get(at + 11..at + 43))
        .unwrap_or(&[0; 32]);
    let random: String = random.iter().map(|b| format!("{b:02x}")).collect();
    let mut text = String::new();
    for label in [
        "CLIENT_RANDOM",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
    ] {
        text.push_str(&format!("{label} {random} {}\n", "a5".repeat(48)));
    }
    let keys = KeyLog::parse(text.as_bytes());
    bounded(&pcap::read(&file, Some(&keys)), file.len());
}

/// As those of [`flow`].
pub fn decryption_seeds() -> Vec<Vec<u8>> {
    flow_seeds()
}
