//! JA3, JA3S (Salesforce) and JA4 (FoxIO, BSD part) of hellos: they tell TLS stacks apart, so a proxy from the client.

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::hello::Hello;

/// Values that clients sprinkle in to keep servers tolerant (RFC 8701).
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Puts the values behind each other, dashes between them, sprinkled ones left out.
fn dashed(text: &mut String, values: impl Iterator<Item = u16>) {
    for (n, value) in values.filter(|v| !is_grease(*v)).enumerate() {
        if n > 0 {
            text.push('-');
        }
        let _ = write!(text, "{value}");
    }
}

/// JA3: MD5 of version, suites, extensions, groups, point formats.
pub fn ja3(hello: &Hello<'_>) -> String {
    let mut text = String::with_capacity(256);
    let _ = write!(text, "{},", hello.version);
    dashed(&mut text, hello.suites.iter().copied());
    text.push(',');
    dashed(&mut text, hello.extensions.iter().map(|(k, _)| *k));
    text.push(',');
    dashed(&mut text, hello.groups().into_iter());
    text.push(',');
    dashed(
        &mut text,
        hello.point_formats().iter().map(|b| u16::from(*b)),
    );
    hex(&Md5::digest(text))
}

/// JA3S: MD5 of version, suite, extensions.
pub fn ja3s(hello: &Hello<'_>) -> String {
    let mut text = String::with_capacity(64);
    let _ = write!(text, "{},", hello.version);
    dashed(&mut text, hello.suites.iter().copied());
    text.push(',');
    dashed(&mut text, hello.extensions.iter().map(|(k, _)| *k));
    hex(&Md5::digest(text))
}

/// Numbers as four hex digits each, in lower case, with this between them.
pub fn numbers(list: &[u16], between: char) -> String {
    let mut text = String::with_capacity(list.len() * 5);
    for (n, value) in list.iter().enumerate() {
        if n > 0 {
            text.push(between);
        }
        data_encoding::HEXLOWER.encode_append(&value.to_be_bytes(), &mut text);
    }
    text
}

/// JA4 of a TLS ClientHello over TCP.
pub fn ja4(hello: &Hello<'_>) -> String {
    let version = match hello
        .offered_versions()
        .into_iter()
        .filter(|v| !is_grease(*v))
        .max()
    {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        _ => "00",
    };
    let mut suites: Vec<u16> = hello
        .suites
        .iter()
        .copied()
        .filter(|v| !is_grease(*v))
        .collect();
    let extensions: Vec<u16> = hello
        .extensions
        .iter()
        .map(|(k, _)| *k)
        .filter(|v| !is_grease(*v))
        .collect();
    let name = if hello.server_name().is_some() {
        'd'
    } else {
        'i'
    };
    let alpn = match hello.alpn() {
        Some([only]) if only.is_ascii_alphanumeric() => format!("{0}{0}", char::from(*only)),
        Some([first, .., last])
            if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() =>
        {
            format!("{}{}", char::from(*first), char::from(*last))
        }
        _ => "00".to_owned(),
    };
    let counts = format!("{:02}{:02}", suites.len().min(99), extensions.len().min(99));
    suites.sort_unstable();
    // Server name and ALPN are told in the first part already.
    let mut sorted: Vec<u16> = extensions
        .into_iter()
        .filter(|e| !matches!(e, 0 | 16))
        .collect();
    sorted.sort_unstable();
    let list = |values: &[u16]| numbers(values, ',');
    let signatures = list(
        &hello
            .signatures()
            .into_iter()
            .filter(|v| !is_grease(*v))
            .collect::<Vec<_>>(),
    );
    let tail = if signatures.is_empty() {
        list(&sorted)
    } else {
        format!("{}_{signatures}", list(&sorted))
    };
    format!(
        "t{version}{name}{counts}{alpn}_{}_{}",
        short(&list(&suites)),
        short(&tail)
    )
}

/// First twelve hex digits of the SHA-256; zeros for nothing.
fn short(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(12);
    }
    hex(Sha256::digest(text).get(..6).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_is_left_out() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa) && !is_grease(0x0a1a) && !is_grease(0x1301));
    }

    #[test]
    fn the_empty_hello_has_the_known_parts() {
        let ja4 = ja4(&Hello {
            version: 0x0303,
            ..Hello::default()
        });
        assert_eq!(ja4, "t12i000000_000000000000_000000000000");
    }
}
