//! What the words ask for: a number, two numbers, or a name.

/// The words, read.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Both numbers of an error dialog, each with its possible spellings.
    Pair(Vec<Spelling>, Vec<Spelling>),
    /// A number, and words that say what kind of number.
    Number {
        /// How it may be meant, likeliest first.
        values: Vec<Spelling>,
        /// In lower case.
        words: Vec<String>,
    },
    /// A name.
    Words,
}

/// One way to read the digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    /// The number.
    pub value: u32,
    /// Whether the digits are decimal; event ids always are.
    pub decimal: bool,
}

/// Words that people write before a number and that say nothing about its kind.
const FILLERS: [&str; 6] = ["code", "error", "event", "id", "number", "status"];

/// Reads the words.
pub fn read(text: &str) -> Asked {
    let mut numbers = Vec::new();
    let mut words = Vec::new();
    for token in text
        .split([' ', '/', ',', '\\', ':', '=', '(', ')'])
        .filter(|t| !t.is_empty())
    {
        match spellings(token) {
            list if list.is_empty() => words.push(token.to_ascii_lowercase()),
            list => numbers.push(list),
        }
    }
    words.retain(|w| !FILLERS.contains(&w.as_str()));
    match numbers.as_slice() {
        [first, second] if words.iter().all(|w| w == "mstsc" || w == "extended") => {
            Asked::Pair(first.clone(), second.clone())
        }
        [values] => Asked::Number {
            values: values.clone(),
            words,
        },
        _ => Asked::Words,
    }
}

/// How a token may be meant as a number. Bare digits are decimal to a log and hexadecimal to a person who leaves out the
/// `0x` of an error dialog; a status may stand as a negative number.
fn spellings(token: &str) -> Vec<Spelling> {
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok();
    let as_hex = |value| Spelling {
        value,
        decimal: false,
    };
    if let Some(digits) = token
        .strip_prefix("0x")
        .or_else(|| token.strip_prefix("0X"))
    {
        return hex(digits).map(as_hex).into_iter().collect();
    }
    if let Ok(negative) = token.parse::<i32>()
        && negative < 0
    {
        return vec![as_hex(negative.cast_unsigned())];
    }
    if token.bytes().all(|b| b.is_ascii_digit()) {
        let decimal = token.parse().ok().map(|value| Spelling {
            value,
            decimal: true,
        });
        return decimal.into_iter().chain(hex(token).map(as_hex)).collect();
    }
    // Eight digits with letters among them are a status; fewer may be a word such as `fade`.
    let status = token.len() == 8 && token.bytes().all(|b| b.is_ascii_hexdigit());
    if status {
        hex(token).map(as_hex).into_iter().collect()
    } else {
        Vec::new()
    }
}

/// Letters and digits alone, in lower case: `handshake failure` is `handshake_failure`.
pub fn letters(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(value: u32) -> Spelling {
        Spelling {
            value,
            decimal: false,
        }
    }

    #[test]
    fn numbers_in_all_spellings() {
        assert_eq!(
            read("0x904/0x7"),
            Asked::Pair(vec![hex(0x904)], vec![hex(7)])
        );
        assert_eq!(read("0x904 / 0x7"), read("0x904/0x7"));
        let decimal = Spelling {
            value: 904,
            decimal: true,
        };
        let Asked::Pair(first, _) = read("904/7") else {
            panic!("a pair")
        };
        assert_eq!(first, [decimal, hex(0x904)]);
        let one = |text| match read(text) {
            Asked::Number { values, words } => (values, words),
            other => panic!("{other:?}"),
        };
        assert_eq!(one("-2146893043").0, [hex(0x8009_030d)]);
        assert_eq!(one("C000006A").0, [hex(0xC000_006A)]);
        assert_eq!(one("alert 40").1, ["alert"]);
        assert_eq!(one("Schannel/36870").1, ["schannel"]);
        assert_eq!(one("event 131").1, Vec::<String>::new());
    }

    #[test]
    fn names_are_no_numbers() {
        for name in [
            "handshake_failure",
            "packet-loss",
            "0xZZ",
            "99999999999999999999",
            "",
        ] {
            assert_eq!(read(name), Asked::Words, "{name}");
        }
        assert_eq!(letters("handshake failure"), letters("HANDSHAKE_FAILURE"));
    }
}
