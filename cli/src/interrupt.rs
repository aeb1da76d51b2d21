//! Ctrl-C: the first time the work is wound up, the second time the program ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

/// Exit status of a run that was broken off, as shells have it for SIGINT.
pub const INTERRUPTED: u8 = 130;

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listens from here on. A program that runs this one inside it has its own way with signals and does not call this.
pub fn listen() {
    // A second listener in the same process is refused, and the first one is as good.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(i32::from(INTERRUPTED));
        }
    });
}

/// Whether somebody asked for the end.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
