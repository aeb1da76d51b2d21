//! Places as people call them: `RdpCoreTS 131, record 411`.

use rdpwhy_analyzer::timeline::Entry;
use rdpwhy_parsers::Timestamp;

/// RFC 3339 in UTC with microseconds.
pub fn time(t: Timestamp) -> String {
    rdpwhy_analyzer::assemble::time(t)
}

/// `record 411`, `packet 12`, or `line 40` of a monitor's log.
pub fn place(entry: &Entry<'_>) -> String {
    format!("{} {}", place_word(entry), entry.place)
}

/// What the place of an event counts.
pub fn place_word(entry: &Entry<'_>) -> &'static str {
    match (entry.origin.is_some(), entry.channel) {
        (true, _) => "record",
        (false, "capture") => "packet",
        (false, _) => "line",
    }
}

/// Provider and id, without what all providers of Windows have in common.
pub fn event(entry: &Entry<'_>) -> Option<String> {
    entry
        .origin
        .map(|(provider, id)| format!("{} {id}", provider_name(provider)))
}

/// `RdpCoreTS` for `Microsoft-Windows-RemoteDesktopServices-RdpCoreTS`, whatever its case.
pub fn provider_name(provider: &str) -> &str {
    let mut name = provider;
    for common in [
        "microsoft-windows-",
        "remotedesktopservices-",
        "terminalservices-",
    ] {
        let head = name.get(..common.len());
        if head.is_some_and(|h| h.eq_ignore_ascii_case(common)) {
            name = name.get(common.len()..).unwrap_or(name);
        }
    }
    name
}

/// The file's name at the end of a path, also inside an archive.
pub fn file(path: &str) -> &str {
    path.rsplit(['/', '!']).next().unwrap_or(path)
}
