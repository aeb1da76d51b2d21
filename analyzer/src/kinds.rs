//! Which kinds of facts there are somewhere: a bit for each.

use rdpwhy_parsers::Kind;

const WORDS: usize = Kind::count().div_ceil(64);

/// A set of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds([u64; WORDS]);

impl Kinds {
    /// Adds a kind.
    pub fn add(&mut self, kind: Kind) {
        if let Some(word) = self.0.get_mut(kind.index() / 64) {
            *word |= 1 << (kind.index() % 64);
        }
    }

    /// Whether it is among them.
    pub fn has(&self, kind: Kind) -> bool {
        self.0
            .get(kind.index() / 64)
            .is_some_and(|word| word >> (kind.index() % 64) & 1 == 1)
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        let mut set = Self::default();
        kinds.into_iter().for_each(|k| set.add(k));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_added_and_nothing_else() {
        let even: Kinds = Kind::all().filter(|k| k.index() % 2 == 0).collect();
        for kind in Kind::all() {
            assert_eq!(even.has(kind), kind.index() % 2 == 0, "{kind}");
        }
    }
}
