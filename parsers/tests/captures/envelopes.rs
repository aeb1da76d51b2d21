//! The same connection in every envelope: link types, tags, tunnels, mirrors.

use rdpwhy_fixtures::wire::{Frame, Ip, Link, udp_frame};

use super::flows::{Flow, flows};
use super::play::{healthy, read};

/// A classic pcap file of this link type.
fn file(link: u32, frames: &[Frame], envelope: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0]);
    file.extend(link.to_le_bytes());
    for frame in frames {
        let bytes = envelope(&frame.bytes);
        let (seconds, nanos) = frame.time.seconds_and_nanos();
        let size = u32::try_from(bytes.len()).unwrap();
        for number in [
            u32::try_from(seconds).unwrap(),
            u32::try_from(nanos / 1000).unwrap(),
            size,
            size,
        ] {
            file.extend(number.to_le_bytes());
        }
        file.extend(bytes);
    }
    file
}

fn outer() -> (Link, Ip) {
    let link = Link {
        from: [4; 6],
        to: [6; 6],
        vlan: None,
    };
    (
        link,
        Ip {
            from: [192, 0, 2, 1].into(),
            to: [192, 0, 2, 2].into(),
            ttl: 60,
            id: 7,
        },
    )
}

/// An outer Ethernet and IPv4 packet of this protocol.
fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let (link, ip) = outer();
    let mut bytes = udp_frame(&link, &ip, 1, 2, payload);
    // The UDP header goes, the protocol changes; checksums are the sender's affair.
    bytes.drain(34..42);
    let total = u16::try_from(bytes.len() - 14).unwrap().to_be_bytes();
    bytes[16..18].copy_from_slice(&total);
    bytes[23] = protocol;
    bytes
}

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let (link, ip) = outer();
    udp_frame(&link, &ip, 55_555, port, payload)
}

fn with(head: &[u8], rest: &[u8]) -> Vec<u8> {
    [head, rest].concat()
}

fn told(link: u32, envelope: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<Flow> {
    flows(&read(&file(link, &healthy().frames(), envelope)))
}

#[test]
fn every_envelope_holds_the_same_connection() {
    const ETHERNET: u32 = 1;
    type Envelope = (&'static str, u32, fn(&[u8]) -> Vec<u8>);
    let bare = told(ETHERNET, &|f| f.to_vec());
    assert_eq!((bare.len(), bare[0].stage), (1, "session"));
    let envelopes: [Envelope; 23] = [
        ("vlan", ETHERNET, |f| {
            [&f[..12], &[0x81, 0, 0x60, 5], &f[12..]].concat()
        }),
        ("qinq", ETHERNET, |f| {
            [&f[..12], &[0x88, 0xa8, 0, 9, 0x81, 0, 0, 5], &f[12..]].concat()
        }),
        ("mpls", ETHERNET, |f| {
            [&f[..12], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64], &f[14..]].concat()
        }),
        ("pppoe", ETHERNET, |f| {
            [
                &f[..12],
                &[0x88, 0x64, 0x11, 0, 0, 1, 0, 0, 0, 0x21],
                &f[14..],
            ]
            .concat()
        }),
        ("macsec without encryption", ETHERNET, |f| {
            [&f[..12], &[0x88, 0xe5, 0, 0, 0, 0, 0, 1], &f[12..]].concat()
        }),
        ("snap", ETHERNET, |f| {
            [&f[..12], &[1, 0, 0xaa, 0xaa, 3, 0, 0, 0], &f[12..]].concat()
        }),
        ("raw", 101, |f| f[14..].to_vec()),
        ("raw ipv4", 228, |f| f[14..].to_vec()),
        ("null", 0, |f| with(&[2, 0, 0, 0], &f[14..])),
        ("loop", 108, |f| with(&[0, 0, 0, 2], &f[14..])),
        ("linux cooked", 113, |f| {
            with(&[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0], &f[14..])
        }),
        ("linux cooked 2", 276, |f| {
            with(
                &[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0],
                &f[14..],
            )
        }),
        ("ppp", 9, |f| with(&[0xff, 3, 0, 0x21], &f[14..])),
        ("ip in ip", ETHERNET, |f| ipv4(4, &f[14..])),
        ("gre", ETHERNET, |f| {
            ipv4(47, &with(&[0, 0, 8, 0], &f[14..]))
        }),
        ("gre with key and sequence", ETHERNET, |f| {
            ipv4(47, &with(&[0x30, 0, 0x65, 0x58, 0, 0, 0, 9, 0, 0, 0, 1], f))
        }),
        ("erspan i", ETHERNET, |f| {
            ipv4(47, &with(&[0, 0, 0x88, 0xbe], f))
        }),
        ("erspan ii", ETHERNET, |f| {
            ipv4(
                47,
                &with(
                    &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 1, 0, 0, 0, 2],
                    f,
                ),
            )
        }),
        ("erspan iii", ETHERNET, |f| {
            ipv4(
                47,
                &with(
                    &[
                        0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0,
                    ],
                    f,
                ),
            )
        }),
        ("vxlan", ETHERNET, |f| {
            udp(4789, &with(&[8, 0, 0, 0, 0, 0, 7, 0], f))
        }),
        ("vxlan on the old port", ETHERNET, |f| {
            udp(8472, &with(&[8, 0, 0, 0, 0, 0, 7, 0], f))
        }),
        ("geneve with an option", ETHERNET, |f| {
            udp(
                6081,
                &with(&[2, 0, 0x65, 0x58, 0, 0, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0], f),
            )
        }),
        ("vxlan in vlan in gre", ETHERNET, |f| {
            let inner = udp(4789, &with(&[8, 0, 0, 0, 0, 0, 7, 0], f));
            let tagged = [&inner[..12], &[0x81, 0, 0, 5], &inner[12..]].concat();
            ipv4(47, &with(&[0, 0, 0x65, 0x58], &tagged))
        }),
    ];
    for (name, link, envelope) in envelopes {
        assert_eq!(told(link, &envelope), bare, "{name}");
    }
}

#[test]
fn tunnels_in_tunnels_without_end_are_not_followed() {
    let deep = |f: &[u8]| (0..9).fold(f.to_vec(), |inner, _| ipv4(4, &inner[14..]));
    let batch = read(&file(1, &healthy().frames(), &deep));
    assert!(flows(&batch).is_empty());
    let packets = u64::try_from(healthy().frames().len()).unwrap();
    let defects: Vec<_> = batch.defects.iter().map(|d| (&*d.what, d.lost)).collect();
    assert_eq!(
        defects,
        [("packets inside more tunnels than are followed", packets)]
    );
}

#[test]
fn fragments_are_put_together() {
    let whole = told(1, &|f| f.to_vec());
    let frames: Vec<_> = healthy()
        .frames()
        .into_iter()
        .enumerate()
        .flat_map(|(n, frame)| {
            let ip = &frame.bytes[14..];
            if ip.len() < 20 + 200 {
                return vec![frame];
            }
            let cut = 20 + 96;
            let id = u16::try_from(n).unwrap().to_be_bytes();
            let part = |from: usize, to: usize, more: bool| {
                let mut bytes = frame.bytes[..34].to_vec();
                bytes.extend(&ip[from..to]);
                let total = u16::try_from(20 + to - from).unwrap().to_be_bytes();
                bytes[16..18].copy_from_slice(&total);
                bytes[18..20].copy_from_slice(&id);
                let offset =
                    u16::try_from((from - 20) / 8).unwrap() | if more { 0x2000 } else { 0 };
                bytes[20..22].copy_from_slice(&offset.to_be_bytes());
                Frame {
                    time: frame.time,
                    bytes,
                }
            };
            vec![part(20, cut, true), part(cut, ip.len(), false)]
        })
        .collect();
    let told = flows(&read(&file(1, &frames, &|f| f.to_vec())));
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].stage, &told[0].kinds),
        (whole[0].stage, &whole[0].kinds)
    );
}
