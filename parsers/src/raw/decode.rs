//! How the text of a value becomes a number, an address, a time.
//!
//! The same value is a number in one record and a text in the next (records that went through event forwarding carry
//! texts only), so everything starts from text.

use std::net::{IpAddr, Ipv6Addr};

use crate::batch::Filling;
use crate::catalog::{Decode, FieldSpec};
use crate::time::Timestamp;

/// Adds what `text` says to the event; `false` when it says nothing of this type.
pub(crate) fn add(spec: &FieldSpec, text: &str, to: &mut Filling<'_>) -> bool {
    let field = spec.field;
    match spec.decode {
        Decode::Text => said(text).map(|t| to.text(field, t)).is_some(),
        Decode::HexText => said(text).map(|t| to.text(field, &hex_digits(t))).is_some(),
        Decode::Lower => said(text)
            .map(|t| to.text(field, &t.to_ascii_lowercase()))
            .is_some(),
        Decode::Int => number(text).map(|n| to.int(field, n)).is_some(),
        Decode::IntInText => first_number(text).map(|n| to.int(field, n)).is_some(),
        Decode::Hex => i64::from_str_radix(text.trim_start_matches("0x"), 16)
            .ok()
            .map(|n| to.int(field, n))
            .is_some(),
        Decode::Status => number(text).map(|n| to.int(field, low_32(n))).is_some(),
        Decode::StatusInText => status_in_text(text).map(|n| to.int(field, n)).is_some(),
        Decode::Port => number(text)
            .filter(|n| (1..=0xFFFF).contains(n))
            .map(|n| to.int(field, n))
            .is_some(),
        Decode::Direction => said(text).map(|t| to.text(field, direction(t))).is_some(),
        Decode::BinaryIoStatus => status_at(text, 40).map(|n| to.int(field, n)).is_some(),
        Decode::Flag => flag(text).map(|b| to.flag(field, b)).is_some(),
        Decode::Ip => ip(text).map(|ip| to.ip(field, ip)).is_some(),
        Decode::Time => time(text).map(|t| to.int(field, t.0)).is_some(),
        Decode::BinaryStatus => status_at(text, 0).map(|n| to.int(field, n)).is_some(),
        Decode::BinaryStatusTail => {
            let last = text.len().checked_sub(8);
            last.and_then(|at| status_at(text, at))
                .map(|n| to.int(field, without_hresult_bit(n)))
                .is_some()
        }
        Decode::HostedProcess => said(text).map(|t| to.text(field, hosted(t).0)).is_some(),
        Decode::HostedService => hosted(text).1.map(|t| to.text(field, t)).is_some(),
        Decode::Endpoint => {
            let Some((ip, port)) = endpoint(text) else {
                return false;
            };
            to.ip(field, ip);
            if let (Some(port), Some(second)) = (port, spec.second) {
                to.int(second, i64::from(port));
            }
            true
        }
        Decode::BinaryService => {
            let Some(text) = utf16(text) else {
                return false;
            };
            let (name, state) = text
                .split_once('/')
                .map_or((text.as_str(), None), |(n, s)| (n, number(s)));
            if name.is_empty() {
                return false;
            }
            to.text(field, name);
            if let (Some(state), Some(second)) = (state, spec.second) {
                to.int(second, state);
            }
            true
        }
    }
}

/// As [`add`] with the text of a whole number, in decimal or as `0x…`; `None` where that way differs by the text.
pub(crate) fn whole(spec: &FieldSpec, n: i64, to: &mut Filling<'_>) -> Option<bool> {
    let n = match spec.decode {
        Decode::Int => n,
        Decode::Status => low_32(n),
        Decode::Port if (1..=0xFFFF).contains(&n) => n,
        Decode::Port => return Some(false),
        _ => return None,
    };
    to.int(spec.field, n);
    Some(true)
}

/// Texts by which Windows says that it has nothing to say.
fn said(text: &str) -> Option<&str> {
    (!matches!(text, "" | "-")).then_some(text)
}

/// Decimal, `0x…`, or `%%…` (a reference into a message table whose number is a Win32 code in the records of services).
/// Numbers beyond `i64` keep their bits.
fn number(text: &str) -> Option<i64> {
    let text = text.trim_start_matches("%%");
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    match digits {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(u64::cast_signed),
        None => text
            .parse::<i64>()
            .ok()
            .or_else(|| text.parse::<u64>().ok().map(u64::cast_signed)),
    }
}

/// `Reason Code: 2(Server Configuration).` is 2, `[-1]` is -1.
fn first_number(text: &str) -> Option<i64> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let (before, rest) = (text.get(..start)?, text.get(start..)?);
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let n = rest.get(..end)?.parse::<i64>().ok()?;
    Some(if before.ends_with('-') { -n } else { n })
}

/// Records that print an error as words often end them with the number.
fn status_in_text(text: &str) -> Option<i64> {
    let digits = text.split_once("0x")?.1;
    let end = digits
        .find(|c: char| !c.is_ascii_hexdigit())
        .unwrap_or(digits.len());
    u32::from_str_radix(digits.get(..end)?, 16)
        .ok()
        .map(i64::from)
}

fn direction(text: &str) -> &str {
    match text {
        "%%14592" => "inbound",
        "%%14593" => "outbound",
        other => other,
    }
}

/// A status as the unsigned number that the documentation lists, also when it was printed as a negative one.
fn low_32(n: i64) -> i64 {
    n & 0xFFFF_FFFF
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "%%1842" => Some(true),
        "0" | "%%1843" => Some(false),
        t if t.eq_ignore_ascii_case("true") => Some(true),
        t if t.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// An address, bare or in brackets, with or without a zone (`fe80::1%12`).
fn ip(text: &str) -> Option<IpAddr> {
    let text = text.trim_start_matches('[').trim_end_matches(']');
    if let Some((address, _zone)) = text.split_once('%') {
        return address.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    text.parse().ok()
}

/// `a.b.c.d:port`, `[v6]:port`, `[a.b.c.d]:port` or an address without port.
fn endpoint(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Some(alone) = ip(text) {
        return Some((alone, None));
    }
    let (address, port) = text.rsplit_once(':')?;
    Some((ip(address)?, port.parse().ok()))
}

/// ISO 8601, or a FILETIME as a number.
fn time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).or_else(|| Timestamp::from_filetime(number(text)?.cast_unsigned()))
}

fn hex_digits(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let digits = lower.strip_prefix("0x").unwrap_or(&lower);
    let short = digits.trim_start_matches('0');
    if short.is_empty() {
        "0".to_owned()
    } else {
        short.to_owned()
    }
}

/// The four bytes whose hex digits start at `at`, little-endian.
fn status_at(hex: &str, at: usize) -> Option<i64> {
    let digits = hex.get(at..at.checked_add(8)?)?;
    u32::from_str_radix(digits, 16)
        .ok()
        .map(|n| i64::from(n.swap_bytes()))
}

/// HRESULT_FROM_NT marks an NTSTATUS with one bit: 0xD00A0032 is 0xC00A0032.
fn without_hresult_bit(n: i64) -> i64 {
    if n >> 28 == 0xD { n & !0x1000_0000 } else { n }
}

/// Bytes in hex as UTF-16LE text up to the first NUL.
fn utf16(hex: &str) -> Option<String> {
    let units = (0..hex.len() / 4).map_while(|i| {
        let digits = hex.get(i * 4..i * 4 + 4)?;
        u16::from_str_radix(digits, 16).ok().map(u16::swap_bytes)
    });
    let units: Vec<u16> = units.take_while(|u| *u != 0).collect();
    String::from_utf16(&units).ok()
}

/// Error reporting names a service host `svchost.exe_TermService`: the program and the service in it.
fn hosted(text: &str) -> (&str, Option<&str>) {
    match text.split_once(".exe_") {
        Some((program, service)) => (text.get(..program.len() + 4).unwrap_or(text), said(service)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_all_their_spellings() {
        assert_eq!(number("-2146893043").map(low_32), Some(0x8009_030d));
        assert_eq!(number("0x8009030d").map(low_32), Some(0x8009_030d));
        assert_eq!(number("%%1068"), Some(1068));
        assert_eq!(number("18446744073709551615"), Some(-1));
        assert_eq!(number(""), None);
        assert_eq!(
            first_number("Reason Code: 2(Server Configuration)."),
            Some(2)
        );
        assert_eq!(first_number("[-1]"), Some(-1));
        assert_eq!(first_number("none"), None);
    }

    #[test]
    fn addresses_in_all_their_spellings() {
        let v4: IpAddr = [192, 0, 2, 7].into();
        assert_eq!(endpoint("192.0.2.7:50123"), Some((v4, Some(50123))));
        assert_eq!(endpoint("[192.0.2.7]:50123"), Some((v4, Some(50123))));
        assert_eq!(endpoint("192.0.2.7"), Some((v4, None)));
        assert_eq!(
            endpoint("[2001:db8::7]:50123"),
            "2001:db8::7".parse().ok().map(|v6| (v6, Some(50123)))
        );
        assert_eq!(
            endpoint("2001:db8::7"),
            "2001:db8::7".parse().ok().map(|v6| (v6, None))
        );
        assert_eq!(ip("fe80::1%12"), "fe80::1".parse().ok());
        assert_eq!(endpoint("LOCAL"), None);
        assert_eq!(ip("-"), None);
    }

    #[test]
    fn binary_values() {
        assert_eq!(
            utf16("5400650072006D00530065007200760069006300650020002F0034000000").as_deref(),
            Some("TermService /4")
        );
        assert_eq!(status_at("220000C0", 0), Some(0xC000_0022));
        assert_eq!(without_hresult_bit(0xD00A_0032), 0xC00A_0032);
        assert_eq!(without_hresult_bit(0x8009_0330), 0x8009_0330);
        assert_eq!(utf16("zz"), Some(String::new()));
        assert_eq!(status_at("22", 0), None);
    }

    #[test]
    fn a_service_host_is_split() {
        assert_eq!(
            hosted("svchost.exe_TermService"),
            ("svchost.exe", Some("TermService"))
        );
        assert_eq!(hosted("lsass.exe"), ("lsass.exe", None));
    }
}
