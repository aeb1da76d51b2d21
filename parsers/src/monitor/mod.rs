//! Logs of network monitors: what Zeek (`conn.log`, `rdp.log`, `ssl.log`, `x509.log`, as TSV or JSON) and Suricata (EVE) wrote down of
//! connections whose packets nobody kept.
//!
//! ```text
//! bytes → text → lines → rows (names and values) → facts, as a capture tells them
//! ```
//!
//! A monitor's log is a weaker witness than a capture: it says that something was, seldom that something was not. So each
//! connection says who tells of it (`told_by` of `tcp.opened`), and nothing is concluded from what it leaves out.
//! Lines of other services than Remote Desktop are counted and otherwise left alone.

mod certificates;
mod eve;
mod row;
mod zeek;

use crate::batch::EventBatch;
use crate::event::Sink;
use crate::export::text::Text;
use crate::kind::{Field, Kind};
use crate::read_at::ReadAt;
pub use certificates::complete;
use row::Row;

/// Where Remote Desktop listens.
const RDP: u16 = 3389;
/// A line that is longer is no row.
const LONGEST_LINE: usize = 1 << 20;
/// Events that are kept before they are told.
const AT_ONCE: usize = 1024;
/// Lines that are no rows and are told one by one.
const MOST_DEFECTS: u64 = 20;

/// Who wrote the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Zeek, tab-separated with a header.
    ZeekTsv,
    /// Zeek, an object a line.
    ZeekJson,
    /// Suricata's EVE, an object a line.
    Eve,
}

impl Form {
    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZeekTsv | Self::ZeekJson => "zeek",
            Self::Eve => "suricata-eve",
        }
    }

    /// The name of its log, in the place of a channel.
    fn channel(self) -> &'static str {
        match self {
            Self::ZeekTsv | Self::ZeekJson => "Zeek",
            Self::Eve => "Suricata",
        }
    }

    /// The word for it in events.
    fn witness(self) -> &'static str {
        match self {
            Self::ZeekTsv | Self::ZeekJson => "zeek",
            Self::Eve => "suricata",
        }
    }
}

/// The form of a log that begins with `head`.
pub fn looks_like(head: &[u8]) -> Option<Form> {
    let head = String::from_utf8_lossy(head);
    let head = head.trim_start_matches('\u{feff}');
    if head.starts_with('#') {
        let path = head.lines().find_map(|l| l.strip_prefix("#path"))?;
        return ["conn", "rdp", "ssl", "x509"]
            .contains(&path.trim())
            .then_some(Form::ZeekTsv);
    }
    let first = head.trim_start().lines().next()?;
    let has = |name: &str| first.contains(&format!("\"{name}\""));
    if !first.starts_with('{') {
        return None;
    }
    if has("event_type") && has("src_ip") && has("timestamp") {
        return Some(Form::Eve);
    }
    let ends = has("id.orig_h") || has("orig_h");
    // A certificate belongs to no connection.
    let certificate = has("certificate.serial");
    (has("ts") && (has("uid") && ends || certificate)).then_some(Form::ZeekJson)
}

/// Reads a whole log.
pub fn read(source: &dyn ReadAt, form: Form) -> EventBatch {
    run(source, form, None)
}

/// Reads a whole log and tells its events while they come. What is left are the log, the defects and the counts.
pub fn stream(source: &dyn ReadAt, form: Form, tell: Sink<'_>) -> EventBatch {
    run(source, form, Some(tell))
}

fn run(source: &dyn ReadAt, form: Form, mut tell: Option<Sink<'_>>) -> EventBatch {
    let mut batch = EventBatch::default();
    let log = batch.log("", form.channel());
    let mut reading = Reading {
        batch,
        log,
        form,
        line: 0,
        unread: 0,
        header: row::Header::default(),
        flows: eve::Flows::default(),
    };
    let mut text = Text::new(source);
    let mut block = String::new();
    let mut line = String::new();
    let mut too_long = false;
    while text.next(&mut block) {
        for piece in block.split_inclusive('\n') {
            if line.len() + piece.len() > LONGEST_LINE {
                too_long = true;
                line.clear();
            } else {
                line.push_str(piece);
            }
            if piece.ends_with('\n') {
                reading.line(&line, std::mem::take(&mut too_long));
                line.clear();
            }
        }
        block.clear();
        if let Some(tell) = &mut tell
            && reading.batch.events.len() >= AT_ONCE
        {
            reading.batch.iter().for_each(tell);
            reading.batch.forget_events();
        }
    }
    if !line.is_empty() || too_long {
        reading.line(&line, too_long);
    }
    if let Some(tell) = &mut tell {
        reading.batch.iter().for_each(tell);
        reading.batch.forget_events();
    }
    text.report(&mut reading.batch);
    let more = reading.unread.saturating_sub(MOST_DEFECTS);
    if more > 0 {
        let what = format!("{more} more lines are no rows of this log");
        reading.batch.defect("file", what, more);
    }
    reading.batch
}

/// What reading has given so far.
struct Reading {
    batch: EventBatch,
    log: u32,
    form: Form,
    /// 1-based.
    line: u64,
    unread: u64,
    header: row::Header,
    flows: eve::Flows,
}

impl Reading {
    fn line(&mut self, text: &str, too_long: bool) {
        self.line += 1;
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() && !too_long {
            return;
        }
        let read = match self.form {
            _ if too_long => None,
            Form::ZeekTsv if text.starts_with('#') => {
                self.header.read(text);
                return;
            }
            Form::ZeekTsv => self.header.row(text),
            Form::ZeekJson | Form::Eve => Row::of_json(text),
        };
        let taken = read.is_some_and(|row| match self.form {
            Form::ZeekTsv | Form::ZeekJson => zeek::take(self, &row),
            Form::Eve => eve::take(self, &row),
        });
        if !taken {
            self.unread += 1;
            if self.unread <= MOST_DEFECTS {
                let at = format!("line {}", self.line);
                self.batch.defect(at, "is no row of this log", 1);
            }
        }
    }
}

/// The kinds and fields that a monitor's log tells in.
mod words {
    use super::{Field, Kind};

    macro_rules! words {
        ($type:ident: $($constant:ident = $name:literal),+ $(,)?) => {
            $(pub const $constant: $type = $type::of($name);)+
        };
    }

    words!(Kind: TCP_OPENED = "tcp.opened", TCP_ESTABLISHED = "tcp.established", TCP_REFUSED = "tcp.refused",
        TCP_UNANSWERED = "tcp.unanswered", TCP_CLOSED = "tcp.closed", X224_REQUESTED = "x224.requested",
        X224_CONFIRMED = "x224.confirmed", NEGOTIATION_FAILED = "negotiation.failed",
        CLIENT_HELLO = "tls.client-hello", SERVER_HELLO = "tls.server-hello", CERTIFICATE = "tls.certificate",
        DESCRIBED = "certificate.described",
        ALERTED = "tls.alerted", TLS_COMPLETED = "tls.completed", CONNECT_INITIAL = "mcs.connect-initial",
        CONNECT_RESPONSE = "mcs.connect-response", SESSION = "session.data-seen");
    words!(Field: FLOW = "flow", CLIENT_IP = "client_ip", CLIENT_PORT = "client_port", SERVER_IP = "server_ip",
        SERVER_PORT = "server_port", SYN_COUNT = "syn_count", MIDSTREAM = "midstream", ONE_WAY = "one_way",
        TOLD_BY = "told_by", UID = "uid", HOW = "how", BY = "by", NAMED = "named", FROM_IP = "from_ip",
        SPAN_MS = "span_ms", COOKIE = "cookie", SELECTED_PROTOCOL = "selected_protocol", CODE = "code",
        SNI = "sni", VERSION = "version", SUITE = "suite", SUBJECT = "subject", ISSUER = "issuer", FROM = "from",
        ALERT = "alert", CLIENT_HOST = "client_host", RESULT = "result", INFERRED = "inferred",
        NOT_BEFORE = "not_before", NOT_AFTER = "not_after", EXPIRED = "expired", NOT_YET_VALID = "not_yet_valid",
        SELF_SIGNED = "self_signed", KEY = "key", KEY_BITS = "key_bits", SERIAL = "serial", SHA256 = "sha256",
        THUMBPRINT = "thumbprint", NAMED_AS = "named_as");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        let form = looks_like(text.as_bytes()).expect("recognised");
        let batch = read(&text.as_bytes(), form);
        assert_eq!(batch.defects, []);
        let values = |e: crate::EventRef<'_>| {
            let shown = |v| match v {
                crate::Value::Int(n) => n.to_string(),
                crate::Value::Flag(b) => b.to_string(),
                crate::Value::Ip(ip) => ip.to_string(),
                crate::Value::Text(t) => t.to_owned(),
            };
            e.fields().map(|(f, v)| (f.name(), shown(v))).collect()
        };
        batch
            .iter()
            .map(|e| (e.event.kind.name(), values(e)))
            .collect()
    }

    fn kinds(text: &str) -> Vec<&'static str> {
        told(text).into_iter().map(|(kind, _)| kind).collect()
    }

    fn value(text: &str, kind: &str, field: &str) -> String {
        let told = told(text);
        let (_, values) = told.iter().find(|(k, _)| *k == kind).expect(kind);
        let found = values.iter().find(|(f, _)| *f == field);
        found.map(|(_, v)| v.clone()).unwrap_or_default()
    }

    /// The layout of docs.zeek.org, "x509.log" and "ssl.log", with other values.
    #[test]
    fn certificates_are_described_in_a_log_of_their_own() {
        let fingerprint = "c0ffee".repeat(10) + "c0ff";
        let x509 = format!(
            "{{\"ts\":1297551041.2,\"fingerprint\":\"{fingerprint}\",\"certificate.version\":3,\"certificate.serial\":\"0A1B\",\
             \"certificate.subject\":\"CN=srv\",\"certificate.issuer\":\"CN=srv\",\"certificate.not_valid_before\":1265000000.0,\
             \"certificate.not_valid_after\":1280000000.0,\"certificate.key_type\":\"rsa\",\"certificate.key_length\":2048}}\n\
             {{\"ts\":1297551042.2,\"fingerprint\":\"ab\",\"certificate.serial\":\"01\"}}\n"
        );
        let ssl = format!(
            "{{\"ts\":1297551041.3,\"uid\":\"CHh\",\"id.orig_h\":\"198.51.100.7\",\"id.orig_p\":49206,\"id.resp_h\":\"192.0.2.9\",\
             \"id.resp_p\":3389,\"version\":\"TLSv12\",\"established\":false,\"cert_chain_fps\":[\"{fingerprint}\",\"beef\"]}}\n"
        );
        let read = |text: &str| {
            read(
                &text.as_bytes(),
                looks_like(text.as_bytes()).expect("known"),
            )
        };
        let (mut x509, mut ssl) = (read(&x509), read(&ssl));
        assert_eq!((x509.defects.len(), x509.iter().count()), (0, 2));
        complete(&mut [&mut x509, &mut ssl]);
        assert_eq!(x509.iter().count(), 0);
        let event = ssl.iter().find(|e| e.event.kind == words::CERTIFICATE);
        let event = event.expect("presented");
        assert_eq!(event.text(words::SUBJECT), Some("CN=srv"));
        assert_eq!(event.text(words::SHA256), Some(fingerprint.as_str()));
        assert_eq!(event.int(words::KEY_BITS), Some(2048));
        let flag = |field| event.flag(field);
        assert!(flag(words::EXPIRED) && flag(words::SELF_SIGNED));
        assert!(!flag(words::NOT_YET_VALID));
        // What was there before is there still.
        assert!(event.int(words::FLOW).is_some());
    }

    /// The layout of Zeek's own tests (testing/btest/Baseline/scripts.base.protocols.rdp.rdp-to-ssl), with other values.
    #[test]
    fn logs_as_zeek_writes_them_are_read() {
        let rdp = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\trdp\n#open\t2015-03-05-18-38-05\n\
            #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tcookie\tresult\tsecurity_protocol\tkeyboard_layout\tclient_build\tclient_name\tcert_count\n\
            #types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tstring\tstring\tstring\tstring\tcount\n\
            1297551041.284715\tCXWv6p\t198.51.100.7\t49206\t192.0.2.9\t3389\tANA\tencrypted\tHYBRID\t-\t-\t-\t0\n#close\t2015-03-05-18-38-05\n";
        assert_eq!(
            kinds(rdp),
            ["tcp.opened", "x224.requested", "x224.confirmed"]
        );
        assert_eq!(value(rdp, "x224.confirmed", "selected_protocol"), "2");
        assert_eq!(value(rdp, "tcp.opened", "uid"), "CXWv6p");
        let failed = rdp.replace("encrypted\tHYBRID", "SSL_NOT_ALLOWED_BY_SERVER\t-");
        assert_eq!(value(&failed, "negotiation.failed", "code"), "2");
        let ssl = "{\"ts\":1297551041.3,\"uid\":\"CHh\",\"id.orig_h\":\"198.51.100.7\",\"id.orig_p\":49206,\"id.resp_h\":\"192.0.2.9\",\
            \"id.resp_p\":3389,\"version\":\"TLSv12\",\"cipher\":\"TLS_RSA_WITH_AES_128_CBC_SHA\",\"server_name\":\"srv\",\"established\":false,\
            \"last_alert\":\"unknown_ca\",\"ssl_history\":\"CsxknL\"}\n";
        assert_eq!(value(ssl, "tls.alerted", "alert"), "48");
        assert_eq!(value(ssl, "tls.alerted", "from"), "client");
        assert_eq!(value(ssl, "tls.server-hello", "version"), "1.2");
    }

    fn conn(state: &str, history: &str, bytes: u64, seconds: u64) -> String {
        format!(
            "{{\"ts\":1297551041.3,\"uid\":\"C1\",\"id.orig_h\":\"198.51.100.7\",\"id.orig_p\":49206,\"id.resp_h\":\"192.0.2.9\",\
             \"id.resp_p\":3389,\"proto\":\"tcp\",\"duration\":{seconds}.5,\"orig_bytes\":5000,\"resp_bytes\":{bytes},\
             \"conn_state\":\"{state}\",\"history\":\"{history}\",\"orig_pkts\":3,\"resp_pkts\":9}}\n"
        )
    }

    #[test]
    fn how_a_connection_ended_follows_from_state_and_history() {
        for (state, history, by, how) in [
            ("SF", "ShADadFf", "client", "fin"),
            ("SF", "ShADadfF", "server", "fin"),
            ("RSTO", "ShADadR", "client", "rst"),
            ("RSTR", "ShADadr", "server", "rst"),
            ("S1", "ShADad", "nobody", "still-open"),
            ("S2", "ShADadF", "client", "fin"),
            ("REJ", "Sr", "server", "refused"),
            ("S0", "S", "nobody", "silence"),
            ("S0", "SAD", "nobody", "still-open"),
        ] {
            let row = conn(state, history, 900, 1);
            let end = [
                value(&row, "tcp.closed", "by"),
                value(&row, "tcp.closed", "how"),
            ];
            assert_eq!(end, [by, how], "{state} {history}");
        }
        assert_eq!(
            value(&conn("S0", "SAD", 0, 1), "tcp.opened", "one_way"),
            "client"
        );
        assert_eq!(
            kinds(&conn("S0", "S", 0, 9)),
            ["tcp.opened", "tcp.unanswered", "tcp.closed"]
        );
    }

    /// A picture of a desktop is larger than any handshake, and takes longer than one.
    #[test]
    fn only_what_no_handshake_sends_shows_a_session() {
        let shown = |row: &str| kinds(row).contains(&"session.data-seen");
        assert!(shown(&conn("SF", "ShADadFf", 2_000_000, 600)));
        assert!(!shown(&conn("SF", "ShADadFf", 6_000, 600)));
        assert!(!shown(&conn("SF", "ShADadFf", 2_000_000, 2)));
        assert!(!shown(&conn("OTH", "DadA", 2_000_000, 600)));
    }

    #[test]
    fn other_services_and_other_lines_are_left_alone() {
        let web = conn("SF", "ShADadFf", 2_000_000, 600).replace("3389", "443");
        assert_eq!(kinds(&web), [""; 0]);
        let named = web.replace("\"proto\"", "\"service\":\"ssl,rdp\",\"proto\"");
        assert!(kinds(&named).contains(&"tcp.opened"));
        let text = format!("{}not json\n{{}}\n", conn("SF", "S", 0, 0));
        let batch = read(&text.as_bytes(), Form::ZeekJson);
        let places: Vec<&str> = batch.defects.iter().map(|d| d.at.as_str()).collect();
        assert_eq!(places, ["line 2", "line 3"]);
        assert_eq!(looks_like(b"#path\tdns\n"), None);
        assert_eq!(looks_like(b"{\"name\": 1}"), None);
    }

    #[test]
    fn what_suricata_tells_of_one_flow_is_one_connection() {
        let line = |kind: &str, more: &str| {
            format!(
                "{{\"timestamp\":\"2026-11-21T10:00:03.121420+0000\",\"flow_id\":7,\"event_type\":\"{kind}\",\"src_ip\":\"198.51.100.7\",\
                 \"src_port\":50122,\"dest_ip\":\"192.0.2.9\",\"dest_port\":3389,\"proto\":\"TCP\",{more}}}\n"
            )
        };
        let text = [
            line("rdp", "\"rdp\":{\"event_type\":\"initial_request\",\"cookie\":\"ana\"}"),
            line("rdp", "\"rdp\":{\"event_type\":\"initial_response\",\"protocol\":\"hybrid_ex\"}"),
            line("tls", "\"tls\":{\"sni\":\"srv\",\"version\":\"TLS 1.2\",\"subject\":\"CN=srv\",\"fingerprint\":\"0A:1B\",\"notafter\":\"2026-01-01T00:00:00\"}"),
            line("flow", "\"flow\":{\"pkts_toserver\":9,\"pkts_toclient\":9,\"state\":\"closed\"},\"tcp\":{\"fin\":true,\"ack\":true}"),
        ]
        .concat();
        assert_eq!(
            kinds(&text),
            [
                "tcp.opened",
                "x224.requested",
                "x224.confirmed",
                "tls.client-hello",
                "tls.server-hello",
                "tls.certificate",
                "tcp.closed"
            ]
        );
        assert_eq!(value(&text, "tls.certificate", "expired"), "true");
        assert_eq!(value(&text, "tls.certificate", "thumbprint"), "0a1b");
        assert_eq!(value(&text, "tcp.closed", "by"), "unknown");
        assert_eq!(value(&text, "x224.confirmed", "selected_protocol"), "8");
        let silent = line(
            "flow",
            "\"flow\":{\"pkts_toserver\":4,\"pkts_toclient\":0},\"tcp\":{\"syn\":true,\"ack\":false}",
        );
        assert_eq!(value(&silent, "tcp.closed", "how"), "silence");
        let refused = line(
            "flow",
            "\"flow\":{\"pkts_toserver\":1,\"pkts_toclient\":1,\"state\":\"closed\"},\"tcp\":{\"tcp_flags_tc\":\"14\",\"rst\":true}",
        );
        assert_eq!(value(&refused, "tcp.closed", "how"), "refused");
    }
}
