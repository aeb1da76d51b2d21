//! What a client's log says against a connection being its try, however well the times agree: in a busy log somebody's
//! connection begins at every moment.

use rdpwhy_parsers::{EventRef, Timestamp};

use crate::evidence::{At, Evidence};
use crate::names::{field, kind};
use crate::reasons::{self, Class};

/// Both ends write an orderly end within moments. So much leaves room for clocks, and for a prompt that stays open after
/// the connection that asked for it.
const ENDS_APART_NS: i64 = 90_000_000_000;

/// One witness's part of a connection, on a clock that both share.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    events: &'a [At],
    start: Timestamp,
    end: Timestamp,
}

impl<'a> Told<'a> {
    /// From first and last sign.
    pub fn new(events: &'a [At], start: Timestamp, end: Timestamp) -> Self {
        Self { events, start, end }
    }

    fn records(self, evidence: &'a Evidence) -> impl Iterator<Item = EventRef<'a>> {
        self.events.iter().filter_map(|at| evidence.event(*at))
    }
}

/// Whether a client's try cannot be this connection, which others saw.
pub fn contradict(evidence: &Evidence, client: Told<'_>, other: Told<'_>) -> bool {
    let ended = client
        .records(evidence)
        .filter(|e| e.event.kind == kind::CLIENT_DISCONNECTED)
        .last();
    let Some(ended) = ended else {
        return false;
    };
    let class = ended.int(field::REASON).map(reasons::client);
    let never_connected = matches!(class, Some(Class::ConnectFailed | Class::NameFailed))
        && !client
            .records(evidence)
            .any(|e| e.event.kind == kind::CLIENT_CONNECTED);
    if never_connected && other.records(evidence).any(was_served) {
        return true;
    }
    let long = other.end.since(other.start) > ENDS_APART_NS;
    let apart = other.end.since(client.end).abs() > ENDS_APART_NS;
    long && apart && other.records(evidence).any(client_was_there)
}

/// The client went on with what the server had answered: then it was reached. (A server that accepts and stays silent, or
/// answers too late, is to mstsc one that it could not connect to.)
fn was_served(e: EventRef<'_>) -> bool {
    matches!(
        e.event.kind,
        kind::CLIENT_HELLO | kind::AUTHENTICATED | kind::SESSION_LOGON | kind::SESSION_RECONNECTED
    )
}

/// The client itself ended the connection: it was there until then, and not longer.
fn client_was_there(e: EventRef<'_>) -> bool {
    match e.event.kind {
        kind::CLIENT_LEFT | kind::SESSION_LOGOFF => true,
        kind::DISCONNECT_REASON => {
            e.int(field::REASON).map(reasons::rdpcorets) == Some(Class::Orderly)
        }
        kind::TCP_CLOSED => e.text(field::BY) == Some("client"),
        _ => false,
    }
}
