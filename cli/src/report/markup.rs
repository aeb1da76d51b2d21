//! HTML and SVG under construction.
//!
//! Names of elements and attributes are the program's own (`&'static str`); everything else is text and goes through
//! [`safe`] and the escapes below. There is no way to put markup in from outside, so evidence cannot become any.

use crate::render::safe::{Charset, PARAGRAPH, safe};

/// Attributes of an element: names of ours, values of anybody.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

/// A piece of a document.
#[derive(Debug, Default)]
pub struct Markup {
    out: String,
}

impl Markup {
    /// All that was written.
    pub fn finish(self) -> String {
        self.out
    }

    /// An element with what `inside` writes.
    pub fn within(
        &mut self,
        tag: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.start(tag, attributes);
        inside(self);
        self.out.push_str("</");
        self.out.push_str(tag);
        self.out.push('>');
        if !INLINE.contains(&tag) {
            self.out.push('\n');
        }
    }

    /// An element with a text.
    pub fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, text: &str) {
        self.within(tag, attributes, |m| m.text(text));
    }

    /// An element that holds nothing (`<input>`, `<rect/>`): closed for SVG, which HTML allows.
    pub fn void(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.start(tag, attributes);
        self.out.pop();
        self.out.push_str("/>");
    }

    /// Text on one line, everything invisible written out.
    pub fn text(&mut self, text: &str) {
        let text = safe(&one_line(text), PARAGRAPH, Charset::Unicode);
        escape(&text, &mut self.out);
    }

    /// Lines to be pasted, broken as they came.
    pub fn lines(&mut self, text: &str) {
        for (n, line) in text.trim().lines().enumerate() {
            if n > 0 {
                self.out.push('\n');
            }
            escape(&safe(line, PARAGRAPH, Charset::Unicode), &mut self.out);
        }
    }

    fn start(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.out.push('<');
        self.out.push_str(tag);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(&safe(value, PARAGRAPH, Charset::Unicode), &mut self.out);
            self.out.push('"');
        }
        self.out.push('>');
    }
}

/// Elements after which a line break would show as a space, or would make the file long for nothing.
const INLINE: [&str; 14] = [
    "a", "b", "code", "em", "small", "span", "strong", "sup", "td", "th", "time", "tspan",
    "button", "label",
];

/// Texts of the knowledge are wrapped where their file is; a browser wraps them again.
fn one_line(text: &str) -> String {
    if !text.contains(['\n', '\r']) {
        return text.to_owned();
    }
    let lines = text.split(['\n', '\r']).map(str::trim);
    lines
        .filter(|l| !l.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_text_wherever_it_stands() {
        let mut m = Markup::default();
        m.element(
            "p",
            &[("title", "\" onload=\"x"), ("class", "a")],
            "</p><script>alert(1)</script>\u{202e}\x1b[31m & 'so'",
        );
        assert_eq!(
            m.finish(),
            "<p title=\"&quot; onload=&quot;x\" class=\"a\">&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;\
             \\u{202e}\\x1b[31m &amp; &#39;so&#39;</p>\n"
        );
    }

    #[test]
    fn elements_close_in_order() {
        let mut m = Markup::default();
        m.within("ul", &[], |m| {
            m.element("li", &[], "one");
            m.within("li", &[], |m| m.void("input", &[("type", "checkbox")]));
        });
        assert_eq!(
            m.finish(),
            "<ul><li>one</li>\n<li><input type=\"checkbox\"/></li>\n</ul>\n"
        );
    }

    #[test]
    fn commands_keep_their_lines() {
        let mut m = Markup::default();
        m.lines("\none <two>\n  three\n");
        assert_eq!(m.finish(), "one &lt;two&gt;\n  three");
    }
}
