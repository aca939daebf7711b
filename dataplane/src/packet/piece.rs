//! Which bytes of which datagram does a fragment carry? RFC 791, section 3.2; RFC 8200, section 4.5.
//!
//! Read only of fragments, when they are to be put together; a packet in one piece never comes here. What the answer
//! is of fragments that are malformed is the kernel's: some IPv6 fragments are nobody's, and go on alone.

use super::bytes::{Bytes, be16, be32};
use super::extension::{self, FRAGMENT, NO_NEXT_HEADER};
use super::{Network, Packet, protocol};
use crate::frame::Frame;

/// What a fragment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Piece {
    /// Which of its sender's datagrams it is of.
    pub identification: u32,
    /// Its first byte in the datagram's.
    pub start: u32,
    /// Behind its last byte in the datagram's. Of IPv4, bytes that do not fill up eight do not count in any but the
    /// last fragment.
    pub end: u32,
    /// Whether others follow.
    pub more: bool,
    /// "Don't fragment" (IPv4).
    pub dont_fragment: bool,
    /// The two bits of explicit congestion notification.
    pub congestion: u8,
    /// Offset of the network header in the frame.
    pub network: u16,
    /// Bytes of the frame in front of what the datagram has only in fragments: up to the end of the IPv4 header, or to
    /// the IPv6 fragment header.
    pub head: u16,
    /// Where in the frame stands the number that says a fragment header comes (IPv6).
    pub previous: u16,
    /// What comes behind the fragment header (IPv6).
    pub next: u8,
    /// Offset in the frame of the bytes carried.
    pub payload: u32,
}

/// What is to be done with a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Put together with others.
    Piece(Piece),
    /// It goes on by itself, as it is. With a number, what is held of the datagram of that identification is given up.
    Alone(Option<u32>),
    /// Dropped: the fragment header is cut off, or the bytes lie beyond the longest datagram.
    Refused,
}

/// Bytes of a transport header that a first IPv6 fragment must hold (RFC 8200, section 4.5; RFC 7112).
pub(super) const fn least_transport(number: u8) -> usize {
    match number {
        protocol::TCP => 20,
        protocol::UDP | protocol::ICMPV6 => 8,
        _ => 1,
    }
}

/// Reads `packet`, a fragment, which lies in `frame`.
#[must_use]
pub fn piece<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Found {
    let bytes = packet.bytes_of(frame);
    match packet.tuple.network {
        Network::Ipv4 => ipv4(&bytes, packet).map_or(Found::Refused, Found::Piece),
        Network::Ipv6 => ipv6(&bytes, packet),
        Network::Other => Found::Alone(None),
    }
}

fn ipv4<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, packet: &Packet) -> Option<Piece> {
    let header: [u8; 20] = bytes.array(usize::from(packet.network_offset))?;
    let bits = be16(&header, 6..8);
    let more = bits & 0x2000 != 0;
    let start = u32::from(bits & 0x1fff) * 8;
    let end = start + (bytes.end() - usize::from(packet.transport_offset)) as u32;
    Some(Piece {
        identification: be16(&header, 4..6).into(),
        start,
        end: if more { end & !7 } else { end },
        more,
        dont_fragment: bits & 0x4000 != 0,
        congestion: header[1] & 3,
        network: packet.network_offset,
        head: packet.transport_offset,
        payload: packet.transport_offset.into(),
        ..Piece::default()
    })
}

fn ipv6<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, packet: &Packet) -> Found {
    let network = usize::from(packet.network_offset);
    let Some(header) = bytes.array::<40>(network) else { return Found::Refused };
    let is_jumbo = be16(&header, 4..6) == 0;
    let Some((previous, at)) = fragment_header(bytes, network + 6, header[6], network + 40) else {
        return Found::Alone(None);
    };
    if is_jumbo || lacks_transport(bytes, at) {
        return Found::Alone(None);
    }
    let Some(fragment) = bytes.array::<8>(at) else { return Found::Refused };
    let (bits, identification) = (be16(&fragment, 2..4), be32(&fragment, 4..8));
    let (start, more) = (u32::from(bits & !7), bits & 1 != 0);
    let end = start + (bytes.end() - (at + 8)) as u32;
    if end > u32::from(u16::MAX) {
        return Found::Refused;
    }
    if more && !end.is_multiple_of(8) {
        return Found::Alone(Some(identification));
    }
    Found::Piece(Piece {
        identification,
        start,
        end,
        more,
        dont_fragment: false,
        congestion: header[1] >> 4 & 3,
        network: packet.network_offset,
        head: at as u16,
        previous: previous as u16,
        next: fragment[0],
        payload: at as u32 + 8,
    })
}

/// Where the number that announces the first fragment header stands, and that header: from the number at `previous`,
/// `next`, with its header at `at`. `None` if there is none.
fn fragment_header<F: Frame + ?Sized>(
    bytes: &Bytes<'_, F>,
    mut previous: usize,
    mut next: u8,
    mut at: usize,
) -> Option<(usize, usize)> {
    while next != FRAGMENT {
        if !extension::is_extension(next) {
            return None;
        }
        let [following, length] = bytes.array(at)?;
        previous = at;
        at += extension::length_of(next, length);
        next = following;
    }
    (at <= bytes.end()).then_some((previous, at))
}

/// Whether a first fragment, whose fragment header is at `at`, ends before the transport header does.
fn lacks_transport<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, mut at: usize) -> bool {
    let mut next = FRAGMENT;
    while extension::is_extension(next) {
        let Some([following, length]) = bytes.array(at) else { return false };
        if next == FRAGMENT {
            let Some(bits) = bytes.array(at + 2) else { return false };
            if u16::from_be_bytes(bits) & !7 != 0 {
                return false;
            }
        }
        at += extension::length_of(next, length);
        next = following;
    }
    next != NO_NEXT_HEADER && at + least_transport(next) > bytes.end()
}

#[cfg(test)]
mod tests {
    use super::{Found, Piece, piece};
    use crate::packet::build::FrameBuilder;
    use crate::packet::{parse, protocol};

    fn read(frame: &FrameBuilder) -> Found {
        let frame = frame.build();
        piece(&frame[..], &parse(&frame[..]))
    }

    fn v4(length: usize) -> FrameBuilder {
        let frame = FrameBuilder::new().ip([1, 2, 3, 4], [5, 6, 7, 8]).identification(77);
        frame.raw(protocol::UDP).payload(&vec![7; length])
    }

    fn v6(length: usize) -> FrameBuilder {
        let frame = FrameBuilder::new().ip([1, 0, 0, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 0, 0, 2]);
        frame.identification(0x0007_7777).raw(protocol::UDP).payload(&vec![7; length])
    }

    #[test]
    fn ipv4_rounds_down_where_more_follow() {
        let expected = Piece {
            identification: 77,
            start: 16,
            end: 32,
            more: true,
            network: 18,
            head: 42,
            payload: 42,
            ..Piece::default()
        };
        let frame = v4(23).vlan(0x8100, 5).ipv4_options(&[1, 1, 1, 0]).fragment(2, true).padding(9);
        assert_eq!(read(&frame), Found::Piece(expected));
        let last = Piece { end: 39, more: false, ..expected };
        let frame = v4(23).vlan(0x8100, 5).ipv4_options(&[1, 1, 1, 0]).fragment(2, false).padding(9);
        assert_eq!(read(&frame), Found::Piece(last));
    }

    #[test]
    fn ipv6_knows_what_to_take_out() {
        let options = [0, 0, 1, 4, 0, 0, 0, 0];
        let expected = Piece {
            identification: 0x0007_7777,
            start: 24,
            end: 40,
            more: true,
            network: 14,
            head: 62,
            previous: 54,
            next: protocol::UDP,
            payload: 70,
            ..Piece::default()
        };
        assert_eq!(read(&v6(16).extension(0, &options).fragment(3, true)), Found::Piece(expected));
        let Found::Piece(plain) = read(&v6(16).fragment(3, true)) else { panic!("a piece") };
        assert_eq!((plain.previous, plain.head, plain.payload), (20, 54, 62));
    }

    #[test]
    fn ipv6_fragments_that_nobody_puts_together() {
        assert_eq!(
            read(&v6(15).fragment(3, true)),
            Found::Alone(Some(0x0007_7777)),
            "not a multiple of eight"
        );
        assert_eq!(read(&v6(16).fragment(0x1fff, false)), Found::Refused, "beyond the longest datagram");
        assert_eq!(read(&v6(4).fragment(0, false)), Found::Alone(None), "half a UDP header");
        let cut = v6(0).raw(44).payload(&[17, 0, 0]);
        assert_eq!(read(&cut), Found::Refused);
        let cut = v6(0).raw(44).payload(&[17, 0, 0, 1]);
        assert_eq!(read(&cut), Found::Alone(None), "half a fragment header, no transport header");
        let cut = v6(0).raw(44).payload(&[17, 0, 0, 9]);
        assert_eq!(read(&cut), Found::Refused);
        assert!(matches!(read(&v6(8).fragment(0, true)), Found::Piece(_)));
    }
}
