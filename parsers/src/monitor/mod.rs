//! Logs of network monitors: what Zeek (`conn.log`, `rdp.log`, `ssl.log`, as TSV or JSON) and Suricata (EVE) wrote down of
//! connections whose packets nobody kept.
//!
//! ```text
//! bytes → text → lines → rows (names and values) → facts, as a capture tells them
//! ```
//!
//! A monitor's log is a weaker witness than a capture: it says that something was, seldom that something was not. So each
//! connection says who tells of it (`told_by` of `tcp.opened`), and nothing is concluded from what it leaves out.
//! Lines of other services than Remote Desktop are counted and otherwise left alone.

mod eve;
mod row;
mod zeek;

use crate::batch::EventBatch;
use crate::event::Sink;
use crate::export::text::Text;
use crate::kind::{Field, Kind};
use crate::read_at::ReadAt;
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
        return ["conn", "rdp", "ssl"]
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
    (has("ts") && has("uid") && ends).then_some(Form::ZeekJson)
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
        ALERTED = "tls.alerted", TLS_COMPLETED = "tls.completed", CONNECT_INITIAL = "mcs.connect-initial",
        CONNECT_RESPONSE = "mcs.connect-response", SESSION = "session.data-seen");
    words!(Field: FLOW = "flow", CLIENT_IP = "client_ip", CLIENT_PORT = "client_port", SERVER_IP = "server_ip",
        SERVER_PORT = "server_port", SYN_COUNT = "syn_count", MIDSTREAM = "midstream", ONE_WAY = "one_way",
        TOLD_BY = "told_by", UID = "uid", HOW = "how", BY = "by", NAMED = "named", FROM_IP = "from_ip",
        SPAN_MS = "span_ms", COOKIE = "cookie", SELECTED_PROTOCOL = "selected_protocol", CODE = "code",
        SNI = "sni", VERSION = "version", SUITE = "suite", SUBJECT = "subject", ISSUER = "issuer", FROM = "from",
        ALERT = "alert", CLIENT_HOST = "client_host", RESULT = "result", INFERRED = "inferred",
        NOT_BEFORE = "not_before", NOT_AFTER = "not_after");
}
