//! How many hosts are in hand at a time: as many as there are threads, and as memory allows.

use std::sync::{Condvar, Mutex, PoisonError};

/// What a host takes besides its events: buffers, tables.
const FIXED: u64 = 8 << 20;

/// Lets hosts in as long as their estimates fit; one alone always.
pub struct Gate {
    limit: u64,
    taken: Mutex<(u64, u64)>,
    freed: Condvar,
}

/// A host that was let in. It leaves when this is dropped.
pub struct Pass<'a> {
    gate: &'a Gate,
    cost: u64,
}

impl Gate {
    /// A gate for so many bytes.
    pub fn new(limit: u64) -> Self {
        Self {
            limit,
            taken: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Waits until there is room for a host with this much evidence. Logs of nothing but Remote Desktop leave half of their
    /// bytes in memory, others next to nothing; what an archive unpacks to is not known.
    pub fn enter(&self, bytes: u64) -> Pass<'_> {
        let cost = FIXED + bytes / 2;
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |taken: &mut (u64, u64)| taken.0 > 0 && taken.1 + cost > self.limit;
        let mut taken = self
            .freed
            .wait_while(taken, full)
            .unwrap_or_else(PoisonError::into_inner);
        taken.0 += 1;
        taken.1 += cost;
        Pass { gate: self, cost }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut taken = self
            .gate
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.0 -= 1;
        taken.1 -= self.cost;
        drop(taken);
        self.gate.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn a_host_that_is_too_large_is_let_in_alone() {
        let gate = Gate::new(4 * FIXED);
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for n in 0..8 {
                let (gate, now, most) = (&gate, &now, &most);
                scope.spawn(move || {
                    let huge = n == 3;
                    let _pass = gate.enter(if huge { 1 << 40 } else { 2 * FIXED });
                    let inside = now.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(if huge { inside * 100 } else { inside }, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    now.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(
            most.load(Ordering::SeqCst),
            100,
            "two small ones, or the large one alone"
        );
    }
}
