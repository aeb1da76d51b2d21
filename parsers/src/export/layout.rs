//! The order of a record's values, for forms that give values without names.
//!
//! `catalog/layouts.tsv` lists what real records showed: provider, id, version, and the names in their order. A layout counts
//! only when provider, id, version and the number of values agree, for some providers changed their values without
//! changing the version.

use std::collections::HashMap;
use std::sync::LazyLock;

static LAYOUTS: LazyLock<HashMap<Key, Vec<&'static str>>> =
    LazyLock::new(|| parse(include_str!("../../catalog/layouts.tsv")));

#[derive(PartialEq, Eq, Hash)]
struct Key {
    /// In ASCII lower case.
    provider: String,
    id: u32,
    version: u32,
    values: usize,
}

fn parse(table: &'static str) -> HashMap<Key, Vec<&'static str>> {
    let rows = table.lines().filter(|l| !l.starts_with('#'));
    let layouts = rows.filter_map(|row| {
        let mut cells = row.split('\t');
        let provider = cells.next()?.to_ascii_lowercase();
        let (id, version) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
        let names: Vec<&str> = cells.collect();
        let key = Key {
            provider,
            id,
            version,
            values: names.len(),
        };
        Some((key, names))
    });
    layouts.collect()
}

/// The names of so many values of a record, in order.
pub(super) fn names(
    provider: &str,
    id: u32,
    version: Option<u32>,
    values: usize,
) -> Option<impl Iterator<Item = &'static str>> {
    let key = Key {
        provider: provider.to_ascii_lowercase(),
        id,
        version: version?,
        values,
    };
    LAYOUTS.get(&key).map(|names| names.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn every_layout_reads_and_names_something_that_the_catalogue_wants() {
        let rows = include_str!("../../catalog/layouts.tsv")
            .lines()
            .filter(|l| !l.starts_with('#'));
        assert_eq!(rows.count(), LAYOUTS.len());
        for (key, names) in LAYOUTS.iter() {
            let spec = catalog::lookup(&key.provider, key.id);
            let spec = spec.unwrap_or_else(|| panic!("{} {}", key.provider, key.id));
            let wanted = spec.fields.is_empty()
                || spec
                    .fields
                    .iter()
                    .any(|f| f.from.split('|').any(|n| names.contains(&n)));
            assert!(wanted, "{} {}", key.provider, key.id);
        }
    }
}
