//! Sentences about events, for people.

use rdpwhy_parsers::{EventRef, Field, Kind, Timestamp, Value, catalog};

use crate::names::kind;

/// Fields that join records and carry no meaning for people.
const PLUMBING: &[&str] = &[
    "flow",
    "named_as",
    "random",
    "ja3",
    "ja4",
    "ja3s",
    "suites",
    "groups",
    "sha256",
    "serial",
    "server_ip",
    "server_port",
    "tunnel",
    "duration_ms",
    "method",
];
/// Numbers of this size are moments: nanoseconds of the years 1990 to 2100. Nothing else that records count is that large.
const MOMENTS: std::ops::Range<i64> = 631_152_000_000_000_000..4_102_444_800_000_000_000;
/// Numbers above this are statuses: people know them in hex.
const STATUS_FROM: i64 = 0x8000_0000;

/// Stands for what the catalogue says of the event's kind, where a sign looks for several.
pub const MEANING: &str = "meaning";

/// Fills `{field}` placeholders with the event's values, and `{meaning}`.
pub fn fill(template: &str, event: EventRef<'_>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        match Field::named(name).and_then(|f| event.get(f)) {
            _ if name == MEANING => text.push_str(&meaning(event)),
            Some(v) => text.push_str(&show_as(name, v)),
            None => text.push_str("not given"),
        }
        rest = tail;
    }
    text.push_str(rest);
    text
}

/// A sign's sentence where no event fills it: parts that only carry values are left out, people are called by their part.
pub fn general(template: &str) -> String {
    let mut rest = match template.rsplit_once(": ") {
        Some((before, values)) if values.contains('{') => before,
        _ => template,
    };
    let mut text = String::with_capacity(rest.len());
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else {
            break;
        };
        match (before.rsplit_once(" ("), tail.split_once(')')) {
            // "(alert {alert})": nothing but the value.
            (Some((kept, inside)), Some((_, tail))) if !inside.contains(')') => {
                text.push_str(kept);
                rest = tail;
            }
            _ => {
                text.push_str(before);
                text.push_str(match name {
                    "user" => "the user",
                    "client_ip" | "client_host" => "the client",
                    "server_ip" | "server_name" => "the server",
                    _ => "…",
                });
                rest = tail;
            }
        }
    }
    text.push_str(rest);
    text
}

/// The catalogue's sentence as the end of another one: `the certificate has expired`.
fn meaning(event: EventRef<'_>) -> String {
    let sentence = catalog::info(event.event.kind)
        .map_or("", |i| i.meaning)
        .trim_end_matches('.');
    let word = sentence.split(' ').next().unwrap_or_default();
    // Names keep their capitals: Windows, TLS, LSA.
    if word == "Windows" || word.chars().skip(1).any(char::is_uppercase) {
        return sentence.to_owned();
    }
    let mut letters = sentence.chars();
    letters
        .next()
        .map(|c| c.to_lowercase().chain(letters).collect())
        .unwrap_or_default()
}

/// What a record or packet means, with the values that matter.
pub fn describe(event: EventRef<'_>) -> String {
    let meaning = catalog::info(event.event.kind)
        .map_or("", |i| i.meaning)
        .trim_end_matches('.');
    let values: Vec<String> = values(event).take(5).map(|(_, says)| says).collect();
    if values.is_empty() {
        meaning.to_owned()
    } else {
        format!("{meaning} ({})", values.join(", "))
    }
}

/// The values that matter to people, in the order of the record: their fields' names, and `reason 14` or `expired`.
pub fn values(event: EventRef<'_>) -> impl Iterator<Item = (&'static str, String)> {
    event
        .fields()
        .filter(|(f, v)| !PLUMBING.contains(&f.name()) && *v != Value::Flag(false))
        .map(|(f, v)| {
            let says = match (f.name(), v) {
                ("not_before" | "not_after", Value::Int(t)) => {
                    format!(
                        "{} {}",
                        f.name().replace('_', " "),
                        crate::assemble::day(Timestamp(t))
                    )
                }
                (_, Value::Flag(true)) => f.name().replace('_', " "),
                (name @ ("reason" | "code"), Value::Int(n)) => match reason(event.event.kind, n) {
                    Some(code) => format!("{name} {} ({})", show(v), code.meaning),
                    None => format!("{name} {}", show(v)),
                },
                (name, v) => format!("{} {}", name.replace('_', " "), show_as(name, v)),
            };
            (f.name(), says)
        })
}

/// What a reason means, told by whose it is.
fn reason(kind: Kind, n: i64) -> Option<&'static rdpwhy_parsers::Code> {
    let registry = match kind {
        kind::DISCONNECT_REASON => "rdpcorets-reason",
        kind::SESSION_REASON => "session-reason",
        kind::CLIENT_DISCONNECTED => "disconnect-reason",
        kind::ERROR_INFO => "error-info",
        _ => return None,
    };
    rdpwhy_parsers::code(registry, u32::try_from(n).ok()?)
}

/// Provider and event id as people call them: `Schannel 36870`, `RdpCoreTS 131`. None for packets, and where several ids
/// of the channel tell the same fact.
pub fn event_name(event: EventRef<'_>) -> Option<String> {
    let log = event.log().filter(|l| !l.host.is_empty())?;
    let tells = |e: &&catalog::EventSpec| {
        e.kind == event.event.kind || e.variants.iter().any(|v| v.kind == event.event.kind)
    };
    let mut specs = catalog::all()
        .iter()
        .filter(tells)
        .filter(|e| e.channel == log.channel)
        .peekable();
    let first = *specs.peek()?;
    if specs.any(|e| e.id != first.id) {
        return None;
    }
    let provider = first.provider.trim_start_matches("microsoft-windows-");
    let name = PROVIDERS
        .iter()
        .find(|(p, _)| *p == provider)
        .map_or(log.channel.as_str(), |(_, n)| *n);
    Some(format!("{name} {}", first.id))
}

/// Providers by the names that people use; others go by their channel.
const PROVIDERS: &[(&str, &str)] = &[
    ("remotedesktopservices-rdpcorets", "RdpCoreTS"),
    (
        "terminalservices-remoteconnectionmanager",
        "RemoteConnectionManager",
    ),
    (
        "terminalservices-localsessionmanager",
        "LocalSessionManager",
    ),
    ("terminalservices-clientactivexcore", "RDPClient"),
    ("terminalservices-gateway", "Gateway"),
    ("schannel", "Schannel"),
    ("lsasrv", "LsaSrv"),
    ("service control manager", "Service Control Manager"),
    ("security-auditing", "Security"),
    ("termdd", "TermDD"),
    ("netlogon", "NETLOGON"),
    ("time-service", "Time-Service"),
    ("kernel-power", "Kernel-Power"),
    ("kernel-general", "Kernel-General"),
    ("application error", "Application Error"),
    ("rasclient", "RasClient"),
    ("grouppolicy", "GroupPolicy"),
    ("windowsupdateclient", "WindowsUpdateClient"),
    ("wlan-autoconfig", "WLAN"),
];

/// A field's value as people write it: statuses with their names.
fn show_as(field: &str, value: Value<'_>) -> String {
    let shown = show(value);
    let Value::Int(n) = value else { return shown };
    let n = u32::try_from(n).ok();
    let name = match field {
        "error" | "status" | "sub_status" => {
            n.and_then(rdpwhy_parsers::code::status).map(|c| c.name)
        }
        "alert" => n
            .and_then(|n| rdpwhy_parsers::code("tls-alert", n))
            .map(|c| c.name),
        _ => None,
    };
    match name {
        Some(name) if n != Some(0) => format!("{shown} ({name})"),
        _ => shown,
    }
}

/// A value as people write it.
pub fn show(value: Value<'_>) -> String {
    match value {
        Value::Int(n) if MOMENTS.contains(&n) => crate::assemble::time(Timestamp(n)),
        Value::Int(n) if (STATUS_FROM..=i64::from(u32::MAX)).contains(&n) => format!("0x{n:08X}"),
        Value::Int(n) => n.to_string(),
        Value::Flag(true) => "yes".to_owned(),
        Value::Flag(false) => "no".to_owned(),
        Value::Ip(ip) => ip.to_string(),
        Value::Text(t) => t.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn sentences_without_values() {
        for (template, text) in [
            (
                "Schannel could not open the key: error {error}, state {state}",
                "Schannel could not open the key",
            ),
            (
                "logon of {user} refused: sub status {sub_status}",
                "logon of the user refused",
            ),
            (
                "nothing in common (alert {alert}), says the server",
                "nothing in common, says the server",
            ),
            ("{service} (the service) ended", "… (the service) ended"),
            (
                "the version {version} was refused",
                "the version … was refused",
            ),
            ("a brace { alone", "a brace { alone"),
        ] {
            assert_eq!(general(template), text);
        }
    }
}
