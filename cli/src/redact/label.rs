//! Paths: folders are called after customers, people and machines; files too, unless Windows gave them their name.

use std::collections::BTreeMap;

/// Folders and files and what stands for them.
#[derive(Default)]
pub struct Labels {
    folders: BTreeMap<String, usize>,
    files: BTreeMap<String, usize>,
}

impl Labels {
    /// `C:/acme/SRV1/System.evtx` as `folder-1/folder-2/folder-3/System.evtx`.
    pub fn redacted(&mut self, path: &str) -> String {
        let mut out = String::with_capacity(path.len());
        let mut rest = path;
        while let Some(at) = rest.find(['/', '!']) {
            let (folder, mark) = (
                rest.get(..at).unwrap_or_default(),
                rest.get(at..=at).unwrap_or_default(),
            );
            if mark == "!" {
                out.push_str(&self.file(folder));
            } else if !folder.is_empty() {
                let n = self.folders.len() + 1;
                let n = self.folders.entry(folder.to_owned()).or_insert(n);
                out.push_str(&format!("folder-{n}"));
            }
            out.push_str(mark);
            rest = rest.get(at + 1..).unwrap_or_default();
        }
        out.push_str(&self.file(rest));
        out
    }

    fn file(&mut self, name: &str) -> String {
        // A second of the same name in an archive has a number behind it.
        let (name, again) = name
            .split_once(" (")
            .map_or((name, String::new()), |(n, a)| (n, format!(" ({a}")));
        let (stem, suffix) = name.rsplit_once('.').unwrap_or((name, ""));
        if ["System", "Security", "Application", "Setup"]
            .iter()
            .any(|n| n.eq_ignore_ascii_case(stem))
        {
            return format!("{name}{again}");
        }
        if let Some(channel) = name
            .find("Microsoft-Windows-")
            .and_then(|at| name.get(at..))
        {
            return format!("{channel}{again}");
        }
        if name.is_empty() || name == "standard input" {
            return name.to_owned();
        }
        let n = self.files.len() + 1;
        let n = self.files.entry(name.to_owned()).or_insert(n);
        let known = matches!(
            suffix,
            "evtx"
                | "pcap"
                | "pcapng"
                | "cap"
                | "zip"
                | "7z"
                | "tar"
                | "gz"
                | "zst"
                | "xml"
                | "json"
                | "csv"
        );
        if known {
            format!("file-{n}.{suffix}{again}")
        } else {
            format!("file-{n}{again}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_gave_stay() {
        let mut labels = Labels::default();
        assert_eq!(
            labels.redacted("/acme/SRV1/System.evtx"),
            "/folder-1/folder-2/System.evtx"
        );
        assert_eq!(
            labels.redacted("acme.zip!SRV1/ana.pcapng"),
            "file-1.zip!folder-2/file-2.pcapng"
        );
        assert_eq!(
            labels.redacted("acme.zip!SRV1/SRV1-Microsoft-Windows-X%4Operational.evtx (2)"),
            "file-1.zip!folder-2/Microsoft-Windows-X%4Operational.evtx (2)"
        );
    }
}
