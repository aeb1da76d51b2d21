use super::*;
use crate::event::Guid;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

fn saw(batch: &mut EventBatch, host: &str, records: impl IntoIterator<Item = (u64, i64)>) {
    let log = batch.log(host, "System");
    for (record, time) in records {
        batch.saw(log, Timestamp(time), record);
        batch.trace(log, Timestamp(time), record, Became::Live);
    }
}

fn gaps_of(batch: &EventBatch, log: usize) -> Vec<(i64, i64, &'static str)> {
    let gaps = batch.logs.get(log).map(|l| l.gaps.as_slice());
    gaps.unwrap_or_default()
        .iter()
        .map(|g| (g.from.0, g.to.0, g.why))
        .collect()
}

#[test]
fn a_whole_log_has_no_gap_and_a_wrapped_one_no_past() {
    let mut batch = EventBatch::default();
    saw(&mut batch, "A", (1..50).map(|n| (n, MINUTE)));
    saw(&mut batch, "B", (70..90).map(|n| (n, MINUTE)));
    finish(&mut batch);
    assert_eq!(gaps_of(&batch, 0), []);
    assert_eq!(gaps_of(&batch, 1), [(MINUTE, MINUTE, "rolled-over")]);
}

#[test]
fn holes_are_found_in_chunks_of_any_order() {
    let mut batch = EventBatch::default();
    saw(&mut batch, "A", [(8, 80), (9, 90)]);
    saw(&mut batch, "A", [(1, 10), (2, 20), (3, 30)]);
    finish(&mut batch);
    assert_eq!(gaps_of(&batch, 0), [(30, 80, "records-missing")]);
}

#[test]
fn a_filtered_export_has_one_gap_over_single_records() {
    let mut batch = EventBatch::default();
    saw(&mut batch, "A", [(1, 10), (5, 50), (9, 90)]);
    finish(&mut batch);
    assert_eq!(gaps_of(&batch, 0), [(10, 90, "records-missing")]);
}

#[test]
fn numbers_may_start_again() {
    let mut batch = EventBatch::default();
    saw(&mut batch, "A", (1..5).map(|n| (n, MINUTE)));
    saw(&mut batch, "A", (1..9).map(|n| (n, 2 * MINUTE)));
    finish(&mut batch);
    assert_eq!(gaps_of(&batch, 0), []);
}

#[test]
fn a_renamed_machine_goes_on_counting() {
    let mut batch = EventBatch::default();
    saw(&mut batch, "WIN-SETUP", (1..5).map(|n| (n, MINUTE)));
    saw(&mut batch, "SRV01", (5..9).map(|n| (n, 2 * MINUTE)));
    saw(&mut batch, "WIN-SETUP", [(9, 3 * MINUTE)]);
    finish(&mut batch);
    assert_eq!(gaps_of(&batch, 0), []);
    assert_eq!(gaps_of(&batch, 1), []);
}

#[test]
fn a_clearing_is_told_on_the_log_that_was_cleared() {
    let mut batch = EventBatch::default();
    saw(&mut batch, "A", [(7, 10), (8, 20)]);
    let log = batch.log("A", "System");
    for channel in ["System", "Application"] {
        batch
            .push(LOG_CLEARED, log, Timestamp(11), 7, Guid::default())
            .text(CHANNEL, channel);
    }
    finish(&mut batch);
    assert_eq!(gaps_of(&batch, 0), [(11, 11, "log-cleared")]);
    assert_eq!(gaps_of(&batch, 1), [(11, 11, "log-cleared")]);
    let other = batch.logs.get(1).map(|l| (l.channel.as_str(), l.records));
    assert_eq!(other, Some(("Application", 0)));
}

#[test]
fn a_recovered_copy_of_a_live_record_is_dropped_and_an_old_record_kept() {
    let mut batch = EventBatch::default();
    saw(&mut batch, "A", (100..110).map(|n| (n, MINUTE)));
    for (record, time) in [(105, MINUTE), (50, SECOND)] {
        let log = batch.log("A", "System");
        batch.saw(log, Timestamp(time), record);
        batch.push(LOG_CLEARED, log, Timestamp(time), record, Guid::default());
        let index = batch.events.len() - 1;
        batch.trace(log, Timestamp(time), record, Became::RecoveredEvent(index));
    }
    finish(&mut batch);
    let kept: Vec<u64> = batch.events.iter().map(|e| e.place).collect();
    assert_eq!((kept, batch.recovered), (vec![50], 1));
    assert!(batch.event(0).is_some_and(crate::EventRef::is_recovered));
    assert_eq!(batch.logs.first().map(|l| l.records), Some(11));
    let expected = [
        (SECOND, SECOND, "rolled-over"),
        (SECOND, MINUTE, "records-missing"),
    ];
    assert_eq!(gaps_of(&batch, 0), expected);
}
