//! ClientHello and ServerHello (RFC 5246 §7.4.1, RFC 8446 §4.1), lenient: a hello cut by the snapshot length gives its
//! beginning, and one strange extension does not hide the others.

use nom::IResult;
use nom::Parser as _;
use nom::bytes::complete::take;
use nom::multi::{length_data, many0};
use nom::number::complete::{be_u8, be_u16};

const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
/// Extension encrypt_then_mac (RFC 7366).
pub const ENCRYPT_THEN_MAC: u16 = 22;
const SUPPORTED_VERSIONS: u16 = 43;

/// SHA-256 of "HelloRetryRequest", which is what its random says (RFC 8446 §4.1.3); the first eight bytes.
const RETRY: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];

/// A hello of either side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hello<'a> {
    /// `legacy_version`.
    pub version: u16,
    /// Random.
    pub random: &'a [u8],
    /// Cipher suites offered, or the one chosen.
    pub suites: Vec<u16>,
    /// Extensions in their order: type, body.
    pub extensions: Vec<(u16, &'a [u8])>,
    /// Whether the end is missing.
    pub cut: bool,
}

impl<'a> Hello<'a> {
    /// Body of an extension.
    pub fn extension(&self, kind: u16) -> Option<&'a [u8]> {
        self.extensions
            .iter()
            .find(|(k, _)| *k == kind)
            .map(|(_, b)| *b)
    }

    /// Version chosen by a server: the extension's, else the legacy one.
    pub fn chosen_version(&self) -> u16 {
        match self.extension(SUPPORTED_VERSIONS) {
            Some([a, b]) => u16::from_be_bytes([*a, *b]),
            _ => self.version,
        }
    }

    /// Versions offered by a client, as sent; the legacy one when there is no list.
    pub fn offered_versions(&self) -> Vec<u16> {
        match self.extension(SUPPORTED_VERSIONS).and_then(|b| b.get(1..)) {
            Some(list) => pairs(list),
            None => vec![self.version],
        }
    }

    /// Named groups offered.
    pub fn groups(&self) -> Vec<u16> {
        self.extension(SUPPORTED_GROUPS)
            .and_then(|b| b.get(2..))
            .map(pairs)
            .unwrap_or_default()
    }

    /// Signature algorithms offered.
    pub fn signatures(&self) -> Vec<u16> {
        self.extension(SIGNATURE_ALGORITHMS)
            .and_then(|b| b.get(2..))
            .map(pairs)
            .unwrap_or_default()
    }

    /// Point formats offered.
    pub fn point_formats(&self) -> &'a [u8] {
        self.extension(POINT_FORMATS)
            .and_then(|b| b.get(1..))
            .unwrap_or_default()
    }

    /// First protocol offered by ALPN.
    pub fn alpn(&self) -> Option<&'a [u8]> {
        let body = self.extension(ALPN)?;
        let length = usize::from(*body.get(2)?);
        body.get(3..3 + length)
    }

    /// Server name asked for.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let body = self.extension(SERVER_NAME)?;
        let length = usize::from(u16::from_be_bytes(*body.get(3..)?.first_chunk()?));
        body.get(5..5 + length)
    }

    /// Whether a ServerHello asks for another ClientHello.
    pub fn is_retry(&self) -> bool {
        self.random.starts_with(&RETRY)
    }
}

fn pairs(bytes: &[u8]) -> Vec<u16> {
    bytes
        .chunks_exact(2)
        .filter_map(|c| c.first_chunk().copied())
        .map(u16::from_be_bytes)
        .collect()
}

/// Body of a ClientHello, behind the handshake header.
pub fn client_hello(body: &[u8]) -> Hello<'_> {
    let mut hello = Hello {
        cut: true,
        ..Hello::default()
    };
    let _ = client(body, &mut hello);
    hello
}

/// Body of a ServerHello, behind the handshake header.
pub fn server_hello(body: &[u8]) -> Hello<'_> {
    let mut hello = Hello {
        cut: true,
        ..Hello::default()
    };
    let _ = server(body, &mut hello);
    hello
}

fn client<'a>(rest: &'a [u8], hello: &mut Hello<'a>) -> IResult<&'a [u8], ()> {
    let (rest, version) = be_u16(rest)?;
    hello.version = version;
    let (rest, random) = take(32usize)(rest)?;
    hello.random = random;
    let (rest, _session) = length_data(be_u8).parse(rest)?;
    let (rest, suites) = length_data(be_u16).parse(rest)?;
    hello.suites = pairs(suites);
    let (rest, _compression) = length_data(be_u8).parse(rest)?;
    extensions(rest, hello)
}

fn server<'a>(rest: &'a [u8], hello: &mut Hello<'a>) -> IResult<&'a [u8], ()> {
    let (rest, version) = be_u16(rest)?;
    hello.version = version;
    let (rest, random) = take(32usize)(rest)?;
    hello.random = random;
    let (rest, _session) = length_data(be_u8).parse(rest)?;
    let (rest, suite) = be_u16(rest)?;
    hello.suites = vec![suite];
    let (rest, _compression) = be_u8(rest)?;
    extensions(rest, hello)
}

fn extensions<'a>(rest: &'a [u8], hello: &mut Hello<'a>) -> IResult<&'a [u8], ()> {
    if rest.is_empty() {
        hello.cut = false; // no extensions at all: TLS 1.0 clients
        return Ok((rest, ()));
    }
    let (rest, length) = be_u16(rest)?;
    let here = rest.get(..usize::from(length)).unwrap_or(rest);
    let (_, list) = many0((be_u16, length_data(be_u16))).parse(here)?;
    hello.extensions = list;
    hello.cut = rest.len() < usize::from(length);
    Ok((rest, ()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ClientHello with one suite and supported_versions 1.3, 1.2.
    fn hello() -> Vec<u8> {
        let mut b = vec![3, 3];
        b.extend([7; 32]);
        b.extend([0, 0, 4, 0x13, 0x01, 0xc0, 0x2f, 1, 0]);
        b.extend([0, 9, 0, 43, 0, 5, 4, 3, 4, 3, 3]);
        b
    }

    #[test]
    fn a_hello_gives_suites_and_versions() {
        let bytes = hello();
        let h = client_hello(&bytes);
        assert!(!h.cut);
        assert_eq!(h.suites, [0x1301, 0xc02f]);
        assert_eq!(h.offered_versions(), [0x0304, 0x0303]);
    }

    #[test]
    fn every_cut_gives_what_is_there() {
        let bytes = hello();
        for end in 0..bytes.len() {
            let h = client_hello(&bytes[..end]);
            assert!(h.cut || end == 43, "cut at {end}");
            assert_eq!(h.random.len() == 32, end >= 34);
            let _ = server_hello(&bytes[..end]);
        }
    }
}
