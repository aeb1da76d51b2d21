//! "Did you mean": names that are written like a word.

/// Below this likeness (0 to 1) a name is another word, not a slip of the fingers.
const LIKE: f64 = 0.72;
/// Shorter words are part of too many names.
const SHORTEST_PART: usize = 4;

/// Up to `most` names that hold the word or are written like it, likest first.
pub fn nearest<'a>(
    word: &str,
    names: impl IntoIterator<Item = &'a str>,
    most: usize,
) -> Vec<String> {
    let word = word.to_ascii_lowercase().replace([' ', '_'], "-");
    let mut found: Vec<(f64, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let lower = name.to_ascii_lowercase().replace('_', "-");
            let like = strsim::normalized_damerau_levenshtein(&word, &lower);
            let part = word.len() >= SHORTEST_PART && lower.contains(&word);
            (part || like >= LIKE).then_some((if part { 1.0 + like } else { like }, name))
        })
        .collect();
    found.sort_by(|x, y| y.0.total_cmp(&x.0).then_with(|| x.1.cmp(y.1)));
    found.dedup_by_key(|f| f.1);
    found
        .into_iter()
        .take(most)
        .map(|(_, name)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const NAMES: [&str; 4] = [
        "packet-loss",
        "clock-skew",
        "certificate-renewal-failed",
        "KDC_ERR_PREAUTH_FAILED",
    ];

    #[test]
    fn slips_and_parts_are_found() {
        assert_eq!(nearest("paket-loss", NAMES, 3), ["packet-loss"]);
        assert_eq!(
            nearest("certificate", NAMES, 3),
            ["certificate-renewal-failed"]
        );
        assert_eq!(
            nearest("kdc_err_preauth_faild", NAMES, 3),
            ["KDC_ERR_PREAUTH_FAILED"]
        );
    }

    #[test]
    fn other_words_are_not() {
        assert!(nearest("zebra", NAMES, 3).is_empty());
        assert!(nearest("", NAMES, 3).is_empty());
    }
}
