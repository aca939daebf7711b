//! Are the IPv6 hop-by-hop options such that a router goes on? RFC 8200, sections 4.2 and 4.3.
//!
//! Every node on the way looks at these options when they follow the IPv6 header, and the kernel drops a packet
//! with bad ones before any rule: options beyond the header, padding of more than seven bytes or not zero
//! (RFC 4942, section 2.1.9.5), more than eight options, one it does not know whose type says to discard, a
//! router alert (RFC 2711) that is not two bytes long, IOAM data (RFC 9486) out of line, a CALIPSO label
//! (RFC 5570), of which no domain is configured by default.

use super::bytes::Bytes;
use crate::frame::Frame;

const PAD_1: u8 = 0;
const PAD_N: u8 = 1;
const ROUTER_ALERT: u8 = 5;
const CALIPSO: u8 = 7;
const IOAM: u8 = 0x31;

/// The upper bits of a type that says: skip the option if you do not know it.
const ACTION: u8 = 0xc0;
/// Most options besides padding; the kernel's default.
const MOST: usize = 8;
/// Most bytes of padding in a row.
const MOST_PADDING: usize = 7;

/// Whether the options header at `start` is whole and every option may pass.
pub(super) fn is_sound<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, start: usize) -> bool {
    let Some([_, length]) = bytes.array(start) else {
        return false;
    };
    let end = start + (usize::from(length) + 1) * 8;
    if end > bytes.end() {
        return false;
    }
    let bytes = bytes.until(end);
    let (mut offset, mut options, mut padding) = (start + 2, 0, 0);
    while offset < end {
        let Some(size) = size(&bytes, offset) else {
            return false;
        };
        match bytes.array(offset) {
            Some([PAD_1]) => padding += 1,
            Some([PAD_N]) => {
                padding += size;
                if bytes.pieces(offset + 2..offset + size).flatten().any(|byte| *byte != 0) {
                    return false;
                }
            }
            Some([kind]) if may_pass(kind, size, offset - start) => {
                options += 1;
                padding = 0;
            }
            _ => return false,
        }
        if padding > MOST_PADDING || options > MOST {
            return false;
        }
        offset += size;
    }
    true
}

/// Whether an option of `size` bytes, `at` in its header, may pass. A jumbo payload (RFC 2675) may not: its type
/// says to discard.
const fn may_pass(kind: u8, size: usize, at: usize) -> bool {
    match kind {
        ROUTER_ALERT => size == 4,
        IOAM => at.is_multiple_of(4),
        CALIPSO => false,
        kind => kind & ACTION == 0,
    }
}

/// Bytes of the option at `offset`, if all are there.
fn size<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, offset: usize) -> Option<usize> {
    if bytes.array(offset)? == [PAD_1] {
        return Some(1);
    }
    let [_, length] = bytes.array(offset)?;
    let size = usize::from(length) + 2;
    (size <= bytes.end() - offset).then_some(size)
}

#[cfg(test)]
mod tests {
    use crate::packet::build::FrameBuilder;
    use crate::packet::parse;
    use crate::reason::Reason;

    fn fault(options: &[u8]) -> Option<Reason> {
        let header = [&[0, (options.len() / 8) as u8], options].concat();
        let frame = FrameBuilder::new()
            .ip([0xfd00, 0, 0, 0, 0, 0, 0, 1], [0xfd00, 0, 0, 0, 0, 0, 0, 2])
            .extension(0, &header)
            .udp(1, 2)
            .build();
        parse(&frame[..]).fault
    }

    #[test]
    fn options_that_pass() {
        assert_eq!(fault(&[5, 2, 0, 0, 1, 0]), None, "router alert, as in MLD");
        assert_eq!(fault(&[0; 6]), None, "Pad1");
        assert_eq!(fault(&[1, 4, 0, 0, 0, 0]), None, "PadN");
        assert_eq!(fault(&[0, 0, 0, 0, 0, 0, 0, 0x3e, 5, 9, 9, 9, 9, 9]), None, "seven bytes of padding");
        assert_eq!(fault(&[0x3e, 4, 9, 9, 9, 9]), None, "unknown, to be skipped");
        assert_eq!(fault(&[1, 0, 0x31, 2, 0, 0]), None, "IOAM in line");
        let eight = [0x3e, 0].repeat(8);
        assert_eq!(fault(&[&eight[..], &[1, 4, 0, 0, 0, 0]].concat()), None, "eight");
    }

    #[test]
    fn options_that_do_not() {
        let bad = Some(Reason::Ipv6HopByHop);
        assert_eq!(fault(&[0, 0, 0, 0, 0, 0, 0, 0, 0x3e, 4, 9, 9, 9, 9]), bad, "eight bytes of padding");
        assert_eq!(fault(&[0, 0, 1, 4, 0, 0, 0, 0, 0x3e, 4, 9, 9, 9, 9]), bad, "of both kinds");
        assert_eq!(fault(&[1, 4, 0, 0, 1, 0]), bad, "padding that is not zero");
        assert_eq!(fault(&[5, 4, 0, 0, 0, 0]), bad, "a router alert of four bytes");
        assert_eq!(fault(&[0x31, 4, 0, 0, 0, 0]), bad, "IOAM out of line");
        assert_eq!(fault(&[7, 4, 0, 0, 0, 0]), bad, "CALIPSO");
        assert_eq!(fault(&[0x3e, 5, 0, 0, 0, 0]), bad, "beyond the header");
        assert_eq!(fault(&[1, 3, 0, 0, 0, 5]), bad, "no room for a length");
        assert_eq!(fault(&[0xc2, 4, 0, 1, 0, 0]), bad, "jumbo payload");
        for action in [0x40, 0x80, 0xc0] {
            assert_eq!(fault(&[action | 0x1e, 4, 0, 0, 0, 0]), bad, "unknown, to be discarded");
        }
        let nine = [0x3e, 0].repeat(9);
        assert_eq!(fault(&[&nine[..], &[1, 2, 0, 0]].concat()), bad, "nine");
    }

    #[test]
    fn a_header_beyond_the_packet() {
        let frame = FrameBuilder::new()
            .ip([0xfd00, 0, 0, 0, 0, 0, 0, 1], [0xfd00, 0, 0, 0, 0, 0, 0, 2])
            .raw(0)
            .payload(&[17, 1, 1, 4, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0]);
        assert_eq!(parse(&frame.build()[..]).fault, Some(Reason::Ipv6HopByHop));
    }
}
