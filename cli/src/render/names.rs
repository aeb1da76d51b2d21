//! Short names for evidence files, as a person would call them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rdpwhy_analyzer::report::{Evidence, SourceReport};

/// A short name for each source: `RdpCoreTS` for
/// `case/Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx`.
pub struct Names {
    by_id: BTreeMap<u32, String>,
    capture_ids: BTreeSet<u32>,
}

impl Names {
    /// Names for these sources. Where two would be called the same, the host or the folder stands before the name; where
    /// that does not help, it is the whole path.
    pub fn of(sources: &[SourceReport]) -> Self {
        let mut names: Vec<String> = sources.iter().map(|s| short(&s.path)).collect();
        for attempt in [with_owner, whole_path] {
            let mut seen = BTreeMap::<String, usize>::new();
            for name in &names {
                *seen.entry(name.clone()).or_default() += 1;
            }
            for (name, source) in names.iter_mut().zip(sources) {
                if seen.get(name).is_some_and(|n| *n > 1) {
                    *name = attempt(name, source);
                }
            }
        }
        let capture_ids: BTreeSet<u32> = sources
            .iter()
            .filter(|s| is_capture(s))
            .map(|s| s.id)
            .collect();
        let by_id = sources
            .iter()
            .zip(names)
            .map(|(s, name)| {
                (
                    s.id,
                    if is_capture(s) && capture_ids.len() == 1 {
                        String::new()
                    } else {
                        name
                    },
                )
            })
            .collect();
        Self { by_id, capture_ids }
    }

    /// `packet 1206`, `System, record 90211`. A lone capture needs no name.
    pub fn place(&self, source: u32, at: &str) -> String {
        match self.by_id.get(&source).map(String::as_str) {
            Some("") | None => at.to_owned(),
            Some(name) => format!("{name}, {at}"),
        }
    }

    /// The same with the words of the origin (`System of RDS07`), which a capture has none of.
    pub fn place_of(&self, entry: &Evidence) -> String {
        match self.by_id.get(&entry.source) {
            Some(name) if self.capture_ids.contains(&entry.source) && !name.is_empty() => {
                format!("{name}, {}", entry.at)
            }
            _ => format!("{}, {}", channel(&entry.origin), entry.at),
        }
    }

    /// The name of a source, empty for a lone capture.
    pub fn name(&self, source: u32) -> &str {
        match self.by_id.get(&source).map(String::as_str) {
            Some("") => "the capture",
            Some(name) => name,
            None => "",
        }
    }
}

/// Whether the source is a packet capture.
pub fn is_capture(source: &SourceReport) -> bool {
    source.format.starts_with("pcap")
}

/// The file's name without what all event logs share.
fn short(path: &str) -> String {
    let file = path.rsplit(['/', '!']).next().unwrap_or(path);
    let Some(stem) = file
        .strip_suffix(".evtx")
        .or_else(|| file.strip_suffix(".EVTX"))
    else {
        return file.to_owned();
    };
    // Collectors put where they found it before the name: `2-vss_0-Microsoft-Windows-…`.
    let stem = stem
        .find("Microsoft-Windows-")
        .and_then(|at| stem.get(at..))
        .unwrap_or(stem);
    // Windows writes the `/` of a channel as %4 into the file's name; tools that pack it escape the % once more.
    let stem = stem.split("%254").next().unwrap_or(stem);
    channel(&stem.replacen("%4", "/", 1)).into_owned()
}

/// A channel as people call it: `RdpCoreTS` for `Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational`. What
/// follows the channel in the text stays.
pub fn channel(text: &str) -> Cow<'_, str> {
    let Some(name) = text.strip_prefix("Microsoft-Windows-") else {
        // What `rdpwhy script --collect` found out is no log.
        return match text.strip_prefix("rdpwhy-collect/State") {
            Some(rest) => Cow::Owned(format!("collected state{rest}")),
            None => Cow::Borrowed(text),
        };
    };
    let name = ["TerminalServices-", "RemoteDesktopServices-"]
        .iter()
        .find_map(|p| name.strip_prefix(p))
        .unwrap_or(name);
    Cow::Owned(name.replacen("/Operational", "", 1))
}

/// The text with every channel in it as people call it.
pub fn channels(text: &str) -> String {
    text.split(' ').map(channel).collect::<Vec<_>>().join(" ")
}

fn with_owner(name: &str, source: &SourceReport) -> String {
    let host = source
        .host
        .as_deref()
        .and_then(|h| h.split('.').next())
        .filter(|h| !h.is_empty());
    let folder = || source.path.rsplit(['/', '!']).nth(1);
    host.or_else(folder)
        .map_or_else(|| name.to_owned(), |owner| format!("{owner} {name}"))
}

fn whole_path(_: &str, source: &SourceReport) -> String {
    source.path.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_called_as_people_call_them() {
        let core = "case/Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx";
        assert_eq!(short(core), "RdpCoreTS");
        assert_eq!(
            short(
                "a.zip!logs/Microsoft-Windows-TerminalServices-LocalSessionManager%254Operational.evtx"
            ),
            "LocalSessionManager"
        );
        assert_eq!(
            short("Microsoft-Windows-TerminalServices-LocalSessionManager%4Admin.evtx"),
            "LocalSessionManager/Admin"
        );
        assert_eq!(
            channel("Microsoft-Windows-TerminalServices-RDPClient/Operational of WS7"),
            "RDPClient of WS7"
        );
        assert_eq!(
            channels(
                "nobody recorded Microsoft-Windows-TerminalServices-RDPClient/Operational of WS7"
            ),
            "nobody recorded RDPClient of WS7"
        );
        assert_eq!(
            short("x/2-vss_0-Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx"),
            "RdpCoreTS"
        );
        assert_eq!(short("C/System.evtx"), "System");
        assert_eq!(short("trace.pcapng"), "trace.pcapng");
    }
}
