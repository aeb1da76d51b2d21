//! What ties a record to a connection beyond its moment.

use rdpwhy_parsers::EventRef;

use crate::attempt::Attempt;
use crate::names::{field, kind};
use crate::sighting::{account, same_account};

/// How a record is tied to an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tie {
    /// A value of the record belongs to another connection.
    Contradicted,
    /// Nothing but the moment.
    Moment,
    /// Its address or account is the connection's own.
    Key,
}

/// Weighs the values that record and attempt both have.
pub fn tie(attempt: &Attempt, event: EventRef<'_>) -> Tie {
    let mut tie = Tie::Moment;
    if let (Some(theirs), Some(ours)) = (event.ip(field::CLIENT_IP), attempt.client.ip) {
        if theirs != ours {
            return Tie::Contradicted;
        }
        tie = Tie::Key;
    }
    // Windows writes port 0 where it does not know it.
    let port = event.int(field::CLIENT_PORT).filter(|p| *p != 0);
    if let (Some(theirs), Some(ours), Tie::Key) = (port, attempt.client.port, tie)
        && theirs != i64::from(ours)
        && !is_logon(event)
    {
        return Tie::Contradicted;
    }
    if is_logon(event) {
        let theirs = account(event.text(field::DOMAIN), event.text(field::USER));
        if let (Some(theirs), Some(ours)) = (theirs, &attempt.user) {
            if same_account(&theirs, ours) {
                tie = Tie::Key;
            } else if attempt.events.len() > 1 && tie != Tie::Key {
                return Tie::Contradicted;
            }
        }
    }
    tie
}

/// A logon's port is the client's Kerberos or SMB socket as often as its RDP one.
fn is_logon(event: EventRef<'_>) -> bool {
    matches!(
        event.event.kind,
        kind::LOGON_FAILED | kind::LOGON_SUCCEEDED | kind::LOGON_DENIED | kind::AUTHENTICATED
    )
}
