//! Whether a store is what its manifest says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use arrow::array::AsArray as _;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest as _, Sha256};

use super::add::strays;
use super::manifest::{Manifest, Part};
use crate::error::LakeError;
use crate::schema::Table;

/// Checks every file of a local store against its manifest, and the rows of each input; what is wrong, a line each.
///
/// # Errors
/// A store that cannot be opened at all.
pub fn verify(store: &Path) -> Result<Vec<String>, LakeError> {
    let Some(manifest) = Manifest::read(store)? else {
        return Err(LakeError::NoStore(store.display().to_string()));
    };
    let mut wrong = Vec::new();
    let mut rows: BTreeMap<(Table, String), u64> = BTreeMap::new();
    for part in &manifest.parts {
        match check(store, part, &mut rows) {
            Ok(()) => {}
            Err(what) => wrong.push(format!("{}: {what}", part.path)),
        }
    }
    for input in &manifest.inputs {
        for (table, expected) in Table::ALL.into_iter().zip(input.rows) {
            let found = rows.remove(&(table, input.id.clone())).unwrap_or(0);
            if found != expected {
                wrong.push(format!(
                    "{} ({}): {found} rows of {expected} in the table {}",
                    input.unit,
                    input.id,
                    table.name()
                ));
            }
        }
    }
    for ((table, input), n) in rows {
        let table = table.name();
        wrong.push(format!(
            "{n} rows of the table {table} are of no evidence that was added: {input}"
        ));
    }
    for path in strays(store, &manifest)? {
        wrong.push(format!(
            "{}: does not count: a run that broke down left it, the next `store add` sweeps it away",
            path.display()
        ));
    }
    Ok(wrong)
}

fn check(
    store: &Path,
    part: &Part,
    rows: &mut BTreeMap<(Table, String), u64>,
) -> Result<(), String> {
    let table = Table::ALL
        .into_iter()
        .find(|t| part.path.split('/').next() == Some(t.name()))
        .ok_or("is of no table that is known")?;
    let plain = |p: &str| !p.is_empty() && p != ".." && !p.contains('\\');
    if !part.path.split('/').all(plain) {
        return Err("lies outside the store".to_owned());
    }
    let path = store.join(&part.path);
    let mut file = File::open(&path).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    if size != part.bytes {
        return Err(format!("has {size} bytes, and had {}", part.bytes));
    }
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).map_err(|e| e.to_string())? {
            0 => break,
            n => hash.update(buffer.get(..n).unwrap_or_default()),
        }
    }
    let found: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    if found != part.sha256 {
        return Err("was changed: its SHA-256 is another one".to_owned());
    }
    let told = |e: parquet::errors::ParquetError| e.to_string();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(told)?;
    for field in table.schema().fields() {
        if reader.schema().field_with_name(field.name()).is_err() {
            return Err(format!("has no column {}", field.name()));
        }
    }
    let only = ProjectionMask::columns(reader.parquet_schema(), ["input"]);
    let mut count = 0;
    for batch in reader.with_projection(only).build().map_err(told)? {
        let batch = batch.map_err(|e| e.to_string())?;
        let inputs = batch.column(0).as_string_opt::<i32>();
        for input in inputs.into_iter().flatten().flatten() {
            count += 1;
            *rows.entry((table, input.to_owned())).or_default() += 1;
        }
    }
    if count != part.rows {
        return Err(format!("has {count} rows, and had {}", part.rows));
    }
    Ok(())
}
