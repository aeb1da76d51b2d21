//! Rows of one table to files: one per day, sorted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int32Array, RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sha2::{Digest as _, Sha256};

use super::manifest::Part;
use crate::error::LakeError;
use crate::schema::{DATE, Table};

/// Rows of a row group: what a reader that looks for one server reads at least.
const ROW_GROUP: usize = 128 << 10;
const MICROS_A_DAY: i64 = 86_400_000_000;

/// A file that was written aside, and where it belongs.
pub struct Written {
    /// Where it is.
    pub aside: PathBuf,
    /// What it will be.
    pub part: Part,
}

/// Writes rows of a table below the folder `aside`, a file per day, sorted by server, client and time. The same rows in the
/// same order give the same bytes.
///
/// # Errors
/// What cannot be written.
pub fn write_sorted(
    table: Table,
    rows: &[RecordBatch],
    aside: &Path,
) -> Result<Vec<Written>, LakeError> {
    let rows = concat_batches(&table.schema(), rows)?;
    if rows.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let days = days(&rows);
    let order = order(&rows, &days)?;
    let mut by_day: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for index in order.values() {
        let day = days.value(*index as usize);
        by_day.entry(day).or_default().push(*index);
    }
    let mut written = Vec::new();
    for (day, indices) in by_day {
        let rows = take_record_batch(&rows, &UInt32Array::from(indices))?;
        written.push(write(table, day, &rows, aside)?);
    }
    Ok(written)
}

/// The day of each row; rows without a time are of 1970-01-01.
fn days(rows: &RecordBatch) -> Int32Array {
    let time = rows.column_by_name("time");
    let time = time.and_then(|t| t.as_primitive_opt::<TimestampMicrosecondType>());
    (0..rows.num_rows())
        .map(|i| {
            let micros = time.filter(|t| t.is_valid(i)).map_or(0, |t| t.value(i));
            i32::try_from(micros.div_euclid(MICROS_A_DAY)).unwrap_or_default()
        })
        .map(Some)
        .collect()
}

fn order(rows: &RecordBatch, days: &Int32Array) -> Result<UInt32Array, LakeError> {
    let count = u32::try_from(rows.num_rows()).unwrap_or(u32::MAX);
    let column = |values: ArrayRef| SortColumn {
        values,
        options: None,
    };
    let named = |name: &str| rows.column_by_name(name).cloned();
    let mut columns = vec![column(Arc::new(days.clone()))];
    let by = ["server", "client", "time", "unit"];
    columns.extend(by.into_iter().filter_map(named).map(column));
    // Rows that are equal in all of it stay as they came.
    columns.push(column(Arc::new(UInt32Array::from_iter_values(0..count))));
    Ok(lexsort_to_indices(&columns, None)?)
}

fn write(table: Table, day: i32, rows: &RecordBatch, aside: &Path) -> Result<Written, LakeError> {
    let folder = format!("{}/{DATE}={}", table.name(), date(day));
    let path = aside.join(format!("{}-{day}.parquet", table.name()));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .set_created_by("rdpwhy".to_owned())
        .build();
    let file = File::create(&path).map_err(LakeError::io(&path))?;
    let hashing = Hashing {
        file,
        hash: Sha256::new(),
        bytes: 0,
        failed: None,
    };
    let mut writer = ArrowWriter::try_new(hashing, rows.schema(), Some(properties))?;
    let done = writer.write(rows).and_then(|()| writer.finish().map(drop));
    let hashing = writer.inner_mut();
    if let Some(kind) = hashing.failed.take() {
        // Parquet's own error would hide what the system said.
        return Err(LakeError::io(&path)(kind));
    }
    done?;
    hashing.file.sync_all().map_err(LakeError::io(&path))?;
    let sha256: String = hashing
        .hash
        .finalize_reset()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let name = sha256.get(..16).unwrap_or(&sha256);
    Ok(Written {
        part: Part {
            path: format!("{folder}/{name}.parquet"),
            bytes: hashing.bytes,
            sha256: sha256.clone(),
            rows: rows.num_rows() as u64,
        },
        aside: path,
    })
}

impl Written {
    /// Moves it to its place below the store.
    pub(super) fn place(&self, store: &Path) -> Result<(), LakeError> {
        let path = store.join(&self.part.path);
        let folder = path.parent().unwrap_or(store);
        fs::create_dir_all(folder).map_err(LakeError::io(folder))?;
        fs::rename(&self.aside, &path).map_err(LakeError::io(&path))?;
        super::manifest::sync_folder(folder)
    }
}

/// `2026-11-21` of a day counted from 1970.
fn date(day: i32) -> String {
    let moment = rdpwhy_parsers::Timestamp::from_unix(i64::from(day) * 86_400, 0);
    moment.to_string().get(..10).unwrap_or_default().to_owned()
}

/// A file whose bytes are hashed on their way.
struct Hashing {
    file: File,
    hash: Sha256,
    bytes: u64,
    failed: Option<io::Error>,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            Ok(n) => {
                self.hash.update(bytes.get(..n).unwrap_or_default());
                self.bytes += n as u64;
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => {
                let told = io::Error::new(e.kind(), e.to_string());
                self.failed.get_or_insert(told);
                Err(e)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
