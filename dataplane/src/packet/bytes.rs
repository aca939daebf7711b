//! How does the parser read a frame without ever reading past the packet? Through a view that knows its end.
//!
//! What lies in the first segment is read in place; only what crosses into another one is copied.

use std::ops::Range;

use super::checksum::{Checksums, Sum};
use crate::frame::Frame;

/// The bytes of a frame up to an end: that of the frame, or of the packet within it once that is known.
pub(super) struct Bytes<'f, F: ?Sized> {
    frame: &'f F,
    head: &'f [u8],
    end: usize,
    checksums: Checksums,
}

impl<'f, F: Frame + ?Sized> Bytes<'f, F> {
    /// All of `frame`.
    #[inline]
    pub(super) fn of(frame: &'f F, checksums: Checksums) -> Self {
        Self { frame, head: frame.head(), end: frame.length(), checksums }
    }

    /// Whether checksums of the transport layer are looked at.
    #[inline]
    pub(super) const fn checksums(&self) -> Checksums {
        self.checksums
    }

    /// The same bytes with an earlier end; a later one changes nothing.
    #[inline]
    pub(super) fn until(&self, end: usize) -> Self {
        Self { end: end.min(self.end), ..*self }
    }

    /// Offset in the frame behind the last byte.
    #[inline]
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    /// The `N` bytes from `offset` on, if they are there.
    #[inline]
    pub(super) fn array<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        if offset > self.end.checked_sub(N)? {
            return None;
        }
        match self.head.get(offset..).and_then(<[u8]>::first_chunk) {
            Some(array) => Some(*array),
            None => self.gather(offset),
        }
    }

    #[cold]
    fn gather<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let mut array = [0; N];
        self.frame.copy(offset, &mut array).then_some(array)
    }

    /// The bytes of `range`, if all are there: in place, or copied into `room`.
    #[inline]
    pub(super) fn slice<'b, const N: usize>(
        &'b self,
        range: Range<usize>,
        room: &'b mut [u8; N],
    ) -> Option<&'b [u8]> {
        if range.end > self.end {
            return None;
        }
        if let Some(bytes) = self.head.get(range.clone()) {
            return Some(bytes);
        }
        let room = room.get_mut(..range.len())?;
        self.frame.copy(range.start, room).then_some(&*room)
    }

    /// The ones' complement sum of the bytes of `range`, as far as they are there.
    #[inline]
    pub(super) fn sum(&self, range: Range<usize>) -> Sum {
        match self.head.get(range.start..range.end.min(self.end)) {
            Some(bytes) => Sum::of(bytes),
            None => self.pieces(range).fold(Sum::default(), Sum::then),
        }
    }

    /// The bytes of `range`, as far as they are there, a piece for each segment that has some.
    pub(super) fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = &'f [u8]> + use<'f, F> {
        let end = range.end.min(self.end);
        let mut offset = 0;
        self.frame.segments().map_while(move |segment| {
            let to = end.checked_sub(offset)?.min(segment.len());
            let from = range.start.saturating_sub(offset).min(to);
            offset += segment.len();
            Some(&segment[from..to])
        })
    }
}

/// The number in the two bytes of `range`, which lies within the header.
#[inline]
pub(super) fn be16(header: &[u8], range: Range<usize>) -> u16 {
    u16::from_be_bytes(chunk(header, range))
}

/// The number in the four bytes of `range`, which lies within the header.
#[inline]
pub(super) fn be32(header: &[u8], range: Range<usize>) -> u32 {
    u32::from_be_bytes(chunk(header, range))
}

/// The number in the sixteen bytes of `range`, which lies within the header.
#[inline]
pub(super) fn be128(header: &[u8], range: Range<usize>) -> u128 {
    u128::from_be_bytes(chunk(header, range))
}

/// Both the range and the size of the header are constants where this is called: nothing is left to check.
#[inline]
fn chunk<const N: usize>(header: &[u8], range: Range<usize>) -> [u8; N] {
    header[range].first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Checksums};
    use proptest::prelude::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        let frame = [0_u8, 1, 2, 3, 4, 5];
        let bytes = Bytes::of(&frame[..], Checksums::Verified);
        assert_eq!(bytes.array(4), Some([4, 5]));
        assert_eq!(bytes.array::<2>(5), None);
        assert_eq!(bytes.array::<7>(0), None);
        assert_eq!(bytes.array::<1>(usize::MAX), None);
        let shorter = bytes.until(5);
        assert_eq!(shorter.array::<2>(4), None);
        assert_eq!(shorter.until(9).end(), 5, "an end does not move back");
        assert_eq!(shorter.slice(3..6, &mut [0; 8]), None);
        assert_eq!(shorter.pieces(3..6).collect::<Vec<_>>(), [&[3, 4]]);
    }

    proptest! {
        #[test]
        fn segments_do_not_show(
            whole in proptest::collection::vec(any::<u8>(), 0..60),
            cuts in [0..60_usize, 0..60],
            end in 0..70_usize,
            from in 0..70_usize,
            length in 0..20_usize,
        ) {
            let mut cuts = cuts.map(|cut| cut.min(whole.len()));
            cuts.sort_unstable();
            let parts = [&whole[..cuts[0]], &whole[cuts[0]..cuts[1]], &whole[cuts[1]..]];
            let one = Bytes::of(&whole[..], Checksums::Verified).until(end);
            let many = Bytes::of(&parts[..], Checksums::Verified).until(end);
            let visible = &whole[..end.min(whole.len())];
            let expected = visible.get(from..from + 4).map(|bytes| bytes.try_into().unwrap());
            prop_assert_eq!(one.array::<4>(from), expected);
            prop_assert_eq!(many.array::<4>(from), expected);
            let expected = visible.get(from..from + length);
            let (mut room, mut other_room) = ([0; 20], [0; 20]);
            prop_assert_eq!(one.slice(from..from + length, &mut room), expected);
            prop_assert_eq!(many.slice(from..from + length, &mut other_room), expected);
            let there: Vec<u8> = visible.iter().copied().skip(from).take(length).collect();
            prop_assert_eq!(many.pieces(from..from + length).collect::<Vec<_>>().concat(), there);
            let sums = [&one.sum(from..from + length), &many.sum(from..from + length)].map(|sum| sum.folded());
            prop_assert_eq!(sums[0], sums[1]);
        }
    }
}
