//! Moments as the whole project counts them: nanoseconds since 1970 in UTC.

/// Seconds between the Windows epoch (1601-01-01) and the Unix epoch.
const WINDOWS_EPOCH_SECONDS: i64 = 11_644_473_600;

/// A moment in nanoseconds since the Unix epoch, UTC. Covers 1677 to 2262, which is more than any log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From a FILETIME: 100 ns ticks since 1601. `None` when it lies outside what nanoseconds can count.
    pub fn from_filetime(ticks: u64) -> Option<Self> {
        let ticks = i64::try_from(ticks).ok()?;
        let unix_ticks = ticks.checked_sub(WINDOWS_EPOCH_SECONDS.checked_mul(10_000_000)?)?;
        unix_ticks.checked_mul(100).map(Self)
    }

    /// From whole seconds and nanoseconds since the Unix epoch, saturating.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanoseconds)))
    }

    /// This moment moved by `nanoseconds`, saturating.
    #[must_use]
    pub fn plus(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// Nanoseconds from `earlier` to this moment, negative when it lies before.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filetime_of_the_unix_epoch_is_zero() {
        assert_eq!(Timestamp::from_filetime(116_444_736_000_000_000), Some(Timestamp(0)));
    }

    #[test]
    fn absurd_filetimes_are_refused() {
        assert_eq!(Timestamp::from_filetime(u64::MAX), None);
        assert_eq!(Timestamp::from_filetime(i64::MAX as u64), None);
    }
}
