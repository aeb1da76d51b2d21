//! How far the work is, on standard error.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::args::ProgressMode;
use crate::render::safe::{Charset, SENTENCE, safe};
use crate::render::{number, size};

/// Nothing shows before this: most runs are over by then, and a line that flashes up only disturbs.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two lines for people.
const PLAIN: Duration = Duration::from_secs(5);
/// Between two lines for programs.
const JSON: Duration = Duration::from_secs(1);

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Silent,
    /// A bar on the terminal.
    Bar,
    /// Lines for people.
    Plain,
    /// Lines for programs.
    Json,
}

impl Mode {
    /// What was asked for, on a terminal or not.
    pub fn of(asked: ProgressMode, terminal: bool) -> Self {
        match asked {
            ProgressMode::Auto if terminal => Self::Bar,
            ProgressMode::Auto | ProgressMode::None => Self::Silent,
            ProgressMode::Plain => Self::Plain,
            ProgressMode::Json => Self::Json,
        }
    }
}

/// Tells how far the work is.
pub struct Progress {
    mode: Mode,
    bar: ProgressBar,
    begun: Instant,
    shown: AtomicBool,
    charset: Charset,
    bytes: Counted,
    files: Counted,
    hosts: Counted,
    /// When something was told last, and the file in hand.
    told: Mutex<(Instant, String)>,
}

#[derive(Default)]
struct Counted {
    done: AtomicU64,
    of: AtomicU64,
}

impl Counted {
    fn now(&self) -> (u64, u64) {
        let load = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (load(&self.done), load(&self.of))
    }
}

impl Progress {
    /// Nothing is told before the first second is over.
    pub fn new(mode: Mode, charset: Charset) -> Self {
        let now = Instant::now();
        Self {
            mode,
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            begun: now,
            shown: AtomicBool::new(mode != Mode::Bar),
            charset,
            bytes: Counted::default(),
            files: Counted::default(),
            hosts: Counted::default(),
            told: Mutex::new((now, String::new())),
        }
    }

    /// From here on the work is this much. Hosts are not counted where there is but one.
    pub fn total(&self, hosts: u64, files: u64, bytes: u64) {
        for (counted, of) in [
            (&self.hosts, hosts),
            (&self.files, files),
            (&self.bytes, bytes),
        ] {
            counted.done.store(0, Ordering::Relaxed);
            counted.of.store(of, Ordering::Relaxed);
        }
        self.bar.set_position(0);
        self.bar.set_length(bytes);
        let template =
            "{bar:24} {percent:>3} %  {bytes} of {total_bytes}  {prefix}{eta} left  {wide_msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
    }

    /// So many bytes more are done.
    pub fn bytes(&self, n: u64) {
        self.bytes.done.fetch_add(n, Ordering::Relaxed);
        self.bar.inc(n);
        self.tell(false);
    }

    /// A host with so many files is done.
    pub fn host(&self, files: u64) {
        self.files.done.fetch_add(files, Ordering::Relaxed);
        self.hosts.done.fetch_add(1, Ordering::Relaxed);
        let (done, of) = self.hosts.now();
        if !self.bar.is_hidden() {
            self.bar.set_prefix(format!("{done} of {of} hosts  "));
        }
    }

    /// This file or member is next.
    pub fn source(&self, label: &str) {
        let label = safe(label, SENTENCE, self.charset);
        if !self.bar.is_hidden() {
            self.bar.set_message(label.clone());
        }
        if matches!(self.mode, Mode::Plain | Mode::Json) {
            self.told.lock().unwrap_or_else(PoisonError::into_inner).1 = label;
        }
        self.tell(false);
    }

    /// Takes the line away, or tells the last one.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
        self.tell(true);
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn tell(&self, last: bool) {
        let every = match self.mode {
            Mode::Silent => return,
            Mode::Bar => return self.show(),
            Mode::Plain => PLAIN,
            Mode::Json => JSON,
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if !last && told.0.elapsed() < every {
            return;
        }
        told.0 = Instant::now();
        let text = self.line(&told.1);
        // Nobody is there to be told when standard error cannot be written.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    fn line(&self, file: &str) -> String {
        let (bytes, files, hosts) = (self.bytes.now(), self.files.now(), self.hosts.now());
        let seconds = self.begun.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss, reason = "an estimate in whole seconds")]
        let rate = bytes.0 as f64 / seconds.max(0.001);
        #[allow(clippy::cast_precision_loss, reason = "as above")]
        let left = (rate > 0.0).then(|| bytes.1.saturating_sub(bytes.0) as f64 / rate);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both are positive and far below the limits"
        )]
        let (rate, left) = (rate as u64, left.map(|l| l as u64));
        if self.mode == Mode::Json {
            return json!({
                "progress": {
                    "hosts": hosts.0, "hosts_total": hosts.1,
                    "files": files.0, "files_total": files.1,
                    "bytes": bytes.0, "bytes_total": bytes.1,
                    "bytes_per_second": rate, "seconds": self.begun.elapsed().as_secs(),
                    "seconds_left": left, "file": file,
                },
            })
            .to_string();
        }
        let mut told = Vec::new();
        if hosts.1 > 0 {
            told.push(format!("{} of {} hosts", number(hosts.0), number(hosts.1)));
            told.push(format!("{} of {} files", number(files.0), number(files.1)));
        }
        told.push(format!("{} of {}", size(bytes.0), size(bytes.1)));
        told.push(format!("{}/s", size(rate)));
        if let Some(left) = left {
            told.push(format!("{} min {:02} s left", left / 60, left % 60));
        }
        format!("rdpwhy: {}, {file}", told.join(", "))
    }

    fn show(&self) {
        if !self.shown.load(Ordering::Relaxed)
            && self.begun.elapsed() > PATIENCE
            && !self.shown.swap(true, Ordering::Relaxed)
        {
            self.bar
                .set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        }
    }
}

impl rdpwhy_analyzer::Progress for Progress {
    fn bytes(&self, n: u64) {
        Self::bytes(self, n);
    }

    fn source(&self, label: &str) {
        Self::source(self, label);
    }
}
