//! The two ends of a connection, and things that come in twos.

use std::ops::{Index, IndexMut};

/// Which end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) const BOTH: [Self; 2] = [Self::Client, Self::Server];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// One of something for each end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Pair<T> {
    pub client: T,
    pub server: T,
}

impl<T> Pair<T> {
    /// One for each end, made the same way.
    pub(crate) fn of(make: impl Fn(Side) -> T) -> Self {
        Self {
            client: make(Side::Client),
            server: make(Side::Server),
        }
    }

    /// Whether either one fulfils a condition.
    pub(crate) fn any(&self, condition: impl Fn(&T) -> bool) -> bool {
        condition(&self.client) || condition(&self.server)
    }

    /// Whether both do.
    pub(crate) fn all(&self, condition: impl Fn(&T) -> bool) -> bool {
        condition(&self.client) && condition(&self.server)
    }
}

impl<T> Index<Side> for Pair<T> {
    type Output = T;

    fn index(&self, side: Side) -> &T {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }
}

impl<T> IndexMut<Side> for Pair<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }
}
