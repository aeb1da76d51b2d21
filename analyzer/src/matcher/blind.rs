//! Where nobody recorded.

use crate::attempt::Attempt;
use crate::matcher::peer_name;

/// Where nobody recorded, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unrecorded {
    /// Channel, or `capture`.
    pub channel: String,
    /// Whose: a name or an address.
    pub host: String,
}

/// The channel of what a capture would show.
pub(super) const CAPTURE: &[&str] = &["capture"];

/// Whose record is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Server,
    Client,
    Directory,
    Gateway,
}

/// The same as long as nobody asks for names: each attempt has hundreds of such answers, of which a few are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blind {
    pub(super) channels: &'static [&'static str],
    pub(super) whose: Whose,
}

impl Blind {
    /// Whether a capture would have shown it.
    pub fn is_capture(self) -> bool {
        self.channels == CAPTURE
    }

    /// The names of what this attempt lacks.
    pub fn of(self, a: &Attempt) -> Unrecorded {
        let first = || self.channels.first().copied().unwrap_or_default().into();
        let (channel, host) = match self.whose {
            Whose::Server => (first(), peer_name(&a.server)),
            Whose::Client => (first(), peer_name(&a.client)),
            // Any of them would have told it.
            Whose::Directory => (self.channels.join(" or "), "the domain controller".into()),
            Whose::Gateway => (self.channels.join(" or "), "the gateway".into()),
        };
        Unrecorded { channel, host }
    }
}

/// Puts those of `more` behind the others that are not among them.
pub(crate) fn note(list: &mut Vec<Blind>, more: impl IntoIterator<Item = Blind>) {
    for blind in more {
        if !list.contains(&blind) {
            list.push(blind);
        }
    }
}
