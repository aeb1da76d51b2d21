//! Logs of network monitors.

use rdpwhy_parsers::monitor::{self, Form};

/// Zeek and Suricata, told by their content or taken for each: no more events than bytes, and the same ones whether they are
/// kept or told while they come.
pub fn monitor(bytes: &[u8]) {
    let _ = monitor::looks_like(bytes);
    for form in [Form::ZeekTsv, Form::ZeekJson, Form::Eve] {
        let kept = monitor::read(&bytes, form);
        assert!(kept.events.len() <= bytes.len(), "{form:?}");
        let mut told = Vec::new();
        let rest = monitor::stream(&bytes, form, &mut |e| {
            told.push((e.event.kind, e.event.place, e.fields().count()));
        });
        let same = kept
            .iter()
            .map(|e| (e.event.kind, e.event.place, e.fields().count()));
        assert!(same.eq(told), "{form:?}");
        assert_eq!((rest.events.len(), &rest.defects), (0, &kept.defects));
    }
}

/// As the described cases have them.
pub fn seeds() -> Vec<Vec<u8>> {
    let cases = [
        "zeek-nla-required",
        "zeek-refused",
        "zeek-certificate-rejected",
        "suricata-nla-required",
    ];
    let files = cases.iter().flat_map(|c| crate::evidence::case(c));
    files.map(|(_, bytes)| bytes).collect()
}
