//! A line on the terminal while it takes long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::render::safe::{Charset, SENTENCE, safe};

/// Nothing shows before this: most runs are over by then, and a line that flashes up only disturbs.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows on standard error how far the work is.
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
    shown: AtomicBool,
    charset: Charset,
}

impl Progress {
    /// Shows nothing unless `terminal`.
    pub fn new(terminal: bool, charset: Charset) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self {
            bar,
            begun: Instant::now(),
            shown: AtomicBool::new(!terminal),
            charset,
        }
    }

    /// From here on the work is this many bytes.
    pub fn total(&self, bytes: u64) {
        self.bar.set_position(0);
        self.bar.set_length(bytes);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:24} {percent:>3} %  {bytes} of {total_bytes}  {wide_msg}",
        ) {
            self.bar.set_style(style.progress_chars("=> "));
        }
    }

    /// So many bytes more are done.
    pub fn bytes(&self, n: u64) {
        self.bar.inc(n);
        self.show();
    }

    /// This file or member is next.
    pub fn source(&self, label: &str) {
        self.show();
        if !self.bar.is_hidden() {
            self.bar.set_message(safe(label, SENTENCE, self.charset));
        }
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
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
