//! Names from the evidence in commands that people paste: an attacker chooses user and host names.

/// Placeholders that commands and texts may hold.
const PLACEHOLDERS: [&str; 4] = ["server", "client", "host", "user"];

/// Fills `{server}`, `{client}`, `{host}`, `{user}` in a command. A name that holds anything but letters, digits and the
/// few signs of account and host names is not pasted; a marker in angle brackets stands for it.
pub fn fill(command: &str, value: impl Fn(&str) -> Option<String>) -> String {
    replace(command, |name| match value(name) {
        Some(v) if is_harmless(&v) => v,
        _ => format!("<{name}>"),
    })
}

/// The same for a sentence, where any name may stand; the renderer makes it harmless.
pub fn fill_text(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    replace(text, |name| {
        value(name).unwrap_or_else(|| format!("the {name}"))
    })
}

fn replace(text: &str, value: impl Fn(&str) -> String) -> String {
    PLACEHOLDERS.iter().fold(text.to_owned(), |text, name| {
        let placeholder = format!("{{{name}}}");
        if text.contains(&placeholder) {
            text.replace(&placeholder, &value(name))
        } else {
            text
        }
    })
}

/// No quote, blank, bracket, dollar or semicolon: nothing that ends a literal in PowerShell or cmd, in any code page.
fn is_harmless(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '\\' | '@' | ':');
    !name.is_empty() && name.chars().count() <= 256 && name.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_and_hostile_ones_are_not() {
        let user = |name: &'static str| move |n: &str| (n == "user").then(|| name.to_owned());
        assert_eq!(fill("logoff {user}", user("CORP\\ana")), "logoff CORP\\ana");
        for hostile in [
            "a'; rm -r /",
            "$(calc)",
            "a`b",
            "a\"b",
            "a b",
            "",
            "a\u{2019}b",
            "a|b",
            "a&b",
            "@{a}",
        ] {
            assert_eq!(
                fill(
                    "logoff '{user}'",
                    user(Box::leak(hostile.to_owned().into_boxed_str()))
                ),
                "logoff '<user>'"
            );
        }
        assert_eq!(fill("@{a=1} {user}", user("ana")), "@{a=1} ana");
    }
}
