//! The steps of a connection, in order.

/// A stage that a connection can have entered. The order is the order of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Looking up the server's name.
    Name,
    /// Reaching its port.
    Tcp,
    /// X.224 connection request and negotiation ([MS-RDPBCGR] 1.3.1.1).
    X224,
    /// The TLS handshake.
    Tls,
    /// NLA: CredSSP inside TLS ([MS-CSSP]).
    Credssp,
    /// The early user authorization result ([MS-RDPBCGR] 2.2.10.2).
    Authorization,
    /// MCS connect and channels.
    Mcs,
    /// Licensing.
    Licensing,
    /// Capabilities and the rest up to the first picture.
    Activation,
    /// A session that the user sees.
    Session,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 10] = [
        Self::Name,
        Self::Tcp,
        Self::X224,
        Self::Tls,
        Self::Credssp,
        Self::Authorization,
        Self::Mcs,
        Self::Licensing,
        Self::Activation,
        Self::Session,
    ];

    /// The word of the report and of the data files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::X224 => "x224",
            Self::Tls => "tls",
            Self::Credssp => "credssp",
            Self::Authorization => "authorization",
            Self::Mcs => "mcs",
            Self::Licensing => "licensing",
            Self::Activation => "activation",
            Self::Session => "session",
        }
    }

    /// The stage of this word.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}
