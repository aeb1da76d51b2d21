//! How a Windows record becomes an [`Event`](crate::Event): one data file per provider and id, embedded as a table.

pub use crate::code::{Code, code};
use crate::kind::{Field, Kind};

/// How a value of a record is read. The names in the data files stand beside them in `build.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decode {
    /// As it stands.
    Text,
    /// A number, decimal or `0x…`.
    Int,
    /// The first number inside a text: `Reason Code: 2(Server Configuration).`
    IntInText,
    /// A number in hexadecimal without `0x`.
    Hex,
    /// An HRESULT, NTSTATUS or Win32 code as an unsigned 32-bit number: decimal, negative decimal or `0x…`.
    Status,
    /// The first `0x…` inside a text, as a status: `No such host is known. (0x80072AF9)`
    StatusInText,
    /// `true`/`1`/`%%1842` (yes in the Security log).
    Flag,
    /// An address; `-` and `LOCAL` are none; `::ffff:a.b.c.d` is IPv4.
    Ip,
    /// A port number; 0 is none.
    Port,
    /// `%%14592` and `%%14593` of the filter platform: `inbound`, `outbound`.
    Direction,
    /// `a.b.c.d:port`, `[v6]:port`, `[a.b.c.d]:port`: makes `<name>_ip` and `<name>_port`.
    Endpoint,
    /// A FILETIME or ISO 8601 text, nanoseconds since 1970.
    Time,
    /// Text that is a hexadecimal number, kept as lower-case text without leading `0x`.
    HexText,
    /// `Binary` as hex: the first four bytes, little-endian, are a status.
    BinaryStatus,
    /// `Binary` as hex: the last four bytes, little-endian, are a status; 0xD……… is an NTSTATUS 0xC………
    BinaryStatusTail,
    /// `Binary` as the hex of a kernel driver's I/O error packet: its final status, at byte 20.
    BinaryIoStatus,
    /// Text kept in lower case: hexadecimal, as in thumbprints and in `Binary`.
    Lower,
    /// `Binary` as UTF-16LE `TermService/4`: makes `<name>` and, when there is a slash, `state`.
    BinaryService,
    /// `svchost.exe_TermService`: the program.
    HostedProcess,
    /// `svchost.exe_TermService`: the service in it.
    HostedService,
}

/// One value of a record: what Windows calls it, what we call it, how it is read.
#[derive(Debug)]
pub struct FieldSpec {
    /// Name of the value as in [`RawRecord::get`](crate::raw::RawRecord::get). Alternatives, first readable wins: `A|B`.
    pub from: &'static str,
    /// Our name.
    pub field: Field,
    /// Our name of the second value, for the types that make two.
    pub second: Option<Field>,
    /// How.
    pub decode: Decode,
}

/// A value that changes what the record means.
#[derive(Debug)]
pub struct Variant {
    /// Our name of the value looked at.
    pub field: Field,
    /// Texts (numbers as decimal) that choose it; `Prefix*` matches beginnings.
    pub is: &'static [&'static str],
    /// What it then is.
    pub kind: Kind,
    /// What stage it then proves.
    pub stage: Option<&'static str>,
}

/// One data file of `catalog/events`.
#[derive(Debug)]
pub struct EventSpec {
    /// Provider name in ASCII lower case.
    pub provider: &'static str,
    /// Provider as Windows writes it; of several names, the usual one.
    pub provider_name: &'static str,
    /// Event id.
    pub id: u32,
    /// Channel it is written to; forwarded records stand elsewhere.
    pub channel: &'static str,
    /// What it is, unless a variant says otherwise.
    pub kind: Kind,
    /// Which side of a connection writes it.
    pub side: &'static str,
    /// Stage of the connection that it proves to have been entered.
    pub stage: Option<&'static str>,
    /// One sentence for a person.
    pub meaning: &'static str,
    /// Values to keep; of two for one field, the first that the record has is kept.
    pub fields: &'static [FieldSpec],
    /// Constants to add.
    pub set: &'static [(Field, &'static str)],
    /// Values that change the kind.
    pub variants: &'static [Variant],
}

/// What is known of a kind.
#[derive(Debug)]
pub struct KindInfo {
    /// Stage of the connection that it proves to have been entered.
    pub stage: Option<&'static str>,
    /// One sentence for a person.
    pub meaning: &'static str,
    /// Channels in which its records are written, sorted; empty for wire kinds.
    pub channels: &'static [&'static str],
    /// Sides whose records are of this kind, sorted; empty for wire kinds.
    pub sides: &'static [&'static str],
}

include!(concat!(env!("OUT_DIR"), "/events.rs"));

/// The data file for a provider (any case) and id.
pub fn lookup(provider: &str, id: u32) -> Option<&'static EventSpec> {
    let at = EVENTS.partition_point(|e| {
        let order = e
            .provider
            .bytes()
            .cmp(provider.bytes().map(|b| b.to_ascii_lowercase()));
        order.then(e.id.cmp(&id)).is_lt()
    });
    EVENTS
        .get(at)
        .filter(|e| e.id == id && e.provider.eq_ignore_ascii_case(provider))
}

/// All data files, by provider and id.
pub fn all() -> &'static [EventSpec] {
    EVENTS
}

/// What is known of a kind.
pub fn info(kind: Kind) -> Option<&'static KindInfo> {
    KIND_INFO.get(kind.index())
}

/// Channels in which records of this kind are written, sorted; empty for wire kinds.
pub fn channels(kind: Kind) -> &'static [&'static str] {
    info(kind).map_or(&[], |i| i.channels)
}
