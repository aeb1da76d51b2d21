use crate::batch::EventBatch;
use crate::export::{Form, LONGEST_RECORD, read};
use crate::kind::Field;

const LSM: &str = "Microsoft-Windows-TerminalServices-LocalSessionManager";

fn parsed(text: &str) -> EventBatch {
    read(&text.as_bytes(), Form::Json, None)
}

/// Kind, time, host, record number and the named fields of the only event.
fn only(text: &str, fields: &[&str]) -> (String, Vec<String>) {
    let batch = parsed(text);
    assert_eq!(batch.events.len(), 1, "{text}: {:?}", batch.defects);
    let event = batch.event(0).expect("one");
    let values = fields.iter().map(|name| {
        let field = Field::named(name).expect("a field of the catalogue");
        event
            .get(field)
            .map_or_else(|| "-".to_owned(), |v| format!("{v:?}"))
    });
    let head = format!(
        "{} {} {} {}",
        event.event.kind,
        event.event.time,
        event.log().map(|l| l.host.as_str()).unwrap_or_default(),
        event.event.place
    );
    (head, values.collect())
}

#[test]
fn evtx_dump_in_all_its_layouts() {
    let record = |n: u32| {
        format!(
            r##"{{"Event":{{"#attributes":{{"xmlns":"http://schemas.microsoft.com/win/2004/08/events/event"}},"System":{{"Provider":{{"#attributes":{{"Name":"{LSM}"}}}},"EventID":24,"TimeCreated":{{"#attributes":{{"SystemTime":"2026-11-19T08:12:33.4567891Z"}}}},"EventRecordID":{n},"Channel":"{LSM}/Operational","Computer":"SRV01"}},"UserData":{{"EventXML":{{"User":"a \"}} b","SessionID":3,"Address":"198.51.100.23"}}}}}}}}"##
        )
    };
    let indented = |n| {
        let value: serde_json::Value = serde_json::from_str(&record(n)).expect("JSON");
        serde_json::to_string_pretty(&value).expect("JSON")
    };
    let forms = [
        format!("{}\n{}\n", record(1), record(2)),
        format!("{}{}", record(1), record(2)),
        format!("[{},{}]", record(1), record(2)),
        format!("[\n{},\n{}\n]\n", record(1), record(2)),
        format!(
            "Record 1\r\n{}\r\nRecord 2\r\n{}\r\n",
            indented(1),
            indented(2)
        ),
        format!("{{\"value\":[{},{}],\"Count\":2}}", record(1), record(2)),
        format!(
            "{{\"hits\":{{\"total\":2,\"hits\":[{{\"_source\":{}}},{}]}}}}",
            record(1),
            record(2)
        ),
    ];
    for form in forms {
        let batch = parsed(&form);
        assert_eq!(batch.defects, [], "{form}");
        let places: Vec<u64> = batch.events.iter().map(|e| e.place).collect();
        assert_eq!(places, [1, 2], "{form}");
        assert_eq!(
            batch.event(0).and_then(|e| e.text(Field::of("user"))),
            Some("a \"} b")
        );
    }
}

#[test]
fn torn_lines_cost_themselves_only() {
    let record = format!(
        r##"{{"Event":{{"System":{{"Provider":{{"#attributes":{{"Name":"{LSM}"}}}},"EventID":24,"TimeCreated":{{"#attributes":{{"SystemTime":"2026-11-19T08:12:33Z"}}}},"EventRecordID":7,"Channel":"x","Computer":"SRV01"}}}}}}"##
    );
    for at in [1, 9, 30, 52, 100, record.len() - 1] {
        let batch = parsed(&format!("{}\n{record}\n", &record[..at]));
        assert_eq!(batch.events.len(), 1, "cut at {at}");
        assert_eq!(batch.defects.len(), 1, "cut at {at}");
        assert_eq!(batch.defects[0].at, "line 1");
    }
    let batch = parsed(&format!("{record}\nnot JSON\nnor this\n{}", &record[..50]));
    let defects: Vec<_> = batch
        .defects
        .iter()
        .map(|d| (d.at.as_str(), d.lost))
        .collect();
    assert_eq!(defects, [("line 2", 2), ("line 4", 1)]);
}

#[test]
fn an_endless_object_is_left_out() {
    let batch = parsed(&format!(
        "{{\"a\":\"{}\"}}\n{{\"b\":1}}",
        "x".repeat(LONGEST_RECORD)
    ));
    assert_eq!(batch.defects.len(), 2);
    assert!(batch.defects[0].what.contains("16 MiB"));
    assert_eq!(batch.defects[1].what, "an object is no event record");
}

#[test]
fn velociraptor_numbers_are_what_windows_wrote() {
    let (head, values) = only(
        r#"{"System":{"Provider":{"Name":"Microsoft-Windows-Security-Auditing","Guid":"x"},"EventID":{"Value":4624},"Version":2,"TimeCreated":{"SystemTime":1549462715.946133},"EventRecordID":31880,"Correlation":{"ActivityID":"02277543-BEAA-0000-BB75-2702AABED401"},"Execution":{"ProcessID":676},"Channel":"Security","Computer":"SRV01"},"EventData":{"TargetUserName":"ana","TargetLogonId":6003213,"LogonType":10,"IpAddress":"198.51.100.23","ProcessId":4764}}"#,
        &["logon_id", "logon_type", "client_ip"],
    );
    assert_eq!(
        head,
        "logon.succeeded 2019-02-06T14:18:35.946133000Z SRV01 31880"
    );
    assert_eq!(values, ["Text(\"5b9a0d\")", "Int(10)", "Ip(198.51.100.23)"]);
}

#[test]
fn evtxecmd_payloads_are_read() {
    let (head, values) = only(
        r##"{"PayloadData1":"Target: CORP\\ana","MapDescription":"Successful logon","ChunkNumber":0,"Computer":"SRV01","Payload":"{\"EventData\":{\"Data\":[{\"@Name\":\"TargetUserName\",\"#text\":\"ana\"},{\"@Name\":\"TargetLogonId\",\"#text\":\"0x5B9A0D\"},{\"@Name\":\"IpAddress\",\"#text\":\"198.51.100.23\"},{\"@Name\":\"IpPort\"}]}}","Channel":"Security","Provider":"Microsoft-Windows-Security-Auditing","EventId":4624,"EventRecordId":"412","ProcessId":580,"TimeCreated":"2026-11-19 08:12:33.4567891","RecordNumber":1}"##,
        &["user", "logon_id", "client_ip", "client_port"],
    );
    assert_eq!(
        head,
        "logon.succeeded 2026-11-19T08:12:33.456789100Z SRV01 412"
    );
    assert_eq!(
        values,
        [
            "Text(\"ana\")",
            "Text(\"5b9a0d\")",
            "Ip(198.51.100.23)",
            "-"
        ]
    );
    let user_data = r#"{"Payload":"{\"UserData\":{\"EventXML\":{\"@xmlns\":\"Event_NS\",\"User\":\"CORP\\\\ana\",\"SessionID\":\"3\",\"Address\":\"198.51.100.23\"}}}","Channel":"x","Provider":"Microsoft-Windows-TerminalServices-LocalSessionManager","EventId":24,"EventRecordId":"5","TimeCreated":"2026-11-19T08:12:33.0000000+00:00","Computer":"SRV01"}"#;
    assert_eq!(
        only(user_data, &["user", "session_id"]).1,
        ["Text(\"CORP\\\\ana\")", "Int(3)"]
    );
}

#[test]
fn winlogbeat_nested_and_dotted() {
    let nested = r#"{"@timestamp":"2026-11-19T08:12:33.456Z","event":{"code":"24","provider":"Microsoft-Windows-TerminalServices-LocalSessionManager"},"host":{"name":"srv01"},"winlog":{"channel":"Microsoft-Windows-TerminalServices-LocalSessionManager/Operational","computer_name":"SRV01","event_id":"24","record_id":"40001","provider_name":"Microsoft-Windows-TerminalServices-LocalSessionManager","activity_id":"{f4202f30-8c5a-4d3b-9d38-0123456789ab}","process":{"pid":3452},"user_data":{"Address":"198.51.100.23","SessionID":"101","User":"CORP\\ana","xml_name":"EventXML"}}}"#;
    let dotted = r#"{"_source":{"@timestamp":"2026-11-19T08:12:33.456Z","winlog.channel":"x","winlog.computer_name":"SRV01","winlog.event_id":24,"winlog.record_id":40001,"winlog.provider_name":"Microsoft-Windows-TerminalServices-LocalSessionManager","winlog.user_data.Address":"198.51.100.23","winlog.user_data.SessionID":"101","winlog.user_data.User":"CORP\\ana"}}"#;
    for form in [nested, dotted] {
        let (head, values) = only(form, &["user", "session_id", "client_ip"]);
        assert_eq!(
            head,
            "session.disconnected 2026-11-19T08:12:33.456000000Z SRV01 40001"
        );
        assert_eq!(
            values,
            ["Text(\"CORP\\\\ana\")", "Int(101)", "Ip(198.51.100.23)"]
        );
    }
    // Values without names are numbered.
    let lsasrv = r#"{"@timestamp":"2026-11-19T08:12:33.456Z","winlog":{"computer_name":"SRV01","event_id":6041,"record_id":1,"provider_name":"LsaSrv","channel":"System","event_data":{"param1":"TERMSRV/SRV02","param2":"0x5"}}}"#;
    assert_eq!(only(lsasrv, &["target"]).1, ["Text(\"TERMSRV/SRV02\")"]);
}

#[test]
fn powershell_values_get_their_names_where_the_order_is_known() {
    let record = |time: &str, version: u32, properties: &str| {
        format!(
            "[\r\n    {{\r\n        \"Id\":  24,\r\n        \"Version\":  {version},\r\n        \"RecordId\":  812,\r\n        \
             \"ProviderName\":  \"{LSM}\",\r\n        \"LogName\":  \"{LSM}/Operational\",\r\n        \"ProcessId\":  1,\r\n        \
             \"MachineName\":  \"SRV01\",\r\n        \"UserId\":  {{\"BinaryLength\": 12, \"Value\": \"S-1-5-18\"}},\r\n        \
             \"TimeCreated\":  {time},\r\n        \"ActivityId\":  null,\r\n        \"Properties\":  [{properties}],\r\n        \
             \"Message\":  \"\"\r\n    }}\r\n]"
        )
    };
    let values = r#"{"Value": "CORP\\ana"}, {"Value": 3}, {"Value": "198.51.100.23"}"#;
    let fields = ["user", "session_id", "client_ip"];
    let five = record(r#""\/Date(1795075953456)\/""#, 0, values);
    let seven = record(r#""2026-11-19T09:12:33.456+01:00""#, 0, values);
    for form in [five, seven] {
        let (head, values) = only(&form, &fields);
        assert_eq!(
            head,
            "session.disconnected 2026-11-19T08:12:33.456000000Z SRV01 812"
        );
        assert_eq!(
            values,
            ["Text(\"CORP\\\\ana\")", "Int(3)", "Ip(198.51.100.23)"]
        );
    }
    let shallow = r#""System.Diagnostics.Eventing.Reader.EventProperty", "System.Diagnostics.Eventing.Reader.EventProperty""#;
    for (version, properties, told) in [
        (0, shallow, "-Depth 4"),
        (0, r#"{"Value": "CORP\\ana"}"#, "order is not known"),
        (9, values, "order is not known"),
    ] {
        let batch = parsed(&record("\"2026-11-19T08:12:33Z\"", version, properties));
        assert_eq!(batch.events.len(), 1);
        assert_eq!(batch.event(0).and_then(|e| e.text(Field::of("user"))), None);
        assert!(batch.defects[0].what.contains(told), "{:?}", batch.defects);
        assert_eq!(batch.defects[0].lost, 0);
    }
}

#[test]
fn hayabusa_rows_are_one_record_each() {
    let row = |rule: &str, details: &str| {
        format!(
            r#"{{"Timestamp":"2026-11-19 09:12:33.456 +01:00","RuleTitle":"{rule}","Level":"info","Computer":"SRV01","Channel":"Sec","EventID":4624,"RecordID":77,"Details":{details}}}"#
        )
    };
    let text = format!(
        "{}\n{}",
        row(
            "Logon (Network)",
            r#"{"Type":"3 - NETWORK","TgtUser":"ana","SrcIP":"198.51.100.23","LID":"0x5b9a0d"}"#
        ),
        row("Other", r#""Type: 3 - NETWORK ¦ TgtUser: ana""#)
    );
    let (head, values) = only(&text, &["logon_type", "user", "client_ip", "logon_id"]);
    assert_eq!(
        head,
        "logon.succeeded 2026-11-19T08:12:33.456000000Z SRV01 77"
    );
    assert_eq!(
        values,
        [
            "Int(3)",
            "Text(\"ana\")",
            "Ip(198.51.100.23)",
            "Text(\"5b9a0d\")"
        ]
    );
}

#[test]
fn hostile_objects_are_told_and_nothing_else() {
    for text in [
        "{}",
        "{\"Event\":{\"System\":[]}}",
        "{\"winlog\":1}",
        "{\"ProviderName\":1,\"Id\":\"x\",\"Properties\":[[[]]]}",
        "{\"Provider\":{},\"EventId\":-1,\"Payload\":\"[]\"}",
        "{\"System\":{\"Provider\":{\"Name\":\"x\"},\"EventID\":{\"Value\":1e99},\"TimeCreated\":{\"SystemTime\":1e99}}}",
        "{\"RuleTitle\":\"\",\"EventID\":5,\"Timestamp\":\"\"}",
        "{\"hits\":{\"hits\":{\"hits\":{\"hits\":{\"hits\":[]}}}}}",
        "{\"a\"",
        "}}}]]]",
        "{\"\\ud800\":1}",
    ] {
        let batch = parsed(text);
        assert!(batch.events.is_empty(), "{text}");
        assert!(!batch.defects.is_empty(), "{text}");
    }
    let deep = format!("{}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert_eq!(parsed(&deep).defects.len(), 1);
}
