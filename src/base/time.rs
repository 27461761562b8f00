//! Virtual time: whole nanoseconds, never floats.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment of virtual time: nanoseconds since the world began.
///
/// 64 bits of nanoseconds last 584 years; a run that gets there has a bug, so arithmetic panics rather than wraps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The moment the world begins.
    pub const START: Instant = Instant(0);
    /// Later than anything that happens.
    pub const NEVER: Instant = Instant(u64::MAX);

    /// The moment `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Self {
        Instant(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment so many nanoseconds later. Saturates at [`Instant::NEVER`].
    #[inline]
    pub const fn after(self, nanos: u64) -> Instant {
        Instant(self.0.saturating_add(nanos))
    }

    /// This moment moved by a signed number of nanoseconds, held within the representable range.
    pub fn shifted(self, nanos: i64) -> Instant {
        Instant(self.0.saturating_add_signed(nanos))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    /// Saturates at [`Instant::NEVER`], so that `now + Duration::MAX` is a way to say "never".
    fn add(self, span: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(span)))
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        assert!(earlier <= self, "subtracting a later instant from an earlier one");
        Duration::from_nanos(self.0 - earlier.0)
    }
}

impl fmt::Display for Instant {
    /// Seconds with nine digits, so that columns of a trace line up: `12.000345678s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}s", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a node's calendar clock shows: nanoseconds since the Unix epoch. May jump and may differ between nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WallTime(pub u64);

impl WallTime {
    /// What an exact calendar clock shows when the world begins: 2000-01-01 00:00:00 UTC.
    pub const START: WallTime = WallTime(946_684_800_000_000_000);
}

/// A duration as whole nanoseconds, saturating.
#[inline]
pub fn nanos(span: Duration) -> u64 {
    // Not by way of `as_nanos`, whose 128 bits cost several times as much.
    let whole = span.as_secs().checked_mul(1_000_000_000);
    whole.and_then(|whole| whole.checked_add(u64::from(span.subsec_nanos()))).unwrap_or(u64::MAX)
}
