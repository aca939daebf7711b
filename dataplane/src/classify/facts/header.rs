//! Is a header whole that a match of iptables looks into? Where it is not, xtables drops the packet.

use super::Facts;
use super::extension::Found;
use crate::frame::Frame;
use crate::packet::{Fragment, length_of};
use config::policy::{Header, whole};

impl<F: Frame + ?Sized> Facts<'_, F> {
    /// One of [`whole`].
    pub(super) fn whole(&self, header: Header) -> u8 {
        match header {
            Header::Transport(bytes) => self.transport_of(usize::from(bytes), false),
            Header::Tcp => self.transport_of(TCP, true),
            Header::TcpOptions => match (self.transport_of(TCP, true), self.byte_of_transport(12)) {
                (whole::ALL, Some(byte)) => self.options(usize::from(byte >> 4) * 4, TCP),
                (other, _) => other,
            },
            Header::Mobility => match (self.transport_of(MOBILITY, false), self.byte_of_transport(0)) {
                (whole::ALL, Some(NO_NEXT_HEADER)) => whole::ALL,
                (whole::NONE, _) => whole::NONE,
                _ => whole::CUT,
            },
            Header::DccpOptions => match self.transport_of(DCCP, false) {
                whole::ALL => self.dccp_options(),
                other => other,
            },
            Header::Extension { number, bytes } => self.extension_of(number, usize::from(bytes)),
        }
    }

    /// Whether the transport header has so many bytes.
    fn transport_of(&self, bytes: usize, covers: bool) -> u8 {
        let packet = self.packet;
        if packet.fragment == Fragment::Later {
            return if covers && self.lies_over_the_first_header() { whole::CUT } else { whole::NONE };
        }
        if !packet.has_transport {
            return whole::NONE;
        }
        let is_there = usize::from(packet.transport_offset) + bytes <= self.end();
        if is_there { whole::ALL } else { whole::CUT }
    }

    /// Whether a fragment's tail begins eight bytes behind the start: it would lie over the flags of a TCP header.
    fn lies_over_the_first_header(&self) -> bool {
        let network = usize::from(self.packet.network_offset);
        let offset = if self.is_ipv6() {
            let at = self.extension(FRAGMENT).and_then(|at| self.bytes_at(at + 2));
            at.map(|bytes| u16::from_be_bytes(bytes) >> 3)
        } else {
            self.bytes_at(network + 6).map(|bytes| u16::from_be_bytes(bytes) & 0x1fff)
        };
        offset == Some(1)
    }

    fn byte_of_transport(&self, offset: usize) -> Option<u8> {
        self.bytes_at(usize::from(self.packet.transport_offset) + offset).map(|[byte]| byte)
    }

    /// Whether a header that says it is `length` bytes long, `fixed` of them no options, is so.
    fn options(&self, length: usize, fixed: usize) -> u8 {
        let is_there = length >= fixed && usize::from(self.packet.transport_offset) + length <= self.end();
        if is_there || length == fixed { whole::ALL } else { whole::CUT }
    }

    fn dccp_options(&self) -> u8 {
        match (self.byte_of_transport(4), self.byte_of_transport(8)) {
            (Some(offset), Some(kind)) => self.options(usize::from(offset) * 4, dccp_fixed(kind)),
            _ => whole::CUT,
        }
    }

    fn extension_of(&self, number: u8, bytes: usize) -> u8 {
        let at = match self.find_extension(number) {
            Found::At(at) => at,
            Found::Nowhere => return whole::NONE,
            Found::Cut => return whole::CUT,
        };
        if at + bytes > self.end() {
            return whole::CUT;
        }
        let says = self.bytes_at(at + 1).map_or(0, |[length]: [u8; 1]| length_of(number, length));
        let is_too_long = HAVE_LENGTHS.contains(&number) && at + says > self.end();
        if is_too_long { whole::CUT } else { whole::ALL }
    }
}

/// Bytes before the options of a DCCP header whose ninth byte is `kind`.
pub(super) const fn dccp_fixed(kind: u8) -> usize {
    let generic = if kind & 1 == 1 { DCCP + 4 } else { DCCP };
    generic
        + match kind >> 1 & 0xf {
            2 => 0,                     // data
            0 => 4,                     // request
            3 | 4 | 5 | 6 | 8 | 9 => 8, // ack, data-ack, closereq, close, sync, syncack
            _ => 12,                    // response, reset
        }
}

/// Bytes of a TCP header without options.
const TCP: usize = 20;
/// Bytes of a DCCP header with short sequence numbers, but for what its type adds.
const DCCP: usize = 12;
const FRAGMENT: u8 = 44;
/// Bytes of a mobility header without its message.
const MOBILITY: usize = 6;
const NO_NEXT_HEADER: u8 = 59;
/// Hop-by-hop options, routing, AH, destination options: their second byte tells how long they are.
const HAVE_LENGTHS: [u8; 4] = [0, 43, 51, 60];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::parse;
    use config::policy::Load;

    /// An IPv4 frame: protocol, fragment field, what is behind the header.
    fn v4(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
        let length = 20 + payload.len() as u16;
        let mut frame = vec![0; 12];
        frame.extend([8, 0, 0x45, 0]);
        frame.extend(length.to_be_bytes());
        frame.extend([0, 1]);
        frame.extend(fragment.to_be_bytes());
        frame.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        let sum: u32 = frame[14..34].chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1])).sum();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        frame.extend(payload);
        frame
    }

    /// An IPv6 frame: the first next header and all that is behind.
    fn v6(next: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 12];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend((payload.len() as u16).to_be_bytes());
        frame.extend([next, 64]);
        frame.extend([0x20; 32]);
        frame.extend(payload);
        frame
    }

    fn is(frame: &[u8], header: Header) -> u8 {
        let packet = parse(frame);
        Facts::of(&packet, frame).load(&Load::Whole(header)).map_or(9, |value| value as u8)
    }

    #[test]
    fn a_transport_header_is_whole_to_the_byte() {
        for bytes in [4_u8, 8, 12] {
            let payload = vec![0; usize::from(bytes)];
            let header = Header::Transport(bytes);
            assert_eq!(is(&v4(17, 0, &payload), header), whole::ALL);
            assert_eq!(is(&v4(17, 0, &payload[1..]), header), whole::CUT);
            assert_eq!(is(&v4(17, 3, &payload[1..]), header), whole::NONE, "a tail");
            assert_eq!(is(&v6(17, &payload), header), whole::ALL);
            assert_eq!(is(&v6(17, &payload[1..]), header), whole::CUT);
        }
        // Padding of the frame is no part of the packet.
        let mut padded = v4(1, 0, &[0; 7]);
        padded.extend([0; 20]);
        assert_eq!(is(&padded, Header::Transport(8)), whole::CUT);
    }

    #[test]
    fn a_tail_over_a_tcp_header_is_cut_off() {
        assert_eq!(is(&v4(6, 1, &[0; 40]), Header::Tcp), whole::CUT);
        assert_eq!(is(&v4(6, 2, &[0; 40]), Header::Tcp), whole::NONE);
        assert_eq!(is(&v4(6, 0, &[0; 19]), Header::Tcp), whole::CUT);
        assert_eq!(is(&v4(6, 0, &[0; 20]), Header::Tcp), whole::ALL);
        let tail = |offset: u16| {
            let mut payload = vec![6, 0];
            payload.extend((offset << 3).to_be_bytes());
            payload.extend([0; 44]);
            v6(44, &payload)
        };
        assert_eq!(is(&tail(1), Header::Tcp), whole::CUT);
        assert_eq!(is(&tail(2), Header::Tcp), whole::NONE);
    }

    #[test]
    fn options_are_as_long_as_the_header_says() {
        let tcp = |words: u8, bytes: usize| {
            let mut payload = vec![0; bytes];
            payload[12] = words << 4;
            v4(6, 0, &payload)
        };
        assert_eq!(is(&tcp(5, 20), Header::TcpOptions), whole::ALL);
        assert_eq!(is(&tcp(4, 20), Header::TcpOptions), whole::CUT);
        assert_eq!(is(&tcp(6, 24), Header::TcpOptions), whole::ALL);
        assert_eq!(is(&tcp(6, 23), Header::TcpOptions), whole::CUT);
        let dccp = |words: u8, kind: u8, bytes: usize| {
            let mut payload = vec![0; bytes];
            (payload[4], payload[8]) = (words, kind << 1);
            v4(33, 0, &payload)
        };
        assert_eq!(is(&dccp(4, 0, 16), Header::DccpOptions), whole::ALL);
        assert_eq!(is(&dccp(3, 0, 16), Header::DccpOptions), whole::CUT);
        assert_eq!(is(&dccp(5, 0, 16), Header::DccpOptions), whole::CUT);
        assert_eq!(is(&dccp(3, 2, 12), Header::DccpOptions), whole::ALL);
    }

    #[test]
    fn an_extension_header_is_none_cut_or_whole() {
        let hbh = Header::Extension { number: 0, bytes: 2 };
        let routing = Header::Extension { number: 43, bytes: 4 };
        assert_eq!(is(&v6(0, &[17, 0, 1, 4, 0, 0, 0, 0]), hbh), whole::ALL);
        assert_eq!(is(&v6(0, &[17]), hbh), whole::CUT);
        assert_eq!(is(&v6(0, &[17, 1, 1, 4, 0, 0, 0, 0]), hbh), whole::CUT, "it says that it is longer");
        assert_eq!(is(&v6(17, &[0; 8]), hbh), whole::NONE);
        assert_eq!(is(&v6(60, &[43]), routing), whole::CUT, "cut off on the way");
        assert_eq!(is(&v6(60, &[43, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0]), routing), whole::CUT);
        assert_eq!(is(&v4(17, 0, &[0; 8]), hbh), whole::NONE);
    }
}
