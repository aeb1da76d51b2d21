//! One case: read, judged, and told as rows.

use rdpwhy_analyzer::evidence::{Evidence, SourceEvents};
use rdpwhy_analyzer::pipeline::{self, Means};
use rdpwhy_analyzer::{Knowledge, Options, Progress, Report};

use arrow::array::RecordBatch;

use crate::batch::Sources;
use crate::error::LakeError;
use crate::open::Opened;
use crate::rows::{self, Of};
use crate::schema::Table;

/// Reads and judges cases, each by itself.
pub struct Judge {
    knowledge: Knowledge,
    options: Options,
}

/// The rows of a case.
pub struct Case {
    /// Unit.
    pub label: String,
    /// Id of its evidence: 12 hex digits.
    pub input: String,
    /// Its sources.
    pub files: Vec<File>,
    /// What could not be read, a line each.
    pub problems: Vec<String>,
    /// Its rows.
    pub tables: [RecordBatch; 3],
}

/// A source of a case.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct File {
    /// Path as given.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hex digits; none where it could not be read to its end.
    pub sha256: Option<String>,
    /// Events in it.
    pub events: u64,
}

impl Case {
    /// The rows of a table.
    pub fn table(&self, table: Table) -> &RecordBatch {
        let [event, attempt, verdict] = &self.tables;
        match table {
            Table::Event => event,
            Table::Attempt => attempt,
            Table::Verdict => verdict,
        }
    }
}

impl Judge {
    /// With these causes. `options` limit nothing that goes into a store; their threads and their zone are used.
    pub fn new(knowledge: Knowledge, options: Options) -> Self {
        Self { knowledge, options }
    }

    /// Reads what was opened.
    pub fn read(&self, opened: &Opened, progress: &dyn Progress) -> Vec<SourceEvents> {
        let means = Means {
            secrets: &opened.secrets,
            zone: self.options.zone.as_ref(),
            hash: true,
        };
        pipeline::within(self.options.threads, || {
            pipeline::read(&opened.sources, &means, progress)
        })
    }

    /// Judges sources that were read, and tells all of it as rows.
    ///
    /// # Errors
    /// When an embedded data file is wrong, or a case has more rows than an array can hold.
    pub fn tell(&self, opened: &Opened, read: Vec<SourceEvents>) -> Result<Case, LakeError> {
        let (input, files) = input(opened, &read);
        let defects = read
            .iter()
            .flat_map(|s| s.batch.defects.iter().map(move |d| (s, d)))
            .map(|(s, d)| format!("{}: {}: {}", s.label, d.at, d.what));
        let problems = opened.problems.iter().cloned().chain(defects).collect();
        let of = Of {
            unit: &opened.label,
            input: &input,
        };
        let tables = self.judged(read, |report, timeline| {
            Ok::<_, LakeError>([
                rows::events(of, timeline)?,
                rows::attempts(of, &report)?,
                rows::verdicts(of, &report)?,
            ])
        })??;
        Ok(Case {
            label: opened.label.clone(),
            input: input.clone(),
            files,
            problems,
            tables,
        })
    }

    /// The report on lines of the column `event`, which are of one case.
    ///
    /// # Errors
    /// A text that is no such line, or an embedded data file that is wrong.
    pub fn report<'a>(
        &self,
        lines: impl IntoIterator<Item = &'a str>,
    ) -> Result<Report, LakeError> {
        let mut sources = Sources::default();
        for line in lines {
            sources.add(line).map_err(LakeError::Asked)?;
        }
        self.judged(sources.finish(), |report, _| report)
    }

    fn judged<T>(
        &self,
        read: Vec<SourceEvents>,
        tell: impl FnOnce(Report, &rdpwhy_analyzer::Timeline<'_>) -> T,
    ) -> Result<T, LakeError> {
        rdpwhy_analyzer::report_and_timeline_of(
            Evidence::new(read),
            &self.knowledge,
            &self.options,
            tell,
        )
        .map_err(|e| LakeError::Knowledge(e.to_string()))
    }
}

/// The id of the evidence of a case, and its files.
pub fn input(opened: &Opened, read: &[SourceEvents]) -> (String, Vec<File>) {
    let file = |s: &SourceEvents| File {
        path: s.label.clone(),
        bytes: s.bytes,
        sha256: s.sha256.clone(),
        events: s.batch.events.len() as u64,
    };
    let files: Vec<File> = read.iter().map(file).collect();
    (input_id(&opened.label, &files), files)
}

/// The id of a case's evidence: what it is called and what its files hold, wherever they lie. A case that is given as `case/`
/// and as `/evidence/case` is one.
fn input_id(label: &str, files: &[File]) -> String {
    use sha2::{Digest as _, Sha256};
    let name = label.trim_end_matches('/');
    let name = name.rsplit('/').next().unwrap_or(name);
    let mut hashes: Vec<String> = files
        .iter()
        .map(|f| {
            let hash = f.sha256.clone();
            hash.unwrap_or_else(|| format!("{} {}", f.bytes, f.path))
        })
        .collect();
    hashes.sort();
    let mut hash = Sha256::new();
    for part in std::iter::once(name).chain(hashes.iter().map(String::as_str)) {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(6)
        .map(|b| format!("{b:02x}"))
        .collect()
}
