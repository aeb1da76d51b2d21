//! Scripts with places for what is put in.

/// Fills the places `#NAME#` of a template. What is put in is never looked at for places again.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('#') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let place = values.iter().find_map(|(name, value)| {
            let after = from
                .strip_prefix('#')?
                .strip_prefix(name)?
                .strip_prefix('#')?;
            Some((value, after))
        });
        if let Some((value, after)) = place {
            out.push_str(value.trim_end_matches('\n'));
            rest = after;
        } else {
            out.push('#');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_once() {
        let values = [("A", "#B#"), ("B", "b")];
        assert_eq!(filled("# x\n#A# #B# #C# #", &values), "# x\n#B# b #C# #");
    }
}
