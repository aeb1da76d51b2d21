//! What the engine of a cluster warns of.

use log::{Level, LevelFilter, Log, Metadata, Record};

/// Crates whose warnings are of use to whoever runs a node.
const SOURCE: &str = "ballista";

struct Warnings(fn(&str));

impl Log for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn && metadata.target().starts_with(SOURCE)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            (self.0)(&record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// Tells them from now on. A program that has its own log keeps it.
pub fn warnings(tell: fn(&str)) {
    if log::set_boxed_logger(Box::new(Warnings(tell))).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}
