//! The facts of an attempt by name, as small as can be: a flood has a hundred thousand attempts, and each cause asks each of
//! them for several.

use crate::attempt::Fact;
use crate::facts::NAMES;

/// The name of a fact, as its place among [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(u8);

// A bit for each in `Facts`.
const _: () = assert!(NAMES.len() <= 64, "facts have 64 names at most");

impl Name {
    /// The fact of this name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        let place = NAMES.binary_search(&name).ok()?;
        u8::try_from(place).ok().map(Self)
    }

    /// As the causes write it.
    pub fn as_str(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or_default()
    }

    fn bit(self) -> u64 {
        1 << (self.0 & 63)
    }
}

/// Facts by name, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// A bit for each name that has a value.
    there: u64,
    values: Vec<Fact>,
}

impl Facts {
    /// The fact of this name.
    pub fn of(&self, name: Name) -> Option<&Fact> {
        if self.there & name.bit() == 0 {
            return None;
        }
        self.values.get(self.place(name))
    }

    /// The fact of this name.
    pub fn get(&self, name: &str) -> Option<&Fact> {
        self.of(Name::named(name)?)
    }

    /// Says what a fact is; names that no cause can ask for are not kept.
    pub fn insert(&mut self, name: &str, fact: Fact) {
        let Some(name) = Name::named(name) else {
            return;
        };
        let place = self.place(name);
        if self.there & name.bit() == 0 {
            self.there |= name.bit();
            self.values.insert(place, fact);
        } else if let Some(value) = self.values.get_mut(place) {
            *value = fact;
        }
    }

    /// Forgets all but these.
    pub fn keep(&mut self, names: &[&'static str]) {
        let kept: Vec<_> = names
            .iter()
            .filter_map(|name| Some((*name, self.get(name)?.clone())))
            .collect();
        *self = Self::default();
        for (name, fact) in kept {
            self.insert(name, fact);
        }
        self.shrink();
    }

    /// Gives back the room for more.
    pub fn shrink(&mut self) {
        self.values.shrink_to_fit();
    }

    /// How many values stand before this one's.
    fn place(&self, name: Name) -> usize {
        (self.there & (name.bit() - 1)).count_ones() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_so_that_each_is_found() {
        for name in NAMES {
            assert_eq!(Name::named(name).map(Name::as_str), Some(*name));
        }
        assert_eq!(Name::named("no_such_fact"), None);
    }

    #[test]
    fn the_last_value_counts_whatever_the_order() {
        let mut facts = Facts::default();
        for (n, name) in NAMES.iter().enumerate().rev() {
            facts.insert(name, Fact::Flag(true));
            facts.insert(name, Fact::Number(i64::try_from(n).unwrap()));
        }
        for (n, name) in NAMES.iter().enumerate() {
            let expected = Fact::Number(i64::try_from(n).unwrap());
            assert_eq!(facts.get(name), Some(&expected), "{name}");
        }
        assert_eq!(Facts::default().get(NAMES[0]), None);
    }

    #[test]
    fn what_is_kept_stays_as_it_was() {
        let mut facts = Facts::default();
        facts.insert(NAMES[3], Fact::Number(3));
        facts.insert(NAMES[0], Fact::Flag(true));
        facts.insert(NAMES[7], Fact::Word("seven"));
        facts.keep(&[NAMES[7], NAMES[5]]);
        assert_eq!(facts.get(NAMES[7]), Some(&Fact::Word("seven")));
        for gone in [0, 3, 5] {
            assert_eq!(facts.get(NAMES[gone]), None);
        }
    }
}
