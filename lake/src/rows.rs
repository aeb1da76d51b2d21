//! From a judged case to rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, ListBuilder, MapBuilder, MapFieldNames, RecordBatch,
    StringBuilder, StructBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::Field;
use arrow::error::ArrowError;
use rdpwhy_analyzer::Timeline;
use rdpwhy_analyzer::evidence::{At, SourceEvents};
use rdpwhy_analyzer::report::{AttemptReport, Endpoint, Report, VerdictReport};
use rdpwhy_parsers::Timestamp;

use crate::line::{Line, of};
use crate::schema::{Table, change_fields};

/// Of which unit and evidence rows are.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// Unit.
    pub unit: &'a str,
    /// Id of its evidence.
    pub input: &'a str,
}

/// Texts and numbers of a column.
fn texts() -> StringBuilder {
    StringBuilder::new()
}

/// Moments of a column.
fn moments() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::new().with_timezone("UTC")
}

fn names() -> MapFieldNames {
    MapFieldNames {
        entry: "key_value".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    }
}

/// Microseconds, towards the past.
fn micros(t: Timestamp) -> i64 {
    t.0.div_euclid(1000)
}

/// A time of the report.
fn told(time: Option<&String>) -> Option<i64> {
    time.and_then(|t| Timestamp::parse(t)).map(micros)
}

/// A number as the tables have it. Larger ones stand in damaged records only; the column `event` has them exactly.
fn signed(n: u64) -> Option<i64> {
    i64::try_from(n).ok()
}

/// What every table begins with.
struct Lead<'a> {
    of: Of<'a>,
    unit: StringBuilder,
    input: StringBuilder,
    server: StringBuilder,
    client: StringBuilder,
    time: TimestampMicrosecondBuilder,
}

impl<'a> Lead<'a> {
    fn new(of: Of<'a>) -> Self {
        Self {
            of,
            unit: texts(),
            input: texts(),
            server: texts(),
            client: texts(),
            time: moments(),
        }
    }

    fn row(&mut self, server: Option<&str>, client: Option<&str>, time: Option<i64>) {
        self.unit.append_value(self.of.unit);
        self.input.append_value(self.of.input);
        self.server.append_option(server);
        self.client.append_option(client);
        self.time.append_option(time);
    }

    fn batch(mut self, table: Table, rest: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.unit.finish()),
            Arc::new(self.input.finish()),
            Arc::new(self.server.finish()),
            Arc::new(self.client.finish()),
            Arc::new(self.time.finish()),
        ];
        columns.extend(rest);
        RecordBatch::try_new(table.schema(), columns)
    }
}

/// The columns of events.
struct Events<'a> {
    lead: Lead<'a>,
    row: StringBuilder,
    source_time: TimestampMicrosecondBuilder,
    host: StringBuilder,
    channel: StringBuilder,
    provider: StringBuilder,
    event_id: Int64Builder,
    kind: StringBuilder,
    side: StringBuilder,
    stage: StringBuilder,
    says: StringBuilder,
    values: MapBuilder<StringBuilder, StringBuilder>,
    source: StringBuilder,
    record: Int64Builder,
    packet: Int64Builder,
    attempt: StringBuilder,
    recovered: BooleanBuilder,
    event: StringBuilder,
}

/// The table `event` of a judged case.
///
/// # Errors
/// When there are more rows than an array can hold.
pub fn events(of_case: Of<'_>, timeline: &Timeline<'_>) -> Result<RecordBatch, ArrowError> {
    let mut rows = Events {
        lead: Lead::new(of_case),
        row: texts(),
        source_time: moments(),
        host: texts(),
        channel: texts(),
        provider: texts(),
        event_id: Int64Builder::new(),
        kind: texts(),
        side: texts(),
        stage: texts(),
        says: texts(),
        values: MapBuilder::new(Some(names()), texts(), texts()),
        source: texts(),
        record: Int64Builder::new(),
        packet: Int64Builder::new(),
        attempt: texts(),
        recovered: BooleanBuilder::new(),
        event: texts(),
    };
    for (source, number) in timeline.evidence().sources.iter().zip(0u32..) {
        rows.beside(source)?;
        for (event, index) in source.batch.iter().zip(0u32..) {
            let at = At {
                source: number,
                index,
            };
            let Some(entry) = timeline.at(at) else {
                continue;
            };
            let attempt = entry.attempt.and_then(|a| timeline.attempt(a));
            // An event of no attempt stands with its own computer, where that is a server.
            let server = attempt.as_ref().map(|a| a.server.as_str());
            let server = server.or(entry.host.filter(|_| entry.side == "server"));
            let client = attempt.as_ref().filter(|a| a.client_known);
            rows.lead.row(
                server,
                client.map(|a| a.client_host.as_str()),
                Some(micros(entry.time)),
            );
            rows.row.append_value("event");
            rows.source_time.append_value(micros(entry.raw));
            rows.host.append_option(entry.host);
            rows.channel.append_value(entry.channel);
            rows.provider.append_option(entry.origin.map(|(p, _)| p));
            rows.event_id
                .append_option(entry.origin.map(|(_, id)| i64::from(id)));
            rows.kind.append_value(entry.kind);
            rows.side.append_value(entry.side);
            rows.stage.append_option(entry.stage);
            rows.says.append_value(&entry.says);
            for (name, value) in &entry.values {
                rows.values.keys().append_value(name);
                rows.values.values().append_value(value);
            }
            rows.values.append(true)?;
            rows.source.append_value(&source.label);
            let place = signed(entry.place);
            let is_record = entry.origin.is_some();
            rows.record.append_option(place.filter(|_| is_record));
            rows.packet.append_option(place.filter(|_| !is_record));
            rows.attempt.append_option(attempt.map(|a| a.id));
            rows.recovered.append_value(entry.recovered);
            let line = Line::event(of(source), u64::from(index), event, entry.raw);
            rows.event.append_value(line.text());
        }
    }
    rows.batch()
}

impl Events<'_> {
    /// The rows of what a source told beside its events.
    fn beside(&mut self, source: &SourceEvents) -> Result<(), ArrowError> {
        let logs = || source.batch.logs.iter().filter(|l| l.first <= l.last);
        let first = logs().map(|l| l.first).min().map(micros);
        self.told(
            source,
            "source",
            first,
            None,
            &Line::source(of(source), source),
        )?;
        for (log, number) in source.batch.logs.iter().zip(0u32..) {
            let first = Some(micros(log.first))
                .filter(|_| log.first <= log.last)
                .or(first);
            let line = Line::log(of(source), number, log);
            self.told(source, "log", first, Some(log), &line)?;
        }
        for (defect, n) in source.batch.defects.iter().zip(0u64..) {
            let line = Line::Defect {
                of: of(source),
                n,
                at: defect.at.clone(),
                what: defect.what.clone(),
                lost: defect.lost,
            };
            self.told(source, "defect", first, None, &line)?;
        }
        Ok(())
    }

    fn told(
        &mut self,
        source: &SourceEvents,
        row: &str,
        time: Option<i64>,
        log: Option<&rdpwhy_parsers::Log>,
        line: &Line<'_>,
    ) -> Result<(), ArrowError> {
        self.lead.row(None, None, time);
        self.row.append_value(row);
        self.source_time.append_option(time);
        let host = log.map(|l| l.host.as_str()).filter(|h| !h.is_empty());
        self.host.append_option(host);
        self.channel.append_option(log.map(|l| l.channel.as_str()));
        self.provider.append_null();
        self.event_id.append_null();
        self.kind.append_null();
        self.side.append_null();
        self.stage.append_null();
        let says = match line {
            Line::Source { format, bytes, .. } => format!("{format}, {bytes} bytes"),
            Line::Log { records, gaps, .. } => format!("{records} records, {} gaps", gaps.len()),
            Line::Defect { at, what, .. } => format!("{at}: {what}"),
            Line::Event { .. } => String::new(),
        };
        self.says.append_value(says);
        self.values.append(true)?;
        self.source.append_value(&source.label);
        self.record.append_null();
        self.packet.append_null();
        self.attempt.append_null();
        self.recovered.append_value(false);
        self.event.append_value(line.text());
        Ok(())
    }

    fn batch(mut self) -> Result<RecordBatch, ArrowError> {
        self.lead.batch(
            Table::Event,
            vec![
                Arc::new(self.row.finish()),
                Arc::new(self.source_time.finish()),
                Arc::new(self.host.finish()),
                Arc::new(self.channel.finish()),
                Arc::new(self.provider.finish()),
                Arc::new(self.event_id.finish()),
                Arc::new(self.kind.finish()),
                Arc::new(self.side.finish()),
                Arc::new(self.stage.finish()),
                Arc::new(self.says.finish()),
                Arc::new(self.values.finish()),
                Arc::new(self.source.finish()),
                Arc::new(self.record.finish()),
                Arc::new(self.packet.finish()),
                Arc::new(self.attempt.finish()),
                Arc::new(self.recovered.finish()),
                Arc::new(self.event.finish()),
            ],
        )
    }
}

/// Name, else address.
fn called(end: &Endpoint) -> Option<&str> {
    end.host.as_deref().or(end.ip.as_deref())
}

/// The table `attempt` of a report.
///
/// # Errors
/// When there are more rows than an array can hold.
pub fn attempts(of_case: Of<'_>, report: &Report) -> Result<RecordBatch, ArrowError> {
    let causes: BTreeMap<&str, &str> = report
        .verdicts
        .iter()
        .filter_map(|v| Some((v.id.as_str(), v.cause.as_deref()?)))
        .collect();
    let mut lead = Lead::new(of_case);
    let mut codes = MapBuilder::new(Some(names()), texts(), Int64Builder::new());
    for a in &report.attempts {
        let time = told(Some(&a.started));
        lead.row(called(&a.server), called(&a.client), time);
        for (name, code) in &a.codes {
            codes.keys().append_value(name);
            codes.values().append_value(*code);
        }
        codes.append(true)?;
    }
    let all = &report.attempts;
    let text = |value: fn(&AttemptReport) -> Option<&str>| column(all.iter().map(value));
    let cause = |a: &AttemptReport| causes.get(a.verdict.as_deref()?).copied();
    let moment = |value: fn(&AttemptReport) -> Option<&String>| -> ArrayRef {
        let mut column = moments();
        column.extend(all.iter().map(|a| told(value(a))));
        Arc::new(column.finish())
    };
    let number = |value: fn(&AttemptReport) -> Option<i64>| -> ArrayRef {
        let mut column = Int64Builder::new();
        column.extend(all.iter().map(value));
        Arc::new(column.finish())
    };
    let rest = vec![
        text(|a| Some(&a.id)),
        text(|a| a.part_of.as_deref()),
        number(|a| signed(a.count)),
        text(|a| a.client.ip.as_deref()),
        number(|a| a.client.port.map(i64::from)),
        text(|a| a.client.host.as_deref()),
        text(|a| a.server.ip.as_deref()),
        number(|a| a.server.port.map(i64::from)),
        text(|a| a.server.host.as_deref()),
        text(|a| a.user.as_deref()),
        moment(|a| Some(&a.started)),
        moment(|a| a.ended.as_ref()),
        text(|a| Some(a.outcome)),
        text(|a| Some(a.stage)),
        text(|a| Some(a.closed_by)),
        text(|a| Some(a.closed_how)),
        Arc::new(codes.finish()),
        text(|a| a.verdict.as_deref()),
        column(all.iter().map(cause)),
    ];
    lead.batch(Table::Attempt, rest)
}

fn column<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut column = texts();
    column.extend(values);
    Arc::new(column.finish())
}

/// The table `verdict` of a report.
///
/// # Errors
/// When there are more rows than an array can hold.
pub fn verdicts(of_case: Of<'_>, report: &Report) -> Result<RecordBatch, ArrowError> {
    let ends: BTreeMap<&str, &AttemptReport> =
        report.attempts.iter().map(|a| (a.id.as_str(), a)).collect();
    let mut lead = Lead::new(of_case);
    let mut changes = changes_builder();
    for v in &report.verdicts {
        let first = v.attempts.first().and_then(|id| ends.get(id.as_str()));
        // Of a verdict on many clients none is the client.
        let client = first.filter(|_| v.clients == 1);
        let server = first.and_then(|a| called(&a.server));
        lead.row(
            server.or(v.host.as_deref()),
            client.and_then(|a| called(&a.client)),
            told(v.first.as_ref()),
        );
        for change in &v.changes {
            let entry = changes.values();
            if let Some(time) = entry.field_builder::<TimestampMicrosecondBuilder>(0) {
                time.append_option(told(Some(&change.time)));
            }
            if let Some(event) = entry.field_builder::<StringBuilder>(1) {
                event.append_option(change.event.as_deref());
            }
            if let Some(says) = entry.field_builder::<StringBuilder>(2) {
                says.append_value(&change.says);
            }
            entry.append(true);
        }
        changes.append(true);
    }
    let all = &report.verdicts;
    let text = |value: fn(&VerdictReport) -> Option<&str>| column(all.iter().map(value));
    let moment = |value: fn(&VerdictReport) -> Option<&String>| -> ArrayRef {
        let mut column = moments();
        column.extend(all.iter().map(|v| told(value(v))));
        Arc::new(column.finish())
    };
    let number = |value: fn(&VerdictReport) -> u64| -> ArrayRef {
        let mut column = Int64Builder::new();
        column.extend(all.iter().map(|v| signed(value(v))));
        Arc::new(column.finish())
    };
    let json: Vec<String> = all.iter().map(json).collect();
    let rest = vec![
        text(|v| Some(&v.id)),
        text(|v| Some(v.severity)),
        text(|v| v.cause.as_deref()),
        text(|v| Some(&v.title)),
        text(|v| v.confidence),
        text(|v| v.host.as_deref()),
        moment(|v| v.first.as_ref()),
        moment(|v| v.last.as_ref()),
        number(|v| v.attempts.len() as u64),
        number(|v| v.tries),
        number(|v| v.clients),
        text(|v| Some(&v.summary)),
        text(|v| v.remedy.as_ref().map(|r| r.summary.as_str())),
        moment(|v| v.last_good.as_ref()),
        Arc::new(changes.finish()),
        column(json.iter().map(|j| Some(j.as_str()))),
    ];
    lead.batch(Table::Verdict, rest)
}

/// The verdict as it stands in the report.
fn json(verdict: &VerdictReport) -> String {
    serde_json::to_string(verdict).unwrap_or_default()
}

fn changes_builder() -> ListBuilder<StructBuilder> {
    let fields = change_fields();
    let builders: Vec<Box<dyn arrow::array::ArrayBuilder>> =
        vec![Box::new(moments()), Box::new(texts()), Box::new(texts())];
    let item = Field::new(
        "element",
        arrow::datatypes::DataType::Struct(fields.clone().into()),
        false,
    );
    ListBuilder::new(StructBuilder::new(fields, builders)).with_field(item)
}
