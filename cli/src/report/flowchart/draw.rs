//! Boxes and arrows as SVG: a column of steps, and beside the one that broke, a column of causes.

use super::super::markup::Markup;
use super::wrap::wrap;
use crate::render::safe::{Charset, SENTENCE, safe};

/// Units of the picture; it is scaled to the page.
const WIDTH: usize = 1000;
const STEP_X: usize = 10;
const STEP_WIDTH: usize = 400;
const CAUSE_X: usize = 510;
const CAUSE_WIDTH: usize = 480;
/// Between two boxes: room for the arrow and its word.
const GAP: usize = 34;
const LINE: usize = 18;
const PADDING: usize = 12;

/// How a line of a box is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// What is asked.
    Title,
    /// The answer.
    Strong,
    /// What shows it.
    Plain,
    /// Where that stands.
    Faint,
}

impl Line {
    /// Tenths of a unit that a character takes at this line's size and weight: of the widest of the fonts that the style
    /// names (DejaVu Sans), on average, with something to spare.
    fn character(self) -> usize {
        match self {
            Self::Title => 90,
            Self::Strong => 88,
            Self::Plain => 80,
            Self::Faint => 69,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Strong => "strong",
            Self::Plain => "plain",
            Self::Faint => "faint",
        }
    }
}

/// What a box means, beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Nothing.
    Plain,
    /// Went well.
    Good,
    /// Broke.
    Bad,
    /// Left open.
    Unsure,
    /// Not taken.
    Faint,
}

/// Form of a box, so that colour is never the only sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Rounded: where it begins.
    Start,
    /// With pointed sides: a question.
    Question,
    /// Double frame: the answer.
    Answer,
    /// Plain: something to do.
    Step,
    /// Dashed: not taken.
    Ghost,
}

/// A box.
#[derive(Debug)]
pub struct Node {
    shape: Shape,
    ink: Ink,
    lines: Vec<(Line, String)>,
}

impl Node {
    /// A box with a heading.
    pub fn new(shape: Shape, ink: Ink, title: &str) -> Self {
        Self {
            shape,
            ink,
            lines: vec![(Line::Title, title.to_owned())],
        }
    }

    /// One more text, if it is not empty.
    #[must_use]
    pub fn line(mut self, line: Line, text: &str) -> Self {
        if !text.trim().is_empty() {
            self.lines.push((line, text.to_owned()));
        }
        self
    }

    fn wrapped(&self, width: usize) -> Vec<(Line, String)> {
        self.lines
            .iter()
            .flat_map(|(line, text)| {
                let text = safe(&text.replace(['\n', '\r'], " "), SENTENCE, Charset::Unicode);
                wrap(&text, 10 * (width - 4 * PADDING) / line.character())
                    .into_iter()
                    .map(|t| (*line, t))
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

/// Boxes below each other, each with the word on the arrow that leads to it.
#[derive(Debug, Default)]
pub struct Column {
    nodes: Vec<(Node, String)>,
}

impl Column {
    /// One more box below.
    pub fn add(&mut self, node: Node, arrow: &str) {
        self.nodes.push((node, arrow.to_owned()));
    }

    /// Number of boxes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Places of the boxes from `top` on.
    fn placed(&self, x: usize, width: usize, top: usize) -> Vec<Placed<'_>> {
        let mut y = top;
        self.nodes
            .iter()
            .map(|(node, arrow)| {
                let lines = node.wrapped(width);
                let height = lines.len() * LINE + 2 * PADDING;
                let placed = Placed {
                    node,
                    arrow,
                    lines,
                    x,
                    y,
                    width,
                    height,
                };
                y += height + GAP;
                placed
            })
            .collect()
    }
}

struct Placed<'a> {
    node: &'a Node,
    arrow: &'a str,
    lines: Vec<(Line, String)>,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Placed<'_> {
    fn bottom(&self) -> usize {
        self.y + self.height
    }

    fn middle(&self) -> usize {
        self.x + self.width / 2
    }
}

/// Draws both columns; the causes hang on the step of number `broke`.
pub fn chart(m: &mut Markup, title: &str, steps: &Column, broke: usize, causes: &Column) {
    let top = 10;
    let left = steps.placed(STEP_X, STEP_WIDTH, top);
    // The causes begin beside the step that they explain, but higher when the column would stick out below.
    let from = left.get(broke).map_or(top, |p| p.y);
    let need = causes
        .placed(CAUSE_X, CAUSE_WIDTH, 0)
        .last()
        .map_or(0, Placed::bottom);
    let ends = left.last().map_or(top, Placed::bottom);
    let start = if need > ends.saturating_sub(from) {
        ends.saturating_sub(need).clamp(top, from.max(top))
    } else {
        from
    };
    let right = causes.placed(CAUSE_X, CAUSE_WIDTH, start);
    let height = left
        .last()
        .map_or(0, Placed::bottom)
        .max(right.last().map_or(0, Placed::bottom))
        + 10;
    m.within(
        "div",
        &[
            ("class", "wide"),
            ("tabindex", "0"),
            ("role", "region"),
            ("aria-label", title),
        ],
        |m| {
            let view = format!("0 0 {WIDTH} {height}");
            m.within(
                "svg",
                &[
                    ("class", "flow"),
                    ("viewBox", &view),
                    ("role", "group"),
                    ("aria-label", title),
                ],
                |m| {
                    m.element("title", &[], title);
                    for column in [&left, &right] {
                        for pair in column.windows(2) {
                            if let [a, b] = pair {
                                down(m, a, b);
                            }
                        }
                    }
                    if let (Some(step), Some(cause)) = (left.get(broke), right.first()) {
                        across(m, step, cause);
                    }
                    for p in left.iter().chain(&right) {
                        node(m, p);
                    }
                },
            );
        },
    );
}

fn down(m: &mut Markup, a: &Placed<'_>, b: &Placed<'_>) {
    let x = a.middle();
    let class = if b.node.shape == Shape::Ghost {
        "arrow dashed"
    } else {
        "arrow"
    };
    arrow(
        m,
        class,
        &format!("M{x} {} V{}", a.bottom(), b.y),
        (x, b.y),
        Head::Down,
    );
    word(m, x + 10, a.bottom() + GAP / 2 + 5, b.arrow);
}

/// From the side of a step to the side of the first cause, with a bend where they stand at different heights.
fn across(m: &mut Markup, a: &Placed<'_>, b: &Placed<'_>) {
    let (from, to) = (
        a.y + a.height.min(b.height) / 2,
        b.y + b.height.min(a.height) / 2,
    );
    let (x, bend) = (a.x + a.width, usize::midpoint(a.x + a.width, b.x));
    arrow(
        m,
        "arrow bad",
        &format!("M{x} {from} H{bend} V{to} H{}", b.x),
        (b.x, to),
        Head::Right,
    );
    word(m, x + 8, from.saturating_sub(8), "why?");
}

#[derive(Clone, Copy)]
enum Head {
    Down,
    Right,
}

fn arrow(m: &mut Markup, class: &str, line: &str, (x, y): (usize, usize), head: Head) {
    m.void("path", &[("class", class), ("d", line)]);
    let (x, y) = (i64::try_from(x).unwrap_or(0), i64::try_from(y).unwrap_or(0));
    let tip = match head {
        Head::Down => format!("M{x} {y} l-5 -9 h10 z"),
        Head::Right => format!("M{x} {y} l-9 -5 v10 z"),
    };
    m.void("path", &[("class", "tip"), ("d", &tip)]);
}

fn word(m: &mut Markup, x: usize, y: usize, text: &str) {
    if !text.is_empty() {
        m.element(
            "text",
            &[
                ("class", "word"),
                ("x", &x.to_string()),
                ("y", &y.to_string()),
            ],
            text,
        );
    }
}

#[allow(
    clippy::many_single_char_names,
    reason = "the names of SVG's own attributes"
)]
fn node(m: &mut Markup, p: &Placed<'_>) {
    let ink = match p.node.ink {
        Ink::Plain => "plain",
        Ink::Good => "good",
        Ink::Bad => "bad",
        Ink::Unsure => "unsure",
        Ink::Faint => "faint",
    };
    let shape = match p.node.shape {
        Shape::Start => "start",
        Shape::Question => "question",
        Shape::Answer => "answer",
        Shape::Step => "step",
        Shape::Ghost => "ghost",
    };
    m.within("g", &[("class", &format!("node {ink} {shape}"))], |m| {
        let (x, y, w, h) = (p.x, p.y, p.width, p.height);
        let rect = |m: &mut Markup, inset: usize, radius: usize| {
            let number = |n: usize| n.to_string();
            let (x, y) = (number(x + inset), number(y + inset));
            let (w, h) = (number(w - 2 * inset), number(h - 2 * inset));
            m.void(
                "rect",
                &[
                    ("x", &x),
                    ("y", &y),
                    ("width", &w),
                    ("height", &h),
                    ("rx", &number(radius)),
                ],
            );
        };
        match p.node.shape {
            Shape::Question => {
                let (cut, mid) = (PADDING, y + h / 2);
                let points = format!(
                    "{},{y} {},{y} {},{mid} {},{b} {},{b} {x},{mid}",
                    x + cut,
                    x + w - cut,
                    x + w,
                    x + w - cut,
                    x + cut,
                    b = y + h
                );
                m.void("polygon", &[("points", &points)]);
            }
            Shape::Start => rect(m, 0, h / 2),
            Shape::Answer => {
                rect(m, 0, 6);
                rect(m, 4, 4);
            }
            Shape::Step | Shape::Ghost => rect(m, 0, 6),
        }
        let mut line = y + PADDING;
        for (style, text) in &p.lines {
            line += LINE;
            let (x, y) = ((x + 2 * PADDING).to_string(), (line - 5).to_string());
            m.element(
                "text",
                &[("class", style.class()), ("x", &x), ("y", &y)],
                text,
            );
        }
    });
}
