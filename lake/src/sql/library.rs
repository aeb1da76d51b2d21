//! Queries that everybody asks, by name. Each is one file of `queries`: its first line says what it tells.

/// A query with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub name: &'static str,
    /// The whole file.
    pub sql: &'static str,
}

impl Named {
    /// What it tells.
    pub fn title(&self) -> &'static str {
        let first = self.sql.lines().next().unwrap_or_default();
        first.trim_start_matches("-- ")
    }
}

macro_rules! library {
    ($($name:literal)*) => {
        &[$(Named {
            name: $name,
            sql: include_str!(concat!("../../queries/", $name, ".sql")),
        }),*]
    };
}

const QUERIES: &[Named] = library!(
    "attackers" "first-after-change" "hosts-by-cause" "lost-evidence" "spread" "worst-servers"
);

/// All of them, by name.
pub fn queries() -> &'static [Named] {
    QUERIES
}

/// The query of this name.
pub fn named(name: &str) -> Option<Named> {
    QUERIES.iter().copied().find(|q| q.name == name)
}
