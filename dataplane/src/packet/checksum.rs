//! Are the bytes as they were sent? The internet checksum of RFC 1071, and the CRC32c of SCTP.

/// Whether checksums behind the IP header are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Checksums {
    /// A packet with a wrong one has a fault.
    #[default]
    Verified,
    /// They count as right: somebody else has looked, or nobody has filled them in yet.
    Trusted,
}

/// A ones' complement sum in progress. Sums are kept in the byte order of the machine and in 64 bits, and
/// folded at the end (RFC 1071, section 2); 2^32 words fit before one is lost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    total: u64,
    /// Whether an odd number of bytes has been added: the next one is the low byte of its word.
    is_odd: bool,
}

impl Sum {
    /// The sum of `bytes`.
    #[inline]
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let (eights, rest) = bytes.as_chunks::<8>();
        let mut total: u64 = eights.iter().map(|eight| halves(u64::from_ne_bytes(*eight))).sum();
        let mut rest = rest;
        if let Some((four, behind)) = rest.split_first_chunk::<4>() {
            total += u64::from(u32::from_ne_bytes(*four));
            rest = behind;
        }
        if let Some((two, behind)) = rest.split_first_chunk::<2>() {
            total += u64::from(u16::from_ne_bytes(*two));
            rest = behind;
        }
        if let [last] = rest {
            total += u64::from(u16::from_ne_bytes([*last, 0]));
        }
        Self { total, is_odd: bytes.len() % 2 == 1 }
    }

    /// This sum with `bytes` behind what it has.
    pub(crate) fn then(self, bytes: &[u8]) -> Self {
        let next = Self::of(bytes);
        let added = if self.is_odd { u64::from(next.folded().swap_bytes()) } else { next.total };
        Self { total: self.total + added, is_odd: self.is_odd ^ next.is_odd }
    }

    /// This sum with a 32-bit number added, as of bytes in network order at an even place.
    #[inline]
    pub(crate) const fn plus(self, number: u32) -> Self {
        Self { total: self.total + number.to_be() as u64, ..self }
    }

    /// This sum and another one of an even number of bytes.
    #[inline]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self { total: self.total + other.total, is_odd: self.is_odd ^ other.is_odd }
    }

    /// The sum in 16 bits, in the byte order of the machine.
    #[inline]
    pub(crate) const fn folded(self) -> u16 {
        let mut sum = halves(self.total);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum as u16
    }

    /// The sum in little more than 17 bits.
    #[inline]
    pub(crate) const fn halved(self) -> u32 {
        let sum = halves(self.total);
        ((sum >> 16) + (sum & 0xffff)) as u32
    }

    /// The checksum to be written into the bytes, which carried 0 in its place.
    pub(crate) const fn checksum(self) -> [u8; 2] {
        (!self.folded()).to_ne_bytes()
    }

    /// Whether the bytes, the checksum they carry among them, are as they were sent.
    #[inline]
    pub(crate) const fn holds(self) -> bool {
        // 0xffff is the zero of this arithmetic; a sum is 0 only where nothing but zeros was added.
        self.total != 0 && self.total.is_multiple_of(0xffff)
    }
}

#[inline]
const fn halves(word: u64) -> u64 {
    (word >> 32) + (word & 0xffff_ffff)
}

/// CRC32c of a run of bytes in pieces (RFC 9260, appendix A), eight bytes a step by table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crc32c(u32);

impl Crc32c {
    /// Before the first byte.
    pub(super) const START: Self = Self(u32::MAX);

    /// With `bytes` behind what it has.
    pub(super) fn then(self, bytes: &[u8]) -> Self {
        let (eights, rest) = bytes.as_chunks::<8>();
        let mut crc = self.0;
        for eight in eights {
            let word = (u64::from_le_bytes(*eight) ^ u64::from(crc)).to_le_bytes();
            crc = (0..8).fold(0, |crc, at| crc ^ TABLES[7 - at][word[at] as usize]);
        }
        for byte in rest {
            crc = TABLES[0][((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8);
        }
        Self(crc)
    }

    /// The CRC, as SCTP puts it on the wire: low byte first.
    pub(super) const fn on_wire(self) -> [u8; 4] {
        (!self.0).to_le_bytes()
    }
}

/// `TABLES[n][byte]` is what `byte` comes to `n` bytes further on.
static TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    const CASTAGNOLI_REFLECTED: u32 = 0x82f6_3b78;
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc >> 1) ^ (CASTAGNOLI_REFLECTED & (crc & 1).wrapping_neg());
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut at = 256;
    while at < 8 * 256 {
        let before = tables[at / 256 - 1][at % 256];
        tables[at / 256][at % 256] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
        at += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::{Crc32c, Sum};
    use crate::packet::build;
    use proptest::collection::vec;
    use proptest::prelude::*;

    #[test]
    fn published_values() {
        // RFC 1071, section 3.
        let sum = Sum::of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
        assert_eq!(sum.folded().to_ne_bytes(), [0xdd, 0xf2]);
        // RFC 3720, appendix B.4: 32 bytes of zeros, of ones, and counting up.
        let counting: Vec<u8> = (0..32).collect();
        let crcs = [&[0; 32][..], &[0xff; 32], &counting].map(|bytes| Crc32c::START.then(bytes).on_wire());
        assert_eq!(crcs, [[0xaa, 0x36, 0x91, 0x8a], [0x43, 0xab, 0xa8, 0x62], [0x4e, 0x79, 0xdd, 0x46]]);
    }

    #[test]
    fn the_longest_frame_does_not_overflow() {
        assert_eq!(Sum::of(&[0xff; 1 << 20]).folded(), 0xffff);
    }

    proptest! {
        #[test]
        fn pieces_sum_as_the_whole(pieces in vec(vec(any::<u8>(), 0..40), 0..6), number: u32) {
            let whole = pieces.concat();
            let expected = !build::checksum(&whole);
            let cut = pieces.iter().fold(Sum::default(), |sum, piece| sum.then(piece));
            for sum in [cut, Sum::of(&whole)] {
                prop_assert_eq!(u16::from_be(sum.folded()), expected);
                prop_assert_eq!(sum.holds(), expected == 0xffff);
                let completed = sum.and(Sum::of(&(!sum.folded()).to_ne_bytes()));
                prop_assert!(completed.holds());
            }
            let with_number = [&number.to_be_bytes()[..], &whole].concat();
            let expected = !build::checksum(&with_number);
            prop_assert_eq!(u16::from_be(cut.plus(number).folded()), expected);
            prop_assert_eq!(u16::from_be(Sum::of(&number.to_be_bytes()).and(cut).folded()), expected);
            let crc = pieces.iter().fold(Crc32c::START, |crc, piece| crc.then(piece));
            prop_assert_eq!(crc.on_wire(), build::crc32c(&whole).to_le_bytes());
        }
    }
}
