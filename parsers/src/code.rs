//! What a number means: status codes, disconnect reasons, TLS alerts. One data file per registry in `catalog/codes`.

/// One number of a registry.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The number, unsigned.
    pub value: u32,
    /// Its name in the specification, or the shortest name people use for it.
    pub name: &'static str,
    /// Half a sentence for a person, to stand behind a colon.
    pub meaning: &'static str,
    /// One word for rules and for the analyzer; the file's head lists its registry's words. Empty when it has none.
    pub class: &'static str,
    /// Where the meaning comes from.
    pub source: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/codes.rs"));

/// What a registry (`disconnect-reason`, `ntstatus` …) says about a number.
pub fn code(registry: &str, value: u32) -> Option<&'static Code> {
    let codes = table(registry)?;
    codes
        .binary_search_by_key(&value, |c| c.value)
        .ok()
        .and_then(|i| codes.get(i))
}

/// What a status of unknown make means: HRESULT, NTSTATUS or Win32 code, also those wrapped into another.
pub fn status(value: u32) -> Option<&'static Code> {
    let plain = ["hresult", "ntstatus", "win32"]
        .iter()
        .find_map(|registry| code(registry, value));
    plain.or_else(|| match value >> 16 {
        0x8007 => code("win32", value & 0xFFFF),
        0xD000..=0xDFFF => code("ntstatus", value & !0x1000_0000),
        _ => None,
    })
}

/// All numbers of a registry, by number.
pub fn table(registry: &str) -> Option<&'static [Code]> {
    let at = REGISTRIES.binary_search_by_key(&registry, |r| r.0).ok()?;
    REGISTRIES.get(at).map(|r| r.1)
}

/// The names of all registries, sorted.
pub fn registries() -> impl Iterator<Item = &'static str> {
    REGISTRIES.iter().map(|r| r.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_found_where_it_stands() {
        for registry in registries() {
            for c in table(registry).unwrap_or_default() {
                assert_eq!(code(registry, c.value), Some(c));
                assert!(
                    !c.name.is_empty() && !c.meaning.is_empty() && !c.source.is_empty(),
                    "{registry} {}",
                    c.value
                );
                assert!(
                    !c.meaning.ends_with('.'),
                    "{registry} {}: half a sentence, no full stop",
                    c.value
                );
            }
        }
        assert_eq!(code("no such registry", 0), None);
        assert_eq!(code("tls-alert", 255), None);
    }

    #[test]
    fn wrapped_statuses_are_unwrapped() {
        let name = |value| status(value).map(|c| c.name);
        assert_eq!(name(0x8009_030D), Some("SEC_E_UNKNOWN_CREDENTIALS"));
        assert_eq!(name(0xC000_006D), Some("STATUS_LOGON_FAILURE"));
        assert_eq!(name(10061), Some("WSAECONNREFUSED"));
        assert_eq!(name(0x8007_0569), Some("ERROR_LOGON_TYPE_NOT_GRANTED"));
        assert_eq!(name(0xD000_00B5), Some("STATUS_IO_TIMEOUT"));
        assert_eq!(name(0xDEAD_BEEF), None);
    }
}
