//! Names of facts and of their fields, as small numbers.
//!
//! The names come from the catalogue's data files; `build.rs` sorts them into two tables. `Kind::of("tcp.refused")` in a
//! `const` is checked at compile time: a kind that no data file declares does not build.

include!(concat!(env!("OUT_DIR"), "/names.rs"));

/// What happened, as a fact in the past tense: `tcp.refused`, `logon.failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(u16);

/// The name of a value that an event carries: `client_ip`, `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(u16);

macro_rules! interned {
    ($name:ident, $table:ident) => {
        impl $name {
            /// The number of a name known at compile time.
            ///
            /// # Panics
            /// When the catalogue has no such name: in a `const`, that is a compile error.
            #[allow(
                clippy::panic,
                reason = "evaluated in const context only, where it is a compile error"
            )]
            pub const fn of(name: &str) -> Self {
                match position(&$table, name) {
                    Some(i) => Self(i),
                    None => panic!("no data file of the catalogue declares this name"),
                }
            }

            /// The number of a name, if the catalogue has it.
            pub fn named(name: &str) -> Option<Self> {
                position(&$table, name).map(Self)
            }

            /// The name.
            pub fn name(self) -> &'static str {
                $table.get(usize::from(self.0)).copied().unwrap_or_default()
            }

            /// The number itself, an index below [`Self::count`].
            pub fn index(self) -> usize {
                usize::from(self.0)
            }

            /// How many there are.
            pub const fn count() -> usize {
                $table.len()
            }

            /// All of them, in the order of their names.
            pub fn all() -> impl Iterator<Item = Self> {
                #[allow(
                    clippy::cast_possible_truncation,
                    reason = "build.rs refuses tables beyond u16"
                )]
                (0..$table.len() as u16).map(Self)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

interned!(Kind, KINDS);
interned!(Field, FIELDS);

impl Field {
    /// The number itself.
    pub(crate) fn number(self) -> u16 {
        self.0
    }

    /// The field of a number that [`Field::number`] told.
    pub(crate) fn numbered(number: u16) -> Self {
        Self(number)
    }
}

/// Binary search that also runs at compile time.
const fn position(table: &[&str], name: &str) -> Option<u16> {
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        match compare(table[middle].as_bytes(), name.as_bytes()) {
            0 => {
                #[allow(
                    clippy::cast_possible_truncation,
                    reason = "build.rs refuses tables beyond u16"
                )]
                return Some(middle as u16);
            }
            1 => high = middle,
            _ => low = middle + 1,
        }
    }
    None
}

/// 0 equal, 1 `a` greater, 2 `a` smaller; `Ord` is not `const` yet.
const fn compare(a: &[u8], b: &[u8]) -> u8 {
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if a[i] != b[i] {
            return if a[i] > b[i] { 1 } else { 2 };
        }
        i += 1;
    }
    if a.len() == b.len() {
        0
    } else if a.len() > b.len() {
        1
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_where_it_stands() {
        for kind in Kind::all() {
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        for field in Field::all() {
            assert_eq!(Field::named(field.name()), Some(field));
        }
        assert_eq!(Kind::named("no.such-fact"), None);
    }
}
