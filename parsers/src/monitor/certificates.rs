//! Certificates of Zeek: `ssl.log` names the ones that a server presented, `x509.log` says what stands in them, and each of
//! them once a day only (docs.zeek.org, "base/files/x509/main.zeek"). The name is a fingerprint, and up to Zeek 4.0 the id of
//! a file.

use std::collections::HashMap;

use super::Reading;
use super::row::Row;
use super::words as w;
use crate::batch::EventBatch;
use crate::event::{Guid, Value};
use crate::kind::Field;
use crate::time::Timestamp;

/// SHA-256 in hex digits, which Zeek names certificates by where nobody changed that.
const SHA256: usize = 64;

/// Whether this is a row of `x509.log`.
pub(super) fn is_one(row: &Row) -> bool {
    row.get("_path") == Some("x509") || row.has("certificate.serial")
}

/// Tells what stands in a certificate.
pub(super) fn describe(to: &mut Reading, row: &Row, time: Timestamp) {
    let Some(name) = row.get("fingerprint").or_else(|| row.get("id")) else {
        return;
    };
    let text = |name: &str| row.get(name).unwrap_or_default();
    let (subject, issuer) = (text("certificate.subject"), text("certificate.issuer"));
    let key = match text("certificate.key_type") {
        "rsa" => "rsa",
        "ecdsa" => "ec",
        "dsa" => "dsa",
        _ => "other",
    };
    let Reading {
        batch, log, line, ..
    } = to;
    let mut told = batch.push(w::DESCRIBED, *log, time, *line, Guid::default());
    told.text(w::NAMED_AS, name)
        .text(w::SUBJECT, subject)
        .text(w::ISSUER, issuer);
    for (column, field) in [
        ("certificate.not_valid_before", w::NOT_BEFORE),
        ("certificate.not_valid_after", w::NOT_AFTER),
    ] {
        if let Some(moment) = row.time(column) {
            told.int(field, moment.0);
        }
    }
    told.flag(w::SELF_SIGNED, !subject.is_empty() && subject == issuer)
        .text(w::KEY, key)
        .text(w::SERIAL, &text("certificate.serial").to_ascii_lowercase());
    if let Some(bits) = row.count("certificate.key_length") {
        told.int(w::KEY_BITS, bits);
    }
    if name.len() == SHA256 && name.bytes().all(|b| b.is_ascii_hexdigit()) {
        told.text(w::SHA256, &name.to_ascii_lowercase());
    }
}

/// The name of the certificate that a server presented: the first of its chain.
pub(super) fn name_of(row: &Row) -> &str {
    let chain = row
        .get("cert_chain_fps")
        .or_else(|| row.get("cert_chain_fuids"));
    chain.and_then(|c| c.split(',').next()).unwrap_or_default()
}

/// Whether a certificate was out of date, or not valid yet, when it was presented.
pub(super) fn validity<'a>(
    time: Timestamp,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> impl Iterator<Item = (Field, Value<'a>)> {
    let expired = to.map(|to| (w::EXPIRED, Value::Flag(time > to)));
    let early = from.map(|from| (w::NOT_YET_VALID, Value::Flag(time < from)));
    expired.into_iter().chain(early)
}

/// Puts what `x509.log` says of certificates where `ssl.log` names them, and forgets the descriptions: most are of
/// certificates that no Remote Desktop server has. The batches are those of all monitors' logs of a case.
pub fn complete(batches: &mut [&mut EventBatch]) {
    let mut wanted: HashMap<String, Option<usize>> = HashMap::new();
    for event in batches.iter().flat_map(|b| b.iter()) {
        if event.event.kind == w::CERTIFICATE
            && let Some(name) = event.text(w::NAMED_AS)
        {
            wanted.insert(name.to_owned(), None);
        }
    }
    let mut described = EventBatch::default();
    let log = described.log("", "");
    for event in batches.iter().flat_map(|b| b.iter()) {
        if event.event.kind != w::DESCRIBED {
            continue;
        }
        let asked = event.text(w::NAMED_AS).and_then(|n| wanted.get_mut(n));
        if let Some(place @ None) = asked {
            *place = Some(described.events.len());
            let mut copy = described.push(w::DESCRIBED, log, event.event.time, 0, Guid::default());
            for (field, value) in event.fields() {
                copy.add(field, value);
            }
        }
    }
    for batch in batches {
        let named: Vec<(usize, usize)> = (batch.iter().enumerate())
            .filter(|(_, e)| e.event.kind == w::CERTIFICATE)
            .filter_map(|(i, e)| Some((i, (*wanted.get(e.text(w::NAMED_AS)?)?)?)))
            .collect();
        for (index, description) in named {
            let Some(time) = batch.events.get(index).map(|e| e.time) else {
                continue;
            };
            let Some(of) = described.event(description) else {
                continue;
            };
            let moment = |field| of.int(field).map(Timestamp);
            let judged = validity(time, moment(w::NOT_BEFORE), moment(w::NOT_AFTER));
            batch.fill_in(index, of.fields().chain(judged));
        }
        if batch.events.iter().any(|e| e.kind == w::DESCRIBED) {
            **batch = std::mem::take(*batch).without(w::DESCRIBED);
        }
    }
}
