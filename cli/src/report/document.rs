//! The file around the content: one template, with a policy that allows the page its own style and script and nothing else.

use sha2::{Digest as _, Sha256};

use super::markup::Markup;

/// What a document is made of.
pub struct Document<'a> {
    /// Title of the window.
    pub title: &'a str,
    /// Style sheets, one after the other.
    pub style: &'a [&'a str],
    /// Scripts, one after the other in one scope; none for paper.
    pub script: &'a [&'a str],
    /// Between `<body>` and the data.
    pub body: Markup,
    /// JSON that the script reads. See [`for_script`].
    pub data: Option<String>,
}

const TEMPLATE: &str = include_str!("page/page.html");

/// The whole file.
pub fn write(document: Document<'_>) -> String {
    let style = document.style.concat();
    let script = match document.script {
        [] => String::new(),
        parts => format!("\"use strict\";\n(() => {{\n{}}})();\n", parts.concat()),
    };
    // No 'unsafe-inline', no origin: not even a picture of the page's own could be fetched.
    let sources = |text: &str| {
        if text.is_empty() {
            "'none'".to_owned()
        } else {
            format!("'sha256-{}'", base64(&Sha256::digest(text)))
        }
    };
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        sources(&style),
        sources(&script)
    );
    let mut title = Markup::default();
    title.text(document.title);
    let title = title.finish();
    let body = document.body.finish();
    let data = document.data.map(|d| {
        format!(
            "<script type=\"application/json\" id=\"data\">{}</script>\n",
            for_script(&d)
        )
    });
    let data = data.unwrap_or_default();
    let script = if script.is_empty() {
        script
    } else {
        format!("<script>{script}</script>\n")
    };
    let mut out = String::with_capacity(
        TEMPLATE.len() + style.len() + body.len() + data.len() + script.len(),
    );
    // In one pass: what is put in is never looked at for places again.
    let mut rest = TEMPLATE;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        out.push_str(match name {
            "policy" => &policy,
            "title" => &title,
            "style" => &style,
            "body" => &body,
            "data" => &data,
            "script" => &script,
            _ => "",
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// JSON that cannot end its script element: `<` begins every sequence that an HTML parser looks for in one.
fn for_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = usize::try_from((number >> (18 - 6 * place)) & 63).unwrap_or(0);
            match ALPHABET.get(digit) {
                Some(c) if place <= chunk.len() => out.push(char::from(*c)),
                _ => out.push('='),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let said: Vec<String> = ["", "f", "fo", "foo", "foob"]
            .iter()
            .map(|t| base64(t.as_bytes()))
            .collect();
        assert_eq!(said, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn data_cannot_end_its_element_and_places_in_it_stay() {
        let text = write(Document {
            title: "{{body}} <b>",
            style: &["p { color: red }"],
            script: &["let a = 1;\n"],
            body: Markup::default(),
            data: Some("[\"</script><!--\"]".to_owned()),
        });
        assert!(text.contains("[\"\\u003c/script>\\u003c!--\"]"), "{text}");
        assert!(text.contains("<title>{{body}} &lt;b&gt;</title>"), "{text}");
        assert!(text.contains("style-src 'sha256-"), "{text}");
        assert_eq!(text.matches("</script>").count(), 2);
    }
}
