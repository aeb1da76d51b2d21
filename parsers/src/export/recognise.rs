//! What form an export has, told from its beginning. Names and suffixes are never asked.

use super::text::Text;
use super::{Form, csv};

/// How many leading bytes [`looks_like`] wants: a record of the Security log with its rendered message in UTF-16 fits in.
pub const HEAD: usize = 16 << 10;

/// Names that stand together in the objects of a form.
const OBJECTS: [&[&str]; 13] = [
    &[
        "\"Event\"",
        "schemas.microsoft.com/win/2004/08/events/event",
    ],
    &["\"Event\"", "\"System\"", "\"Provider\""],
    &["\"System\"", "\"EventID\"", "\"Provider\""],
    &["\"ProviderName\"", "\"RecordId\""],
    &["\"ProviderName\"", "\"LogName\""],
    &["\"winlog\""],
    &["\"winlog."],
    &["\"winlogbeat\"", "\"@timestamp\""],
    &["\"PayloadData1\"", "\"MapDescription\""],
    &["\"EventRecordId\"", "\"Channel\""],
    &["\"Payload\"", "\\\"EventData\\\""],
    &["\"RuleTitle\"", "\"Channel\"", "\"EventID\""],
    &["\"EventData\"", "\"Channel\"", "\"EventID\""],
];

/// The form of an export that begins with `head` ([`HEAD`] bytes, or all there are).
pub fn looks_like(head: &[u8]) -> Option<Form> {
    let mut text = String::new();
    let head = head.get(..HEAD).unwrap_or(head);
    Text::new(&head).next(&mut text);
    let mut body = text.trim_start();
    // `evtx_dump` numbers records in a line of its own.
    if let Some((first, rest)) = body.split_once('\n')
        && let Some(number) = first.trim_end().strip_prefix("Record ")
        && number.bytes().all(|b| b.is_ascii_digit())
    {
        body = rest.trim_start();
    }
    let has = |names: &[&str]| names.iter().all(|n| body.contains(n));
    match body.chars().next()? {
        '<' => ["<Event>", "<Event ", "<Events>", "<Events "]
            .iter()
            .any(|tag| body.contains(tag))
            .then_some(Form::Xml),
        // Our own report tells of records too.
        '{' | '[' if !body.contains("\"rdpwhy.") => {
            OBJECTS.iter().any(|names| has(names)).then_some(Form::Json)
        }
        '{' | '[' => None,
        _ => csv::looks_like(body).then_some(Form::Csv),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_by_what_stands_in_them() {
        let xml = Some(Form::Xml);
        let json = Some(Form::Json);
        let csv = Some(Form::Csv);
        for (head, form) in [
            ("\u{feff}<?xml version='1.0'?>\n<Events><Event xmlns=", xml),
            ("Record 1\r\n<?xml version='1.0'?>\r\n<Event xmlns=", xml),
            ("<Event><System/></Event>", xml),
            ("<html><body>Events</body></html>", None),
            (
                "Record 12\n{\n  \"Event\": {\n \"#attributes\": {\"xmlns\": \
                 \"http://schemas.microsoft.com/win/2004/08/events/event\"}",
                json,
            ),
            (
                "[\r\n    {\r\n        \"Id\":  4624,\r\n  \"ProviderName\":  \"x\", \"LogName\": \"Security\"",
                json,
            ),
            (
                "{\"@timestamp\":\"…\",\"@metadata\":{\"beat\":\"winlogbeat\"}",
                json,
            ),
            ("{\"@timestamp\":\"…\",\"winlog\":{", json),
            ("{\"schema\": \"rdpwhy.report/1\", \"winlog\": 1", None),
            ("{\"name\": \"package.json\"}", None),
            (
                "RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,Payload\n",
                csv,
            ),
            (
                "Ebene;Datum und Uhrzeit;Quelle;Ereignis-ID;Aufgabenkategorie\r\nInformationen;27.10.2021 12:28:26;disk;11;Keine;x",
                csv,
            ),
            ("a,b,c,d,e\n1,2,3,4,5\n", None),
            ("", None),
        ] {
            assert_eq!(looks_like(head.as_bytes()), form, "{head}");
        }
    }

    #[test]
    fn the_encoding_does_not_matter() {
        let utf16: Vec<u8> = "\u{feff}<Events><Event xmlns='x'>"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(looks_like(&utf16), Some(Form::Xml));
    }
}
