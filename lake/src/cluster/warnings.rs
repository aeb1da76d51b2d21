//! What the engine of a cluster warns of.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::{Level, LevelFilter, Log, Metadata, Record};

/// Crates whose warnings are of use to whoever runs a node.
const SOURCE: &str = "ballista";
/// An executor without its scheduler warns twenty times a second of the same thing: it is told again after so long.
const AGAIN: Duration = Duration::from_mins(1);
/// Warnings that begin with as many characters alike are the same.
const ALIKE: usize = 32;

struct Warnings {
    tell: fn(&str),
    last: Mutex<Option<(Instant, String)>>,
}

impl Warnings {
    /// Whether a warning is told: not when it has just been.
    fn is_new(&self, text: &str, now: Instant) -> bool {
        let begin: String = text.chars().take(ALIKE).collect();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((then, known)) = last.as_ref()
            && *known == begin
            && now.duration_since(*then) < AGAIN
        {
            return false;
        }
        *last = Some((now, begin));
        true
    }
}

impl Log for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn && metadata.target().starts_with(SOURCE)
    }

    fn log(&self, record: &Record<'_>) {
        let text = record.args().to_string();
        if self.enabled(record.metadata()) && self.is_new(&text, Instant::now()) {
            (self.tell)(&text);
        }
    }

    fn flush(&self) {}
}

/// Tells them from now on. A program that has its own log keeps it.
pub fn warnings(tell: fn(&str)) {
    let warnings = Warnings {
        tell,
        last: Mutex::default(),
    };
    if log::set_boxed_logger(Box::new(warnings)).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_warning_is_told_once_a_minute() {
        let warnings = Warnings {
            tell: |_| {},
            last: Mutex::default(),
        };
        let now = Instant::now();
        let lost = "Executor poll work loop failed: the scheduler is away";
        assert!(warnings.is_new(lost, now));
        assert!(!warnings.is_new(lost, now + AGAIN / 2));
        assert!(warnings.is_new("another", now + AGAIN / 2));
        assert!(warnings.is_new(lost, now + AGAIN / 2));
        assert!(warnings.is_new(lost, now + AGAIN * 2));
    }
}
