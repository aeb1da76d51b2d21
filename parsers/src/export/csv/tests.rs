use crate::batch::EventBatch;
use crate::export::{Form, read};
use crate::kind::Field;
use crate::time::Timestamp;

fn parsed(text: &str) -> EventBatch {
    read(&text.as_bytes(), Form::Csv, None)
}

fn times(batch: &EventBatch) -> Vec<String> {
    let seconds = |t: Timestamp| t.to_string().get(..19).unwrap_or_default().to_owned();
    batch.events.iter().map(|e| seconds(e.time)).collect()
}

#[test]
fn evtxecmd_rows_keep_their_payload() {
    let text = "\u{feff}RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,\
        ChunkNumber,UserId,MapDescription,UserName,RemoteHost,PayloadData1,PayloadData2,PayloadData3,PayloadData4,PayloadData5,\
        PayloadData6,ExecutableInfo,HiddenRecord,SourceFile,Keywords,ExtraDataOffset,Payload\r\n\
        1,412,2026-11-19 08:12:33.4567891,24,Info,Microsoft-Windows-TerminalServices-LocalSessionManager,\
        Microsoft-Windows-TerminalServices-LocalSessionManager/Operational,1,2,SRV01,0,,\"a, \"\"b\"\"\n c\",,,,,,,,,,False,x,,0,\
        \"{\"\"UserData\"\":{\"\"EventXML\"\":{\"\"@xmlns\"\":\"\"Event_NS\"\",\"\"User\"\":\"\"CORP\\\\ana\"\",\"\"SessionID\"\":\"\"3\"\",\"\"Address\"\":\"\"198.51.100.23\"\"}}}\"\r\n\
        2,413\r\n";
    let batch = parsed(text);
    let event = batch.event(0).expect("an event");
    assert_eq!(event.event.kind.name(), "session.disconnected");
    assert_eq!(event.event.place, 412);
    assert_eq!(event.text(Field::of("user")), Some("CORP\\ana"));
    assert_eq!(event.int(Field::of("session_id")), Some(3));
    // The second row begins in the fourth line of the file.
    let defects: Vec<_> = batch.defects.iter().map(|d| d.at.as_str()).collect();
    assert_eq!(defects, ["line 4"]);
}

#[test]
fn hayabusa_rows_are_read() {
    let text = "Timestamp,RuleTitle,Level,Computer,Channel,EventID,RecordID,Details,ExtraFieldInfo\n\
        2026-11-19 08:12:33.456 +00:00,Logoff,info,SRV01,RDS-LSM,24,412,User: CORP\\ana ¦ SessID: 3 ¦ SrcIP: 198.51.100.23,\n";
    let batch = parsed(text);
    let event = batch.event(0).expect("an event");
    assert_eq!(event.text(Field::of("user")), Some("CORP\\ana"));
    assert_eq!(event.int(Field::of("session_id")), Some(3));
    assert_eq!(times(&batch), ["2026-11-19T08:12:33"]);
}

const GERMAN: &str = "\u{feff}Ebene,Datum und Uhrzeit,Quelle,Ereignis-ID,Aufgabenkategorie\r\n\
    Fehler,19.11.2026 09:12:33,Schannel,36870,Keine,\"Schwerwiegender Fehler,\r\n\r\nder Code\"\r\n\
    Informationen,19.11.2026 09:10:00,Service Control Manager,7036,Keine,x\r\n\
    Informationen,19.11.2026 09:09:00,Microsoft Windows security auditing.,4624,Logon,x\r\n\
    Informationen,19.11.2026 09:08:00,disk,11,Keine,x\r\n";

#[test]
fn event_viewer_in_german() {
    let batch = parsed(GERMAN);
    assert_eq!(
        times(&batch),
        [
            "2026-11-19T09:12:33",
            "2026-11-19T09:10:00",
            "2026-11-19T09:09:00"
        ]
    );
    assert_eq!(batch.events[0].kind.name(), "tls.key-inaccessible");
    assert_eq!(batch.logs[0].channel, "System");
    assert_eq!(batch.unknown.len(), 1);
    let told: Vec<_> = batch.defects.iter().map(|d| d.what.as_str()).collect();
    assert!(
        told.iter()
            .any(|t| t.contains("taken as UTC") && t.contains("--tz")),
        "{told:?}"
    );
    assert!(
        batch
            .defects
            .iter()
            .all(|d| d.at == "line 2" && d.lost == 0)
    );
}

#[test]
fn a_zone_moves_local_times() {
    let hour_east = |t: Timestamp| Some(t.plus(-3_600_000_000_000));
    let batch = read(&GERMAN.as_bytes(), Form::Csv, Some(&hour_east));
    assert_eq!(
        times(&batch).first().map(String::as_str),
        Some("2026-11-19T08:12:33")
    );
    assert!(batch.defects.iter().all(|d| !d.what.contains("UTC")));
}

fn viewer(dates: &[&str]) -> EventBatch {
    let rows: Vec<String> = dates
        .iter()
        .map(|d| format!("Error,{d},Schannel,36870,None,x\n"))
        .collect();
    let rows = rows.concat();
    parsed(&format!(
        "Level,Date and Time,Source,Event ID,Task Category\n{rows}"
    ))
}

#[test]
fn the_order_of_day_and_month_is_told_by_the_dates() {
    let first = |dates: &[&str]| times(&viewer(dates)).into_iter().next().unwrap_or_default();
    assert_eq!(
        first(&["11/2/2026 9:00:00 AM", "11/19/2026 9:00:00 AM"]),
        "2026-11-02T09:00:00"
    );
    assert_eq!(
        first(&["02/11/2026 09:00:00", "19/11/2026 09:00:00"]),
        "2026-11-02T09:00:00"
    );
    // Newest first, as Event Viewer saves: only one reading keeps the order.
    assert_eq!(
        first(&[
            "04/11/2026 09:00:00",
            "03/11/2026 09:00:00",
            "09/10/2026 09:00:00"
        ]),
        "2026-11-04T09:00:00"
    );
    let assumed = viewer(&["11/2/2026 9:00:00 AM"]);
    assert_eq!(times(&assumed), ["2026-11-02T09:00:00"]);
    assert!(
        assumed
            .defects
            .iter()
            .any(|d| d.what.contains("month before day"))
    );
}

#[test]
fn powershell_export_csv_is_read() {
    let text = "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\r\n\
        \"Message\",\"Id\",\"Version\",\"ProviderName\",\"LogName\",\"ProcessId\",\"RecordId\",\"MachineName\",\"TimeCreated\",\"ActivityId\"\r\n\
        \"a\r\nb\",\"36870\",\"0\",\"Schannel\",\"System\",\"1\",\"4711\",\"SRV01\",\"19.11.2026 09:12:33\",\"\"\r\n";
    let batch = parsed(text);
    assert_eq!(batch.events[0].place, 4711);
    assert_eq!(batch.logs[0].host, "SRV01");
}

#[test]
fn a_quote_that_is_not_closed_ends_somewhere() {
    let rows = "Error,19.11.2026 09:00:00,Schannel,36870,None,x\n".repeat(60_000);
    let text = format!(
        "Level,Date and Time,Source,Event ID,Task Category\nError,19.11.2026 09:00:00,Schannel,36870,None,\"x\n{rows}"
    );
    let batch = parsed(&text);
    assert!(batch.events.len() > 30_000, "{}", batch.events.len());
    assert!(
        batch.defects.iter().any(|d| d.at == "line 2" && d.lost > 0),
        "{:?}",
        batch.defects
    );
}

#[test]
fn unknown_columns_are_one_defect() {
    let batch = parsed("a,b,c\n1,2,3\n4,5,6\n");
    assert_eq!(batch.defects.len(), 1);
    assert_eq!(batch.defects[0].at, "line 1");
}
