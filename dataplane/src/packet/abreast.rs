//! What do the headers of eight frames say? Where the processor has AVX2, they are read side by side.
//!
//! Only TCP over IPv4 is, without options or with the timestamps that most segments carry, as most packets are: of any such
//! frame this says what [`super::short::read`] says of it, and of what flow it is; every other frame is left to that.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "AVX2 is there or not when the program starts")
)]

use super::{Checksums, Short, flag, protocol};
use crate::eights::{EIGHT, Has};
use crate::flow::{Name, Orientation};

/// What the headers of eight frames say, by frame.
#[derive(Debug, Default)]
pub struct Eight {
    /// A bit for each frame that was read; of the others nothing here means anything.
    plain: u8,
    frame_lengths: [u32; EIGHT],
    network_lengths: [u32; EIGHT],
    pub(crate) payload_lengths: [u32; EIGHT],
    sources: [u32; EIGHT],
    destinations: [u32; EIGHT],
    /// The sender's above the receiver's.
    ports: [u32; EIGHT],
    pub(crate) sequences: [u32; EIGHT],
    pub(crate) acknowledgements: [u32; EIGHT],
    /// Flags from bit 16 on, the window below.
    pub(crate) controls: [u32; EIGHT],
    low: [u32; EIGHT],
    high: [u32; EIGHT],
    /// The one at the end named first is below.
    name_ports: [u32; EIGHT],
    /// All bits set where the sender is the end named last.
    down: [u32; EIGHT],
}

impl Eight {
    /// Whether frame number `lane` was read.
    #[inline(always)]
    #[must_use]
    pub const fn is_plain(&self, lane: usize) -> bool {
        self.plain >> lane & 1 != 0
    }

    /// What would be read of segments as these are.
    #[cfg(test)]
    pub(crate) fn of(shorts: [Short; EIGHT]) -> Self {
        Self {
            plain: u8::MAX,
            payload_lengths: shorts.map(|short| short.payload_length.into()),
            sequences: shorts.map(|short| short.sequence),
            acknowledgements: shorts.map(|short| short.acknowledgement),
            controls: shorts.map(|short| u32::from(short.flags) << 16 | u32::from(short.window)),
            ..Self::default()
        }
    }

    /// Of eight frames that were read, each in a place of its own: where they stand in their streams, and nothing else.
    #[inline(always)]
    #[must_use]
    pub fn gathered(from: [(&Self, usize); EIGHT]) -> Self {
        Self {
            plain: if from.iter().all(|(eight, lane)| eight.is_plain(*lane)) { u8::MAX } else { 0 },
            network_lengths: from.map(|(eight, lane)| eight.network_lengths[lane]),
            payload_lengths: from.map(|(eight, lane)| eight.payload_lengths[lane]),
            sequences: from.map(|(eight, lane)| eight.sequences[lane]),
            acknowledgements: from.map(|(eight, lane)| eight.acknowledgements[lane]),
            controls: from.map(|(eight, lane)| eight.controls[lane]),
            ..Self::default()
        }
    }

    /// Whether frame number `lane` was read and is a segment that connections which stand are made of, as
    /// [`Short::goes_on`] says.
    #[inline(always)]
    #[must_use]
    pub const fn goes_on(&self, lane: usize) -> bool {
        self.is_plain(lane) && Short::may_go_on(protocol::TCP, (self.controls[lane] >> 16) as u8)
    }

    /// Whether all were read.
    #[inline(always)]
    #[must_use]
    pub const fn are_all_plain(&self) -> bool {
        self.plain == u8::MAX
    }

    /// Bytes of all eight frames, read or not.
    #[inline(always)]
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.frame_lengths.iter().map(|&length| u64::from(length)).sum()
    }

    /// Whether packet number `lane` has SYN.
    #[inline(always)]
    #[must_use]
    pub const fn has_syn(&self, lane: usize) -> bool {
        self.controls[lane] >> 16 & flag::SYN as u32 != 0
    }

    /// Bytes of the packets, if all were read.
    #[inline(always)]
    #[must_use]
    pub fn network_bytes(&self) -> u64 {
        self.network_lengths.iter().map(|&length| u64::from(length)).sum()
    }

    /// What was read of frame number `lane`.
    #[inline(always)]
    #[must_use]
    pub const fn short(&self, lane: usize) -> Short {
        let (ports, control) = (self.ports[lane], self.controls[lane]);
        let (network_length, payload_length) =
            (self.network_lengths[lane] as u16, self.payload_lengths[lane] as u16);
        Short {
            source: self.sources[lane],
            destination: self.destinations[lane],
            source_port: (ports >> 16) as u16,
            destination_port: ports as u16,
            frame_length: self.frame_lengths[lane] as u16,
            network_length,
            protocol: protocol::TCP,
            flags: (control >> 16) as u8,
            window: control as u16,
            sequence: self.sequences[lane],
            acknowledgement: self.acknowledgements[lane],
            payload_length,
            header_length: network_length.wrapping_sub(payload_length).wrapping_sub(IP as u16) as u8,
            window_scale: None,
            sack_permitted: false,
            is_v6: false,
        }
    }

    /// Its flow, and which way along it the packet goes: as [`Name::of_short`].
    #[inline(always)]
    #[must_use]
    pub const fn name(&self, lane: usize) -> (Name, Orientation) {
        let name = Name {
            addresses: self.low[lane] as u64 | (self.high[lane] as u64) << 32,
            ports_and_protocol: self.name_ports[lane] as u64 | (protocol::TCP as u64) << 32,
        };
        (name, if self.down[lane] == 0 { Orientation::Up } else { Orientation::Down })
    }
}

/// Reads eight frames.
#[cfg(not(target_arch = "x86_64"))]
pub const fn read<B>(has: Has, _: &[B; EIGHT], _: Checksums, _: &mut Eight) {
    match has {}
}

#[cfg(target_arch = "x86_64")]
pub use avx2::read;

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::super::checksum::Sum;
    use super::super::short::{TIMESTAMPS, TIMESTAMPS_FIRST};
    use super::super::{ethernet, protocol};
    use super::{Checksums, EIGHT, Eight, HEADERS, HEADS, Has};
    use crate::eights::{load, load_words, stored, transposed};
    use crate::frame::Frame;
    use crate::io::Buffer;
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi32, _mm256_and_si256, _mm256_blendv_epi8, _mm256_castps_si256,
        _mm256_castsi256_ps, _mm256_cmpeq_epi32, _mm256_cmpgt_epi32, _mm256_movemask_ps, _mm256_or_si256,
        _mm256_permute4x64_epi64, _mm256_set_epi64x, _mm256_set1_epi32, _mm256_setr_epi8,
        _mm256_shuffle_epi8, _mm256_shuffle_ps, _mm256_slli_epi32, _mm256_srli_epi32, _mm256_sub_epi32,
        _mm256_xor_si256,
    };

    /// Reads eight frames.
    #[inline(always)]
    pub fn read<B: Buffer>(_: Has, burst: &[B; EIGHT], checksums: Checksums, into: &mut Eight) {
        let mut heads = Heads::default();
        for (lane, buffer) in burst.iter().enumerate() {
            heads.add(lane, buffer.frame());
        }
        // SAFETY: there is a `Has` only where the processor has all that is asked for.
        unsafe { read_heads(&heads, checksums, into) }
    }

    /// What is looked at of each frame by itself.
    struct Heads<'f> {
        bytes: [&'f [u8; HEADS]; EIGHT],
        /// A bit for each that may be plain.
        plain: u8,
        frame_lengths: [u32; EIGHT],
        /// Sums of what follows the headers: options and payload.
        behind: [u32; EIGHT],
        /// How that begins, where there is room for timestamps.
        options: [u32; EIGHT],
    }

    impl Default for Heads<'_> {
        #[inline(always)]
        fn default() -> Self {
            Self {
                bytes: [&[0; HEADS]; EIGHT],
                plain: 0,
                frame_lengths: [0; EIGHT],
                behind: [0; EIGHT],
                options: [0; EIGHT],
            }
        }
    }

    impl<'f> Heads<'f> {
        #[inline(always)]
        fn add<F: Frame + ?Sized>(&mut self, lane: usize, frame: &'f F) {
            let (head, frame_length) = (frame.head(), frame.length());
            self.frame_lengths[lane] = frame_length as u32;
            let Some((bytes, behind)) = head.split_first_chunk::<HEADS>() else { return };
            let network_length = u16::from_be_bytes([bytes[16], bytes[17]]);
            let length = usize::from(network_length).wrapping_sub(HEADERS);
            let Some(behind) = behind.get(..length) else { return };
            let is_plain = (frame_length == head.len())
                & (frame_length <= usize::from(u16::MAX))
                & (bytes[12..14] == ethernet::IPV4.to_be_bytes())
                & (bytes[0] & 1 == 0);
            self.bytes[lane] = bytes;
            self.plain |= u8::from(is_plain) << lane;
            // the last eight bytes up to its end, those before it shifted out
            let last = |before: usize| {
                let last = head[..HEADS + length].last_chunk();
                last.map_or(0, |last| u64::from_le_bytes(*last)) >> (8 * before)
            };
            self.behind[lane] = match (length, behind.first_chunk::<8>()) {
                (0, _) => 0,
                (1..=8, _) => pairs(last(8 - length)),
                (9..=16, Some(first)) => pairs(u64::from_le_bytes(*first)) + pairs(last(16 - length)),
                _ => Sum::of(behind).halved(),
            };
            if let Some(options) = behind.first_chunk::<TIMESTAMPS>() {
                self.options[lane] = u32::from_le_bytes([options[0], options[1], options[2], options[3]]);
            }
        }
    }

    /// The sum of four halves.
    #[inline(always)]
    const fn pairs(word: u64) -> u32 {
        let pairs = (word & 0x0000_ffff_0000_ffff) + (word >> 16 & 0x0000_ffff_0000_ffff);
        (pairs as u32).wrapping_add((pairs >> 32) as u32)
    }

    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn read_heads(heads: &Heads<'_>, checksums: Checksums, into: &mut Eight) {
        let row = |lane: usize| {
            let words: &[u8; 32] = heads.bytes[lane][14..].first_chunk().unwrap_or(&[0; 32]);
            load_words(words)
        };
        let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
        // words in the byte order of the network
        let [begins, fragments, carried, sources, destinations, ports, sequences, acknowledgements] =
            transposed(rows);
        let rest = |lane: usize| {
            let rest: &[u8; 8] = heads.bytes[lane][46..].first_chunk().unwrap_or(&[0; 8]);
            i64::from_le_bytes(*rest)
        };
        let low = _mm256_castsi256_ps(_mm256_set_epi64x(rest(3), rest(2), rest(1), rest(0)));
        let high = _mm256_castsi256_ps(_mm256_set_epi64x(rest(7), rest(6), rest(5), rest(4)));
        let in_order = |mixed| _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_castps_si256(mixed));
        let controls = in_order(_mm256_shuffle_ps::<0b10_00_10_00>(low, high));
        let checks = in_order(_mm256_shuffle_ps::<0b11_01_11_01>(low, high));

        let number = |number: u32| _mm256_set1_epi32(number.cast_signed());
        let and = |one, other| _mm256_and_si256(one, number(other));
        let add = |one, other| _mm256_add_epi32(one, other);
        let is = |one, other| _mm256_cmpeq_epi32(one, number(other));
        let both = |one, other| _mm256_and_si256(one, other);
        let is_ip = both(is(and(begins, 0xff), 0x45), is(and(fragments, FRAGMENT), 0));
        let is_tcp = is(and(carried, 0xff00), u32::from(protocol::TCP) << 8);
        let has_no_options = is(and(controls, 0xf0), 0x50);
        let begins_so = is(load(&heads.options), u32::from_le_bytes(TIMESTAMPS_FIRST));
        let has_timestamps = both(is(and(controls, 0xf0), 0x80), begins_so);
        let has_plain_options = _mm256_or_si256(has_no_options, has_timestamps);
        let addresses = add(halves(sources), halves(destinations));
        let of_ip = add(add(halves(begins), halves(fragments)), add(halves(carried), addresses));
        let mut is_plain = both(both(is_ip, is_tcp), both(has_plain_options, holds(of_ip)));
        let network_lengths = and(swapped(begins), 0xffff);
        if checksums == Checksums::Verified {
            let transport_length = _mm256_sub_epi32(network_lengths, number(20));
            let of_pseudo = add(
                _mm256_srli_epi32::<16>(swapped(transport_length)),
                number(u32::from(protocol::TCP) << 8),
            );
            let of_stream = add(halves(sequences), halves(acknowledgements));
            let of_rest = add(add(halves(controls), halves(checks)), halves(load(&heads.behind)));
            let of_tcp = add(add(add(addresses, of_pseudo), halves(ports)), add(of_stream, of_rest));
            is_plain = both(is_plain, holds(of_tcp));
        }

        let (sources, destinations, ports) = (swapped(sources), swapped(destinations), swapped(ports));
        let sign = number(1 << 31);
        let is_after =
            _mm256_cmpgt_epi32(_mm256_xor_si256(sources, sign), _mm256_xor_si256(destinations, sign));
        let is_port_after = _mm256_cmpgt_epi32(_mm256_srli_epi32::<16>(ports), and(ports, 0xffff));
        let is_one = _mm256_cmpeq_epi32(sources, destinations);
        let down = _mm256_or_si256(is_after, _mm256_and_si256(is_one, is_port_after));
        let turned = _mm256_or_si256(_mm256_srli_epi32::<16>(ports), _mm256_slli_epi32::<16>(ports));
        into.plain = heads.plain & _mm256_movemask_ps(_mm256_castsi256_ps(is_plain)) as u8;
        into.frame_lengths = heads.frame_lengths;
        into.network_lengths = stored(network_lengths);
        let of_headers = add(number(HEADERS as u32), and(has_timestamps, TIMESTAMPS as u32));
        into.payload_lengths = stored(_mm256_sub_epi32(network_lengths, of_headers));
        into.sources = stored(sources);
        into.destinations = stored(destinations);
        into.ports = stored(ports);
        into.sequences = stored(swapped(sequences));
        into.acknowledgements = stored(swapped(acknowledgements));
        into.controls = stored(swapped(controls));
        into.low = stored(_mm256_blendv_epi8(sources, destinations, down));
        into.high = stored(_mm256_blendv_epi8(destinations, sources, down));
        into.name_ports = stored(_mm256_blendv_epi8(turned, ports, down));
        into.down = stored(down);
    }

    /// The sum of both halves of each word.
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    #[inline]
    fn halves(words: __m256i) -> __m256i {
        _mm256_add_epi32(_mm256_srli_epi32::<16>(words), _mm256_and_si256(words, _mm256_set1_epi32(0xffff)))
    }

    /// As [`Sum::holds`], of sums of fewer than 2^15 halves.
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    #[inline]
    fn holds(sums: __m256i) -> __m256i {
        _mm256_cmpeq_epi32(halves(halves(sums)), _mm256_set1_epi32(0xffff))
    }

    /// Words of the network's byte order in the machine's.
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    #[inline]
    fn swapped(words: __m256i) -> __m256i {
        let order = _mm256_setr_epi8(
            3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15,
            14, 13, 12,
        );
        _mm256_shuffle_epi8(words, order)
    }

    /// More fragments, or an offset: in the second word, as it lies.
    const FRAGMENT: u32 = 0xff3f_0000;
}

/// Bytes of the headers of Ethernet, IPv4 and TCP, and of the last two.
#[cfg(target_arch = "x86_64")]
const HEADS: usize = 14 + HEADERS;
/// Those of IPv4 and TCP.
#[cfg(target_arch = "x86_64")]
const HEADERS: usize = IP + 20;
const IP: usize = 20;

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::{EIGHT, Eight, Has, read};
    use crate::flow::Name;
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Checksums, flag, protocol, short};
    use proptest::prelude::*;

    /// Segments without options and with some, between ends in either order and of one address, and what is left to others.
    fn frames() -> Vec<Vec<u8>> {
        let (one, other) = ([10, 0, 0, 1], [192, 168, 255, 254]);
        let ends = [(one, other), (other, one), (one, one)];
        let ports = [(443, 50_000), (50_000, 443), (443, 443)];
        let mut frames = Vec::new();
        for (source, destination) in ends {
            let ip = FrameBuilder::new().ip(source, destination);
            for (from, to) in ports {
                for length in [0, 6, 7, 8, 9, 11, 15, 16, 17, 30, 1400] {
                    frames.push(
                        ip.clone().tcp(from, to, flag::ACK | flag::PSH).payload(&vec![0xfe; length]).build(),
                    );
                }
                for length in [0, 1, 3, 4, 5, 30, 1400] {
                    frames.push(
                        ip.clone()
                            .tcp(from, to, flag::ACK | flag::PSH)
                            .tcp_options(&[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8])
                            .payload(&vec![0xfe; length])
                            .build(),
                    );
                }
                frames.push(ip.clone().tcp(from, to, flag::SYN).build());
                frames.push(ip.clone().udp(from, to).payload(&[1, 2, 3]).build());
            }
        }
        let ip = FrameBuilder::new().ip(one, other);
        for options in
            [&[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8][..], &[8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1], &[1; 12]]
        {
            for flags in [flag::ACK, flag::SYN] {
                frames.push(ip.clone().tcp(443, 1, flags).tcp_options(options).build());
            }
        }
        frames.push(
            FrameBuilder::new()
                .ip([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], [0xfe80, 0, 0, 0, 1, 2, 3, 4])
                .tcp(443, 1, flag::ACK)
                .build(),
        );
        frames
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        /// Frames with bytes changed, padded and cut.
        #[test]
        fn eight_are_read_as_each_of_them(
            picks: [(prop::sample::Index, usize, usize); EIGHT],
            changes in prop::collection::vec((0..EIGHT, 0..60_usize, any::<u8>()), 0..4),
            trusts: bool,
        ) {
            let frames = frames();
            let mut burst: [Vec<u8>; EIGHT] = picks.map(|(which, padding, cut)| {
                let mut frame = which.get(&frames).clone();
                frame.resize(frame.len() + if padding % 2 == 0 { 0 } else { padding % 64 }, 0);
                frame.truncate(if cut % 8 == 0 { cut / 8 % 70 } else { usize::MAX });
                frame
            });
            for (lane, at, byte) in changes {
                if let Some(place) = burst[lane].get_mut(at) {
                    *place = byte;
                }
            }
            let Some(has) = Has::detected() else { return Ok(()) };
            let checksums = if trusts { Checksums::Trusted } else { Checksums::Verified };
            let mut eight = Eight::default();
            read(has, &burst, checksums, &mut eight);
            prop_assert_eq!(eight.bytes(), burst.iter().map(|frame| frame.len() as u64).sum::<u64>());
            for (lane, frame) in burst.iter().enumerate() {
                let plain = short::read(&frame[..], checksums)
                    .filter(|short| short.protocol == protocol::TCP)
                    .filter(|short| !short.is_v6 && matches!(short.header_length, 20 | 32))
                    .filter(|short| short.header_length == 20 || frame[54..58] == [1, 1, 8, 10]);
                prop_assert_eq!(eight.is_plain(lane).then(|| eight.short(lane)), plain);
                if let Some(plain) = plain {
                    prop_assert_eq!(eight.name(lane), Name::of_short(&plain));
                }
            }
        }
    }
}
