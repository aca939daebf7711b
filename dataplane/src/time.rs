//! What time is it, for a flow? Milliseconds since the epoch of the table, in 32 bits that wrap.

/// A point in time: milliseconds since a stored epoch, modulo 2^32. Two points are ordered as long as they
/// lie less than 2^31 ms (24.8 days) apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tick(pub u32);

impl Tick {
    /// Whether this point lies at or before `other`.
    #[must_use]
    pub const fn is_at_or_before(self, other: Self) -> bool {
        other.0.wrapping_sub(self.0) < 1 << 31
    }

    /// This point, `milliseconds` later.
    #[must_use]
    pub const fn after(self, milliseconds: u32) -> Self {
        Self(self.0.wrapping_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this point.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}
