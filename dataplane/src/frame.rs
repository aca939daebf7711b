//! How are the bytes of a frame read, wherever they lie?
//!
//! A frame is one run of bytes or a chain of segments (a jumbo frame in several mbufs). Headers are read from
//! the first segment; what crosses a segment is copied out.

/// The bytes of one Ethernet frame, without frame check sequence.
pub trait Frame {
    /// The first segment.
    fn head(&self) -> &[u8];

    /// Bytes of the whole frame, over all segments.
    fn length(&self) -> usize;

    /// Every segment, in order; the first is [`Frame::head`].
    fn segments(&self) -> impl Iterator<Item = &[u8]>;

    /// Fills `into` with the bytes from `offset` on; `false`, with `into` unspecified, if the frame ends before.
    fn copy(&self, offset: usize, into: &mut [u8]) -> bool {
        let Some(end) = offset.checked_add(into.len()) else {
            return false;
        };
        if let Some(bytes) = self.head().get(offset..end) {
            into.copy_from_slice(bytes);
            return true;
        }
        let (mut skip, mut filled) = (offset, 0);
        for segment in self.segments() {
            let Some(bytes) = segment.get(skip..) else {
                skip -= segment.len();
                continue;
            };
            skip = 0;
            let take = bytes.len().min(into.len() - filled);
            into[filled..filled + take].copy_from_slice(&bytes[..take]);
            filled += take;
            if filled == into.len() {
                return true;
            }
        }
        filled == into.len() && end <= self.length()
    }
}

impl Frame for [u8] {
    fn head(&self) -> &[u8] {
        self
    }

    fn length(&self) -> usize {
        self.len()
    }

    fn segments(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self)
    }
}

/// A frame in several segments, for tests and tools.
impl Frame for [&[u8]] {
    fn head(&self) -> &[u8] {
        self.first().copied().unwrap_or_default()
    }

    fn length(&self) -> usize {
        self.iter().map(|segment| segment.len()).sum()
    }

    fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Frame;

    #[test]
    fn copies_across_segments() {
        let whole: Vec<u8> = (0..20).collect();
        for cut in 0..=20 {
            for second in cut..=20 {
                let parts = [&whole[..cut], &whole[cut..second], &whole[second..]];
                for from in 0..=21_usize {
                    for length in 0..=8_usize {
                        let mut into = vec![0; length];
                        let copied = parts[..].copy(from, &mut into);
                        assert_eq!(copied, from + length <= 20, "{cut} {second} {from} {length}");
                        if copied {
                            assert_eq!(into, whole[from..from + length]);
                        }
                    }
                }
            }
        }
    }
}
