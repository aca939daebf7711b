//! Where in the stream? Sequence numbers, compared around the wrap (RFC 9293, section 3.4; RFC 1982).

/// A sequence number. Two are ordered as long as they lie less than 2^31 apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Sequence(pub u32);

impl Sequence {
    /// Whether this number lies before `other`.
    #[must_use]
    pub const fn is_before(self, other: Self) -> bool {
        self.0.wrapping_sub(other.0).cast_signed() < 0
    }

    /// Whether this number lies behind `other`.
    #[must_use]
    pub const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// The number `bytes` further on.
    #[must_use]
    pub const fn plus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// The number `bytes` back.
    #[must_use]
    pub const fn minus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_sub(bytes))
    }

    /// Bytes from `earlier` to this number.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Sequence;

    #[test]
    fn order_goes_around_the_wrap() {
        for start in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX - 3, u32::MAX] {
            let here = Sequence(start);
            assert!(!here.is_before(here) && !here.is_after(here));
            for distance in [1, 2, 1000, 0x7fff_ffff] {
                let there = here.plus(distance);
                assert!(here.is_before(there) && there.is_after(here), "{start} {distance}");
                assert!(!there.is_before(here) && !here.is_after(there), "{start} {distance}");
                assert_eq!(there.since(here), distance);
                assert_eq!(there.minus(distance), here);
            }
        }
    }
}
