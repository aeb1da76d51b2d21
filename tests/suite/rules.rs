//! The shape of `rdpwhy.report/1`, field by field. Every field may be null or absent unless it is called needed.

use serde_json::Value;

/// What a field's value has to be.
#[derive(Clone, Copy)]
pub enum Rule {
    /// A text that is not empty.
    Text,
    /// A whole number, not negative.
    Count,
    /// A whole number.
    Whole,
    /// A TCP or UDP port.
    Port,
    /// RFC 3339 in UTC with milliseconds or finer.
    Time,
    /// An IPv4 or IPv6 address.
    Address,
    /// Lower-case words joined by hyphens.
    Kebab,
    /// This prefix and twelve hexadecimal digits.
    Id(&'static str),
    /// One of these words.
    Word(&'static [&'static str]),
    /// This very text.
    Exactly(&'static str),
    /// Texts that are not empty.
    Texts,
    /// An object of whole numbers.
    Numbers,
    /// An object with these fields.
    Object(&'static [Shape]),
    /// An array of objects with these fields.
    Objects(&'static [Shape]),
}

/// Name of a field, whether it is needed, and its rule.
pub type Shape = (&'static str, bool, Rule);

const NEEDED: bool = true;
const MAY_LACK: bool = false;

/// How a connection went.
const OUTCOMES: &[&str] = &["ok", "failed", "dropped", "cancelled", "unknown"];
/// How far it came.
const STAGES: &[&str] = &[
    "name",
    "tcp",
    "x224",
    "tls",
    "credssp",
    "authorization",
    "mcs",
    "licensing",
    "activation",
    "session",
];
/// Who ended it.
const CLOSED_BY: &[&str] = &["client", "server", "middlebox", "nobody", "unknown"];
/// By what.
const CLOSED_HOW: &[&str] = &[
    "fin",
    "rst",
    "alert",
    "negotiation-failure",
    "error-info",
    "icmp",
    "refused",
    "silence",
    "still-open",
    "unknown",
];
const CONFIDENCE: Rule = Rule::Word(&["certain", "likely", "possible"]);
const SIDE: Rule = Rule::Word(&["server", "client", "gateway", "domain-controller", "wire"]);
const RUN_ON: Rule = Rule::Word(&[
    "client",
    "server",
    "gateway",
    "network",
    "directory",
    "domain-controller",
    "hypervisor",
]);

/// The whole report.
pub const REPORT: &[Shape] = &[
    ("schema", NEEDED, Rule::Exactly("rdpwhy.report/1")),
    ("tool", NEEDED, Rule::Object(TOOL)),
    ("sources", NEEDED, Rule::Objects(SOURCE)),
    ("coverage", NEEDED, Rule::Objects(COVERAGE)),
    ("clocks", NEEDED, Rule::Objects(CLOCK)),
    ("attempts", NEEDED, Rule::Objects(ATTEMPT)),
    ("verdicts", NEEDED, Rule::Objects(VERDICT)),
    ("summary", NEEDED, Rule::Object(SUMMARY)),
];

const TOOL: &[Shape] = &[
    ("name", NEEDED, Rule::Exactly("rdpwhy")),
    ("version", NEEDED, Rule::Text),
];

const SOURCE: &[Shape] = &[
    ("id", NEEDED, Rule::Count),
    ("path", NEEDED, Rule::Text),
    ("format", NEEDED, Rule::Kebab),
    ("host", MAY_LACK, Rule::Text),
    ("side", MAY_LACK, SIDE),
    ("sha256", MAY_LACK, Rule::Text),
    ("bytes", NEEDED, Rule::Count),
    ("records", NEEDED, Rule::Count),
    ("events", NEEDED, Rule::Count),
    ("first", MAY_LACK, Rule::Time),
    ("last", MAY_LACK, Rule::Time),
    (
        "defects",
        NEEDED,
        Rule::Objects(&[
            ("at", NEEDED, Rule::Text),
            ("what", NEEDED, Rule::Text),
            ("lost", NEEDED, Rule::Count),
        ]),
    ),
];

const COVERAGE: &[Shape] = &[
    ("host", NEEDED, Rule::Text),
    ("channel", NEEDED, Rule::Text),
    ("first", NEEDED, Rule::Time),
    ("last", NEEDED, Rule::Time),
    (
        "gaps",
        NEEDED,
        Rule::Objects(&[
            ("from", NEEDED, Rule::Time),
            ("to", NEEDED, Rule::Time),
            (
                "why",
                NEEDED,
                Rule::Word(&["log-cleared", "rolled-over", "records-missing"]),
            ),
        ]),
    ),
];

const CLOCK: &[Shape] = &[
    ("source", NEEDED, Rule::Count),
    ("offset_ms", NEEDED, Rule::Whole),
    ("basis", NEEDED, Rule::Text),
];

const ENDPOINT: Rule = Rule::Object(&[
    ("ip", MAY_LACK, Rule::Address),
    ("port", MAY_LACK, Rule::Port),
    ("host", MAY_LACK, Rule::Text),
]);

const ATTEMPT: &[Shape] = &[
    ("id", NEEDED, Rule::Id("a")),
    ("part_of", MAY_LACK, Rule::Id("a")),
    ("count", NEEDED, Rule::Count),
    ("client", NEEDED, ENDPOINT),
    ("server", NEEDED, ENDPOINT),
    ("user", MAY_LACK, Rule::Text),
    ("started", NEEDED, Rule::Time),
    ("ended", MAY_LACK, Rule::Time),
    ("outcome", NEEDED, Rule::Word(OUTCOMES)),
    ("stage", NEEDED, Rule::Word(STAGES)),
    ("closed_by", NEEDED, Rule::Word(CLOSED_BY)),
    ("closed_how", NEEDED, Rule::Word(CLOSED_HOW)),
    ("codes", NEEDED, Rule::Numbers),
    ("verdict", MAY_LACK, Rule::Id("v")),
];

const VERDICT: &[Shape] = &[
    ("id", NEEDED, Rule::Id("v")),
    ("severity", NEEDED, Rule::Word(&["failure", "remark"])),
    ("cause", MAY_LACK, Rule::Kebab),
    ("title", NEEDED, Rule::Text),
    ("confidence", MAY_LACK, CONFIDENCE),
    ("host", MAY_LACK, Rule::Text),
    ("first", NEEDED, Rule::Time),
    ("last", NEEDED, Rule::Time),
    ("attempts", NEEDED, Rule::Texts),
    ("summary", NEEDED, Rule::Text),
    ("evidence", NEEDED, Rule::Objects(EVIDENCE)),
    (
        "alternatives",
        NEEDED,
        Rule::Objects(&[
            ("cause", NEEDED, Rule::Kebab),
            ("confidence", MAY_LACK, CONFIDENCE),
            ("why_not", NEEDED, Rule::Text),
        ]),
    ),
    (
        "missing",
        NEEDED,
        Rule::Objects(&[
            ("what", NEEDED, Rule::Text),
            ("would_decide", NEEDED, Rule::Texts),
        ]),
    ),
    (
        "remedy",
        MAY_LACK,
        Rule::Object(&[
            ("summary", NEEDED, Rule::Text),
            ("run_on", NEEDED, RUN_ON),
            ("commands", NEEDED, Rule::Texts),
            ("risk", NEEDED, Rule::Text),
            ("verify", NEEDED, Rule::Text),
        ]),
    ),
];

const EVIDENCE: &[Shape] = &[
    ("source", NEEDED, Rule::Count),
    ("at", NEEDED, Rule::Text),
    ("time", NEEDED, Rule::Time),
    ("raw_time", MAY_LACK, Rule::Time),
    ("says", NEEDED, Rule::Text),
    (
        "role",
        NEEDED,
        Rule::Word(&["decisive", "supporting", "contradicting"]),
    ),
];

const SUMMARY: &[Shape] = &[
    ("attempts", NEEDED, Rule::Count),
    ("tries", NEEDED, Rule::Count),
    ("ok", NEEDED, Rule::Count),
    ("failed", NEEDED, Rule::Count),
    ("dropped", NEEDED, Rule::Count),
    ("cancelled", NEEDED, Rule::Count),
    ("by_cause", NEEDED, Rule::Numbers),
];

/// Where an object differs from its shape, each with its place.
pub fn misfits(place: &str, object: &Value, shape: &[Shape], found: &mut Vec<String>) {
    if !object.is_object() {
        return found.push(format!("{place} is no object"));
    }
    for (name, needed, rule) in shape {
        let place = format!("{place}/{name}");
        match object.get(name).filter(|value| !value.is_null()) {
            None if *needed => found.push(format!("{place} is not there")),
            None => {}
            Some(value) => fits(&place, value, *rule, found),
        }
    }
}

fn fits(place: &str, value: &Value, rule: Rule, found: &mut Vec<String>) {
    let text = value.as_str();
    let good = match rule {
        Rule::Text => text.is_some_and(|t| !t.trim().is_empty()),
        Rule::Count => value.is_u64(),
        Rule::Whole => value.is_i64() || value.is_u64(),
        Rule::Port => value.as_u64().is_some_and(|n| (1..=65_535).contains(&n)),
        Rule::Time => text.is_some_and(is_time),
        Rule::Address => text.is_some_and(|t| t.parse::<std::net::IpAddr>().is_ok()),
        Rule::Kebab => text.is_some_and(is_kebab),
        Rule::Id(prefix) => text.is_some_and(|t| is_id(t, prefix)),
        Rule::Word(words) => text.is_some_and(|t| words.contains(&t)),
        Rule::Exactly(wanted) => text == Some(wanted),
        Rule::Texts => value.as_array().is_some_and(|list| {
            let is_text = |v: &Value| v.as_str().is_some_and(|t| !t.is_empty());
            list.iter().all(is_text)
        }),
        Rule::Numbers => value
            .as_object()
            .is_some_and(|o| o.values().all(|v| v.is_i64() || v.is_u64())),
        Rule::Object(shape) => return misfits(place, value, shape, found),
        Rule::Objects(shape) => match value.as_array() {
            Some(list) => {
                for (i, item) in list.iter().enumerate() {
                    misfits(&format!("{place}/{i}"), item, shape, found);
                }
                return;
            }
            None => false,
        },
    };
    if !good {
        found.push(format!("{place} = {value}"));
    }
}

fn is_time(text: &str) -> bool {
    let fraction = text
        .rsplit_once('.')
        .and_then(|(_, rest)| rest.strip_suffix('Z'));
    fraction.is_some_and(|digits| digits.len() >= 3)
        && text.get(10..11) == Some("T")
        && text.parse::<jiff::Timestamp>().is_ok()
}

fn is_kebab(text: &str) -> bool {
    let word = |w: &str| {
        !w.is_empty()
            && w.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    text.split('-').all(word)
}

fn is_id(text: &str, prefix: &str) -> bool {
    text.split_once('-').is_some_and(|(p, digits)| {
        p == prefix
            && digits.len() == 12
            && digits
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}
