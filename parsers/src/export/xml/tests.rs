use crate::batch::EventBatch;
use crate::export::{Form, LONGEST_RECORD, read};
use crate::kind::Field;

const ONE: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Schannel' \
    Guid='{1f678132-5938-4686-9fdc-c8ff68f15c85}'/><EventID Qualifiers=''>36870</EventID><TimeCreated \
    SystemTime='2026-11-19T08:12:33.4567891Z'/><EventRecordID>4711</EventRecordID><Correlation \
    ActivityID='{f4202f30-8c5a-4d3b-9d38-0123456789ab}'/><Execution ProcessID='1244' ThreadID='5'/><Channel>System\
    </Channel><Computer>SRV01.corp.example</Computer><Security/></System><EventData><Data Name='Type'>server</Data>\
    <Data Name='ErrorCode'>0x8009030d</Data><Data Name='ErrorStatus'>10001</Data></EventData>\
    <RenderingInfo Culture='de-DE'><Message>Schwerwiegender Fehler &lt;Event&gt;</Message></RenderingInfo></Event>";
const USER_DATA: &str = "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System><Provider \
    Name=\"Microsoft-Windows-TerminalServices-LocalSessionManager\"/><EventID>24</EventID><TimeCreated \
    SystemTime=\"2026-11-19T08:12:34Z\"/><EventRecordID>4712</EventRecordID><Channel>Microsoft-Windows-\
    TerminalServices-LocalSessionManager/Operational</Channel><Computer>SRV01.corp.example</Computer></System>\
    <UserData><EventXML xmlns=\"Event_NS\"><User>CORP\\a&amp;a &#252;</User><SessionID>3</SessionID>\
    <Address>198.51.100.23</Address></EventXML></UserData></Event>";

fn parsed(text: &str) -> EventBatch {
    read(&text.as_bytes(), Form::Xml, None)
}

fn texts(batch: &EventBatch, field: &str) -> Vec<String> {
    let field = Field::named(field).expect("a field of the catalogue");
    batch
        .iter()
        .filter_map(|e| e.text(field).map(str::to_owned))
        .collect()
}

#[test]
fn one_record_is_read_with_all_its_parts() {
    let batch = parsed(ONE);
    assert_eq!(batch.defects, []);
    let event = batch.event(0).expect("an event");
    assert_eq!(event.event.kind.name(), "tls.key-inaccessible");
    assert_eq!(event.event.place, 4711);
    assert_eq!(event.event.time.0, 1_795_075_953_456_789_100);
    assert!(!event.event.activity.is_none());
    assert_eq!(event.int(Field::of("error")), Some(0x8009_030d));
    assert_eq!(
        event.log().map(|l| l.host.as_str()),
        Some("SRV01.corp.example")
    );
}

#[test]
fn roots_declarations_and_lines_between_do_not_matter() {
    let forms = [
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\r\n<Events>{ONE}\r\n{USER_DATA}</Events>"
        ),
        format!("{ONE}\r\n{USER_DATA}\r\n"),
        format!(
            "Record 1\n<?xml version=\"1.0\"?>\n{ONE}\nRecord 2\n<?xml version=\"1.0\"?>\n{USER_DATA}\n"
        ),
    ];
    for form in forms {
        let batch = parsed(&form);
        assert_eq!(batch.defects, []);
        assert_eq!(batch.events.len(), 2);
        assert_eq!(texts(&batch, "user"), ["CORP\\a&a ü"]);
    }
}

#[test]
fn a_record_that_is_cut_off_costs_itself_only() {
    for at in [200, 300, 505, ONE.len() - 10] {
        let torn = format!("{}\n{USER_DATA}", &ONE[..at]);
        let batch = parsed(&torn);
        assert_eq!(batch.events.len(), 1, "cut at {at}");
        assert_eq!(batch.defects.len(), 1);
        assert_eq!(
            (batch.defects[0].at.as_str(), batch.defects[0].lost),
            ("line 1", 1)
        );
    }
    let batch = parsed(&format!("{ONE}\n{}", &USER_DATA[..400]));
    assert_eq!(
        (batch.events.len(), batch.defects[0].at.as_str()),
        (1, "line 2")
    );
}

#[test]
fn an_endless_record_is_left_out() {
    let endless = format!(
        "{}{}\n{USER_DATA}",
        &ONE[..ONE.len() - 8],
        " ".repeat(LONGEST_RECORD)
    );
    let batch = parsed(&endless);
    assert_eq!((batch.events.len(), batch.defects.len()), (1, 1));
    assert!(
        batch.defects[0].what.contains("16 MiB"),
        "{:?}",
        batch.defects
    );
}

#[test]
fn an_event_inside_the_data_of_an_event_is_not_another_one() {
    let nested = USER_DATA
        .replace(
            "<EventXML xmlns=\"Event_NS\">",
            "<Event xmlns=\"urn:other\">",
        )
        .replace("</EventXML>", "</Event>");
    let batch = parsed(&format!("{nested}{ONE}"));
    assert_eq!(batch.defects, []);
    assert_eq!(texts(&batch, "user"), ["CORP\\a&a ü"]);
    assert_eq!(batch.events.len(), 2);
}
