//! Does a packet bear what a match of iptables looks for? Lists walked as xtables does, not as nft does.

use super::Facts;
use crate::frame::Frame;
use crate::packet::{length_of, protocol};
use config::policy::{EXTENSION_HEADERS, Extensions, Sought, whole};

impl<F: Frame + ?Sized> Facts<'_, F> {
    /// One of [`whole`].
    pub(super) fn sought(&self, sought: Sought) -> u8 {
        match sought {
            Sought::Chunks(wanted) => self.chunks(wanted),
            Sought::TcpOption(kind) => self.among_options(|option| option.first() == Some(&kind)),
            Sought::SegmentSize { low, high } => self.segment_size(low..=high),
            Sought::Extensions(wanted) => of(self.bears_extensions(wanted)),
            Sought::MonthDay { days, until } => of(days >> self.month_day(until) & 1 == 1),
            Sought::HeaderOption { header, index, kind, length } => {
                of(self.bears_option(header, index, kind, length).unwrap_or(false))
            }
            Sought::RouteReserved => of(self.route().is_some_and(|at| self.bytes_at(at + 4) == Some([0; 4]))),
            Sought::SourceRoute { list, strict } => {
                let wanted = self.known.draw.list(list);
                of(wanted.and_then(|wanted| self.routes_by(wanted, strict)).unwrap_or(false))
            }
        }
    }

    fn segment_size(&self, bounds: std::ops::RangeInclusive<u16>) -> u8 {
        let mut size = None;
        let walked = self.among_options(|option| match option {
            [2, 4, high, low, ..] => {
                size = Some(u16::from_be_bytes([*high, *low]));
                true
            }
            _ => false,
        });
        if walked == whole::ALL { of(size.is_some_and(|size| bounds.contains(&size))) } else { walked }
    }

    /// Whether one of the TCP options is it: it is given what is left of them, from each on. A length beyond the end does
    /// no harm, nor does the end of the list.
    fn among_options(&self, mut is_it: impl FnMut(&[u8]) -> bool) -> u8 {
        let Some(start) = self.transport(protocol::TCP) else { return whole::NONE };
        let Some(fixed) = self.bytes_at::<TCP>(start) else { return whole::CUT };
        let length = usize::from(fixed[12] >> 4) * 4;
        let mut room = [0; MOST_OPTIONS];
        let Some(options) = length.checked_sub(TCP).and_then(|length| room.get_mut(..length)) else {
            return whole::CUT;
        };
        if start + length > self.end() || !self.frame.copy(start + TCP, options) {
            return whole::CUT;
        }
        let mut at = 0;
        while let Some(rest @ [kind, ..]) = options.get(at..) {
            if is_it(rest) {
                return whole::ALL;
            }
            at += match (kind, rest.get(1)) {
                (0 | 1, _) | (_, None | Some(0)) => 1,
                (_, Some(length)) => usize::from(*length),
            };
        }
        whole::NONE
    }

    /// The walk of `ip6t_ipv6header`: a packet that ends within a header has none of what is wanted, negated or not.
    fn bears_extensions(&self, wanted: Extensions) -> bool {
        if !self.is_ipv6() {
            return false;
        }
        let network = usize::from(self.packet.network_offset);
        let Some([mut next]) = self.bytes_at(network + NEXT_HEADER) else { return false };
        let (mut at, mut found) = (network + FIXED, 0_u8);
        while let Some(bit) = EXTENSION_HEADERS.iter().position(|known| *known == next) {
            if next == NO_NEXT_HEADER {
                found |= 1 << bit;
                break;
            }
            let Some([following, length]) = self.bytes_at(at) else { return false };
            found |= 1 << bit;
            if next == protocol::ESP {
                break;
            }
            at += length_of(next, length);
            next = following;
            if at > self.end() {
                break;
            }
        }
        if !matches!(next, NO_NEXT_HEADER | protocol::ESP) {
            found |= TRANSPORT;
        }
        match wanted {
            Extensions { named, soft: true, negated: false } => found & named == named,
            Extensions { named, soft: true, negated: true } => found & named == 0,
            Extensions { named, soft: false, negated } => (found == named) != negated,
        }
    }
}

const fn of(bears: bool) -> u8 {
    if bears { whole::ALL } else { whole::NONE }
}

/// Bytes of a TCP header without options, and of most options.
const TCP: usize = 20;
const MOST_OPTIONS: usize = 40;
/// Offset of the first number in the fixed IPv6 header, and the bytes of that.
const NEXT_HEADER: usize = 6;
const FIXED: usize = 40;
const NO_NEXT_HEADER: u8 = 59;
/// The bit of a transport header, behind those of [`EXTENSION_HEADERS`].
const TRANSPORT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::build::FrameBuilder;
    use crate::packet::parse;
    use config::policy::Load;

    fn is(frame: &[u8], sought: Sought) -> u8 {
        let packet = parse(frame);
        Facts::of(&packet, frame).load(&Load::Sought(sought)).map_or(9, |value| value as u8)
    }

    fn tcp(options: &[u8]) -> Vec<u8> {
        FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).tcp(1, 2, 2).tcp_options(options).build()
    }

    #[test]
    fn a_segment_size_is_in_the_first_option_of_four_bytes() {
        let size = |low, high| Sought::SegmentSize { low, high };
        assert_eq!(is(&tcp(&[2, 4, 5, 0xb4]), size(1460, 1460)), whole::ALL);
        assert_eq!(is(&tcp(&[2, 4, 5, 0xb4]), size(0, 1459)), whole::NONE);
        assert_eq!(
            is(&tcp(&[2, 0, 2, 4, 5, 0xb4, 0, 0]), size(1460, 1460)),
            whole::ALL,
            "one byte is stepped over"
        );
        assert_eq!(
            is(&tcp(&[0, 2, 4, 5, 0xb4, 0, 0, 0]), size(1460, 1460)),
            whole::ALL,
            "behind the end of the list"
        );
        assert_eq!(is(&tcp(&[2, 40, 5, 0xb4]), size(0, u16::MAX)), whole::NONE);
        assert_eq!(is(&tcp(&[]), size(0, u16::MAX)), whole::NONE);
    }

    #[test]
    fn an_option_is_there_however_long_it_is() {
        assert_eq!(is(&tcp(&[8, 40, 1, 1]), Sought::TcpOption(8)), whole::ALL);
        assert_eq!(is(&tcp(&[1, 1, 1, 8]), Sought::TcpOption(8)), whole::ALL, "its kind is the last byte");
        assert_eq!(is(&tcp(&[3, 3, 8, 1]), Sought::TcpOption(8)), whole::NONE);
        let mut cut = tcp(&[1, 1, 1, 1]);
        cut[14 + 20 + 12] = 0x40;
        assert_eq!(is(&cut, Sought::TcpOption(8)), whole::CUT, "a header of sixteen bytes");
    }

    #[test]
    fn extension_headers_are_all_those_named_or_among_them() {
        let frame = |extensions: &[(u8, &[u8])]| {
            let host = |last| [0xfd00, 0, 0, 0, 0, 0, 0, last];
            let frame = FrameBuilder::new().ip(host(1), host(2)).udp(1, 2);
            extensions.iter().fold(frame, |frame, (kind, bytes)| frame.extension(*kind, bytes)).build()
        };
        let named = |named, soft, negated| Sought::Extensions(Extensions { named, soft, negated });
        let options: &[u8] = &[0, 0, 1, 4, 0, 0, 0, 0];
        let two = frame(&[(0, options), (60, options)]);
        assert_eq!(is(&two, named(0b1000_0011, false, false)), whole::ALL);
        assert_eq!(is(&two, named(0b1000_0001, false, false)), whole::NONE);
        assert_eq!(is(&two, named(0b1000_0001, false, true)), whole::ALL);
        assert_eq!(is(&two, named(0b1000_0001, true, false)), whole::ALL);
        assert_eq!(is(&two, named(0b0000_0101, true, true)), whole::NONE, "one of them is there");
        assert_eq!(is(&two, named(0b0000_0100, true, true)), whole::ALL);
        let long = frame(&[(60, &[0, 90, 1, 4, 0, 0, 0, 0])]);
        assert_eq!(
            is(&long, named(0b1000_0010, false, false)),
            whole::ALL,
            "what it is in front of is not there"
        );
    }
}
