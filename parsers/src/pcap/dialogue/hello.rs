//! Hellos and certificates told as steps.

use tls_parser::TlsCipherSuite;

use super::story::{Story, hex, printable};
use crate::pcap::tcp::stream::Place;
use crate::pcap::vocabulary::{field, kind};
use crate::tls::certificate::certificate;
use crate::tls::fingerprint::{is_grease, ja3, ja3s, ja4, numbers};
use crate::tls::hello::Hello;
use crate::tls::record::version_name;

/// Tells what the client offered.
pub(crate) fn tell_client_hello(hello: &Hello<'_>, place: Place, story: &mut Story) {
    let mut step = story.tell(kind::TLS_CLIENT_HELLO, place);
    step.text(field::VERSION, version_name(hello.version))
        .text(field::RANDOM, &hex(hello.random));
    if hello.suites.is_empty() {
        return; // cut before anything else
    }
    let versions = hello
        .offered_versions()
        .into_iter()
        .filter(|v| !is_grease(*v))
        .map(version_name);
    let numbers = |list: &[u16]| numbers(list, ' ');
    step.text(field::VERSIONS, &versions.collect::<Vec<_>>().join(" "))
        .text(field::SUITES, &numbers(&hello.suites))
        .text(field::GROUPS, &numbers(&hello.groups()))
        .text(
            field::SNI,
            &hello.server_name().map(printable).unwrap_or_default(),
        );
    if !hello.cut {
        step.text(field::JA3, &ja3(hello))
            .text(field::JA4, &ja4(hello));
    }
}

/// Tells what the server chose.
pub(crate) fn tell_server_hello(hello: &Hello<'_>, version: u16, place: Place, story: &mut Story) {
    let mut step = story.tell(kind::TLS_SERVER_HELLO, place);
    step.text(field::VERSION, version_name(version));
    if let Some(suite) = hello.suites.first() {
        let known = TlsCipherSuite::from_id(*suite).map(|s| s.name.to_owned());
        step.text(
            field::SUITE,
            &known.unwrap_or_else(|| format!("0x{suite:04x}")),
        );
    }
    if !hello.cut {
        step.text(field::JA3S, &ja3s(hello));
    }
    if hello.is_retry() {
        step.flag(field::RETRY, true);
    }
}

/// Tells what a certificate says, judged by the capture's clock.
pub(crate) fn tell_certificate(der: &[u8], place: Place, story: &mut Story) {
    let c = certificate(der);
    if c.validity.is_none() {
        story.defect(place, "certificate is no readable DER");
    }
    let mut step = story.tell(kind::TLS_CERTIFICATE, place);
    step.text(field::SUBJECT, &c.subject)
        .text(field::ISSUER, &c.issuer)
        .flag(field::SELF_SIGNED, c.self_signed)
        .text(field::KEY, c.key)
        .int(field::KEY_BITS, i64::try_from(c.key_bits).unwrap_or(0))
        .text(field::THUMBPRINT, &c.thumbprint)
        .text(field::SHA256, &c.sha256)
        .text(field::SERIAL, &c.serial);
    if let Some((from, to)) = c.validity {
        step.int(field::NOT_BEFORE, from.0)
            .int(field::NOT_AFTER, to.0)
            .flag(field::EXPIRED, place.time > to)
            .flag(field::NOT_YET_VALID, place.time < from);
    }
}
