//! Event logs and what is exported from them.

use rdpwhy_parsers::export::{self, Form};
use rdpwhy_parsers::{EventBatch, evtx};

use crate::evidence;

/// Chunks in one piece, so that the pieces of a file differ from the whole.
const PIECE: u32 = 2;
/// Length of an event log's header.
const FILE_HEADER: usize = 4096;
/// Length of a chunk.
const CHUNK: usize = 65_536;

/// However a log is split among threads, the same records come out.
pub fn evtx(bytes: &[u8]) {
    let _ = evtx::looks_like(bytes);
    let (plan, _) = evtx::plan(&bytes);
    let mut whole = evtx::read_chunks(&bytes, &plan, 0..plan.len());
    let mut pieces = EventBatch::default();
    for start in (0..plan.len()).step_by(PIECE as usize) {
        pieces.append(evtx::read_chunks(&bytes, &plan, start..start + PIECE));
    }
    evtx::finish(&mut whole);
    evtx::finish(&mut pieces);
    assert_eq!(summary(&whole), summary(&pieces));
}

/// The short way through a chunk and the general one tell the same. Only a chunk with the right checksums goes the short
/// way, so they are set right first: what an attacker would do, and a bad sector would not.
pub fn evtx_two_ways(bytes: &[u8]) {
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    let (plan, _) = evtx::plan(&sealed);
    let short = evtx::read_chunks(&sealed, &plan, 0..plan.len());
    let general = evtx::read_chunks_generally(&sealed, &plan, 0..plan.len());
    // The short way does not open what nobody asks for, so it may not see that something in there is broken.
    if short.defects == general.defects {
        assert_eq!(summary(&short), summary(&general));
    } else {
        assert!(short.events.len() >= general.events.len());
    }
}

/// Sets the checksums of all chunks right.
fn seal(file: &mut [u8]) {
    let sum = |parts: &[&[u8]]| {
        let mut sum = flate2::Crc::new();
        for part in parts {
            sum.update(part);
        }
        sum.sum().to_le_bytes()
    };
    let (_, chunks) = file.split_at_mut(FILE_HEADER.min(file.len()));
    for chunk in chunks.chunks_exact_mut(CHUNK) {
        let free = u32::from_le_bytes([chunk[48], chunk[49], chunk[50], chunk[51]]) as usize;
        let data = sum(&[chunk.get(512..free).unwrap_or_default()]);
        chunk[52..56].copy_from_slice(&data);
        let header = sum(&[&chunk[..120], &chunk[128..512]]);
        chunk[124..128].copy_from_slice(&header);
    }
}

/// What two readings of the same bytes have in common: kinds and places, logs with their records, defects.
fn summary(batch: &EventBatch) -> Vec<String> {
    let events = batch
        .events
        .iter()
        .map(|e| format!("{} {}", e.kind.name(), e.place));
    let logs = batch
        .logs
        .iter()
        .map(|l| format!("{} {} {}", l.host, l.channel, l.records));
    let defects = batch
        .defects
        .iter()
        .map(|d| format!("{} {} {}", d.at, d.what, d.lost));
    events.chain(logs).chain(defects).collect()
}

/// Logs of the smallest cases: a fuzzer is as fast as its seeds are short.
pub fn evtx_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for name in ["private-key-access-denied", "live-copy", "forwarded"] {
        let mut logs: Vec<_> = evidence::case(name)
            .into_iter()
            .filter(|(label, _)| label.ends_with(".evtx"))
            .map(|(_, bytes)| bytes)
            .collect();
        logs.sort_by_key(Vec::len);
        seeds.extend(logs.into_iter().take(3));
    }
    seeds.extend([nested(3), nested(2500)]);
    seeds
}

/// A log whose only record is a template instance whose value is a template instance whose value is … so many times:
/// 64 KiB hold enough of them to end a stack.
fn nested(levels: usize) -> Vec<u8> {
    const DEFINITION: u32 = 512 + 24 + 4 + 10;
    let instance = |inline: &[u8], value: &[u8], kind: u8| {
        let mut bytes = vec![0x0f, 1, 1, 0, 0x0c, 1, 1, 0, 0, 0];
        bytes.extend(DEFINITION.to_le_bytes());
        bytes.extend(inline);
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        bytes.extend([kind, 0]);
        bytes.extend(value);
        bytes
    };
    // Fragment header, element "E" with its name inline, substitution 0 of type BinXML, end of element, end of stream.
    let name_at = DEFINITION + 24 + 4 + 11;
    let mut body = vec![0x0f, 1, 1, 0, 0x01, 0xff, 0xff, 27, 0, 0, 0];
    body.extend(name_at.to_le_bytes());
    body.extend([0, 0, 0, 0, 0x45, 0, 1, 0, 0x45, 0, 0, 0]);
    body.extend([0x02, 0x0d, 0, 0, 0x21, 0x04, 0x00]);
    let mut inline = vec![0; 20];
    inline.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    inline.extend(&body);
    let mut value = vec![0x41, 0];
    for level in 0..levels {
        value = instance(&[], &value, if level == 0 { 1 } else { 0x21 });
    }
    let xml = instance(&inline, &value, 0x21);
    let size = u32::try_from(24 + xml.len() + 4).unwrap();
    let mut chunk = b"ElfChnk\0".to_vec();
    for _ in 0..4 {
        chunk.extend(1_u64.to_le_bytes());
    }
    for number in [128, 512, 512 + size] {
        chunk.extend(number.to_le_bytes());
    }
    chunk.resize(512, 0);
    chunk.extend(b"**\0\0");
    chunk.extend(size.to_le_bytes());
    chunk.extend(1_u64.to_le_bytes());
    chunk.extend(134_100_000_000_000_000_u64.to_le_bytes());
    chunk.extend(xml);
    chunk.extend(size.to_le_bytes());
    assert!(chunk.len() <= CHUNK);
    chunk.resize(CHUNK, 0);
    let mut file = b"ElfFile\0".to_vec();
    file.resize(FILE_HEADER, 0);
    file.extend(chunk);
    file
}

/// A chunk whose frame is whole, whatever its records hold: a record each, behind its length (16 bits). Nothing is wasted
/// on headers and checksums, and an input has tens of bytes instead of tens of thousands.
pub fn evtx_chunk(bytes: &[u8]) {
    let file = framed(bytes);
    evtx(&file);
    evtx_two_ways(&file);
}

/// The file that such an input stands for.
fn framed(mut script: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    let mut last = 0;
    let mut number = 0_u64;
    while let [low, high, rest @ ..] = script {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let (body, next) = rest.split_at(length);
        let size = 24 + length + 4;
        if 512 + records.len() + size > CHUNK {
            break;
        }
        number += 1;
        last = 512 + records.len();
        let size = u32::try_from(size).unwrap();
        records.extend(b"**\0\0");
        records.extend(size.to_le_bytes());
        records.extend(number.to_le_bytes());
        records.extend((134_100_000_000_000_000 + number * 10_000_000).to_le_bytes());
        records.extend(body);
        records.extend(size.to_le_bytes());
        script = next;
    }
    let mut chunk = b"ElfChnk\0".to_vec();
    for end in [1, number, 1, number] {
        chunk.extend(end.to_le_bytes());
    }
    for offset in [128, last, 512 + records.len()] {
        chunk.extend(u32::try_from(offset).unwrap().to_le_bytes());
    }
    chunk.resize(512, 0);
    chunk.extend(records);
    chunk.resize(CHUNK, 0);
    let mut file = b"ElfFile\0".to_vec();
    file.resize(FILE_HEADER, 0);
    file.extend(chunk);
    file
}

/// The first records of the smallest cases' logs; what they point to lies where it lay.
pub fn evtx_chunk_seeds() -> Vec<Vec<u8>> {
    const MOST: usize = 6000;
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for log in evtx_seeds() {
        let mut at = FILE_HEADER + 512;
        let mut script = Vec::new();
        while log.get(at..at + 4) == Some(b"**\0\0") && script.len() < MOST {
            let size = u32::from_le_bytes(log[at + 4..at + 8].try_into().unwrap()) as usize;
            let body = &log[at + 24..at + size - 4];
            script.extend(u16::try_from(body.len()).unwrap().to_le_bytes());
            script.extend(body);
            at += size;
        }
        if !script.is_empty() && !seeds.contains(&script) {
            seeds.push(script);
        }
    }
    seeds
}

/// Every form takes every bytes: what a file is has been told from its beginning only.
fn exported(bytes: &[u8], form: Form) {
    let _ = export::looks_like(bytes.get(..export::HEAD).unwrap_or(bytes));
    let batch = export::read(&bytes, form, None);
    // A record takes more than a byte, so that a short text cannot fill the memory with events.
    assert!(batch.events.len() <= bytes.len());
    assert!(batch.defects.len() <= bytes.len() + 16);
}

/// XML.
pub fn xml(bytes: &[u8]) {
    exported(bytes, Form::Xml);
}

/// JSON.
pub fn json(bytes: &[u8]) {
    exported(bytes, Form::Json);
}

/// CSV.
pub fn csv(bytes: &[u8]) {
    exported(bytes, Form::Csv);
}

/// As `wevtutil` and Event Viewer write it.
pub fn xml_seeds() -> Vec<Vec<u8>> {
    let record = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Schannel' \
        Guid='{1f678132-5938-4686-9fdc-c8ff68f15c85}'/><EventID Qualifiers=\"0\">36870</EventID><TimeCreated \
        SystemTime='2026-11-21T10:00:03.1180000Z'/><EventRecordID>90211</EventRecordID><Correlation \
        ActivityID='{f4203f0a-0000-0000-0000-000000000000}'/><Execution ProcessID='712' ThreadID='4'/><Channel>System</Channel>\
        <Computer>SRV1.corp.example</Computer></System><EventData><Data Name='Type'>server</Data><Data \
        Name='ErrorCode'>0x8009030d</Data><Data Name='ErrorStatus'>10001</Data></EventData><UserData><x><y a='1'>z &amp; \
        &#x26;<![CDATA[<b>]]></y></x></UserData></Event>\n";
    let utf16 = |text: &str| -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    };
    let whole = format!(
        "<?xml version=\"1.0\"?>\n<!-- x -->\n<Events>{}</Events>",
        record.repeat(3)
    );
    vec![
        record.repeat(2).into_bytes(),
        utf16(&whole),
        whole.into_bytes(),
    ]
}

/// As `evtx_dump`, PowerShell, Winlogbeat and EvtxECmd write it.
pub fn json_seeds() -> Vec<Vec<u8>> {
    let dump = r##"{"Event":{"#attributes":{"xmlns":"x"},"System":{"Provider":{"#attributes":{"Name":"Schannel"}},"EventID":36870,"TimeCreated":{"#attributes":{"SystemTime":"2026-11-21T10:00:03.118Z"}},"EventRecordID":90211,"Channel":"System","Computer":"SRV1"},"EventData":{"Type":"server","ErrorCode":"0x8009030d"}}}"##;
    let powershell = r#"[{"Id":36870,"ProviderName":"Schannel","LogName":"System","RecordId":7,"MachineName":"SRV1","TimeCreated":"/Date(1795255203118)/","Properties":[{"Value":"server"},{"Value":2148074253},{"Value":null}]}]"#;
    let beat = r#"{"@timestamp":"2026-11-21T10:00:03.118Z","winlog":{"provider_name":"Schannel","event_id":"36870","channel":"System","computer_name":"SRV1","record_id":"90211","event_data":{"Type":"server"}}}"#;
    let evtxecmd = r#"{"PayloadData1":"x","TimeCreated":"2026-11-21T10:00:03.1180000+00:00","EventRecordId":"7","EventId":24,"Provider":"Microsoft-Windows-TerminalServices-LocalSessionManager","Channel":"Microsoft-Windows-TerminalServices-LocalSessionManager/Operational","Computer":"SRV1","Payload":"{\"UserData\":{\"EventXML\":{\"User\":\"CORP\\\\ana\"}}}"}"#;
    let texts = [
        format!("Record 1\n{dump}\nRecord 2\n{dump}\n"),
        powershell.to_owned(),
        format!("{beat}\n{beat}\n"),
        format!("\u{feff}{evtxecmd}\n{evtxecmd}\n"),
        "[".repeat(300),
        "{\"a\":".repeat(300),
    ];
    texts.map(String::into_bytes).into()
}

/// As Event Viewer, PowerShell and Hayabusa write it.
pub fn csv_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "Level,Date and Time,Source,Event ID,Task Category\nError,11/21/2026 10:00:03 AM,Schannel,36870,None,\"a\n\"\"b\"\"\"\n",
        "\u{feff}Ebene,Datum und Uhrzeit,Quelle,Ereignis-ID,Aufgabenkategorie\r\nFehler,21.11.2026 10:00:03,Schannel,36870,Keine,x\r\n",
        "#TYPE x\r\n\"Message\",\"Id\",\"ProviderName\",\"LogName\",\"RecordId\",\"MachineName\",\"TimeCreated\"\r\n\"a\r\nb\",\"36870\",\"Schannel\",\"System\",\"7\",\"SRV1\",\"21.11.2026 10:00:03\"\r\n",
        "Timestamp,RuleTitle,Level,Computer,Channel,EventID,RecordID,Details,ExtraFieldInfo\n2026-11-21 10:00:03.118 +00:00,Logoff,info,SRV1,RDS-LSM,24,412,User: CORP\\ana ¦ SessID: 3 ¦ SrcIP: 198.51.100.23,\n",
    ];
    texts.map(|t| t.as_bytes().to_vec()).into()
}
