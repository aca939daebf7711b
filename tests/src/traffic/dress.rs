//! In what may any packet be wrapped? VLAN tags, IPv4 options, IPv6 extension headers in every order, odd fields.

use dataplane::packet::build::FrameBuilder;

use super::Random;

/// What all packets of a conversation have around them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dress {
    vlan: Option<(u16, u16)>,
    /// Which of [`OPTIONS`], over IPv4.
    options: Option<usize>,
    /// Which of [`EXTENSIONS`], in which order, over IPv6.
    extensions: [Option<usize>; 4],
    /// Time to live.
    hops: Option<u8>,
    /// Type of service.
    service: Option<u8>,
}

impl Dress {
    /// None, mostly.
    pub(super) fn new(random: &mut Random, vlans: bool) -> Self {
        let mut dress = Self::default();
        if random.chance(75) {
            return dress;
        }
        if vlans && random.chance(20) {
            dress.vlan = Some((random.pick(&[0x8100, 0x8100, 0x88a8]), random.pick(&[0, 1, 5, 0x2064])));
        }
        if random.chance(50) {
            dress.options = Some(random.below(OPTIONS.len()));
        }
        if random.chance(60) {
            for place in &mut dress.extensions {
                *place = random.chance(40).then(|| random.below(EXTENSIONS.len()));
            }
        }
        if random.chance(25) {
            dress.hops = Some(random.pick(&[0, 1, 63, 255]));
        }
        if random.chance(25) {
            dress.service = Some(random.pick(&[1, 0x20, 0xb8, 0xff, 3]));
        }
        dress
    }

    pub(super) fn put_on(&self, frame: FrameBuilder, ipv6: bool) -> FrameBuilder {
        let mut frame = frame;
        if let Some((protocol, control)) = self.vlan {
            frame = frame.vlan(protocol, control);
        }
        if let Some(hops) = self.hops {
            frame = frame.time_to_live(hops);
        }
        if let Some(service) = self.service {
            frame = if ipv6 {
                frame.network_bytes(0, &[0x60 | service >> 4, service << 4])
            } else {
                frame.network_bytes(1, &[service])
            };
        }
        if !ipv6 {
            return match self.options {
                Some(options) => frame.ipv4_options(OPTIONS[options]),
                None => frame,
            };
        }
        for extension in self.extensions.iter().flatten() {
            let (number, bytes) = EXTENSIONS[*extension];
            frame = frame.extension(number, bytes);
        }
        frame
    }

    /// The least payload length that holds the hop-by-hop options whole. Of a packet that says less, and of one that says
    /// zero (RFC 2675), a bridge, as the oracle is one, cuts the rest off before it tracks it, and drops it behind
    /// that; a host drops the one at once and takes the other whole.
    pub(super) fn least_payload(&self) -> u16 {
        match self.extensions.iter().flatten().next() {
            Some(&first) if EXTENSIONS[first].0 == 0 => EXTENSIONS[first].1.len() as u16,
            _ => 0,
        }
    }

    /// How many bytes lie between the end of the plain headers and the transport header, and before the network header.
    pub(super) fn length(&self, ipv6: bool) -> usize {
        let tag = if self.vlan.is_some() { 4 } else { 0 };
        let inner = if ipv6 {
            self.extensions.iter().flatten().map(|extension| EXTENSIONS[*extension].1.len()).sum()
        } else {
            self.options.map_or(0, |options| OPTIONS[options].len().next_multiple_of(4))
        };
        tag + inner
    }
}

/// Options of IPv4 (RFC 791, RFC 2113), in order and not.
const OPTIONS: &[&[u8]] = &[
    &[1, 1, 1, 0],
    &[7, 7, 4, 0, 0, 0, 0, 0],
    &[7, 11, 8, 198, 51, 100, 9, 0, 0, 0, 0, 0],
    &[148, 4, 0, 0],
    &[148, 4, 0, 1],
    &[131, 7, 4, 192, 0, 2, 10, 0],
    &[137, 11, 8, 192, 0, 2, 10, 198, 51, 100, 1, 0],
    &[68, 8, 5, 0, 0, 0, 0, 0],
    &[1, 148, 4, 0, 0, 0, 0, 0],
    &[7, 0, 4, 0],
    &[7, 1, 4, 0],
    &[7, 40, 4, 0],
    &[130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    &[255, 4, 1, 2],
    &[0, 7, 7, 4],
];

/// Extension headers of IPv6 (RFC 8200, RFC 4302, RFC 6275, RFC 7401), in order and not; the first byte is written when
/// the next one is known.
const EXTENSIONS: &[(u8, &[u8])] = &[
    (0, &[0, 0, 1, 4, 0, 0, 0, 0]),
    (0, &[0, 0, 5, 2, 0, 0, 1, 0]),
    (0, &[0, 1, 1, 4, 0, 0, 0, 0, 0x1e, 6, 1, 2, 3, 4, 5, 6]),
    (60, &[0, 0, 1, 4, 0, 0, 0, 0]),
    (60, &[0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    (60, &[0, 0, 0xc9, 4, 1, 2, 3, 4]),
    (43, &[0, 2, 0, 1, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]),
    (43, &[0, 2, 2, 1, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]),
    (43, &[0, 0, 4, 0, 0, 0, 0, 0]),
    (43, &[0, 0, 253, 2, 0, 0, 0, 0]),
    (51, &[0, 4, 0, 0, 0, 0, 0, 100, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    (135, &[0, 0, 1, 0, 0, 0, 0, 0]),
    (139, &[0, 0, 1, 0, 0, 0, 0, 0]),
    (140, &[0, 0, 1, 0, 0, 0, 0, 0]),
    (60, &[0, 9, 1, 4, 0, 0, 0, 0]),
];
