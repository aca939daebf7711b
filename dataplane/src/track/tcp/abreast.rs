//! Do eight segments leave their connections as they are, but for their places in the streams? Where the processor has
//! AVX2, this is asked of eight connections side by side.
//!
//! What is done to them is what [`super::plain`] does to one, line by line; bounds have the numbers of
//! [`window`](super::window). If it does not hold of one of them, nothing has happened to any.
#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "AVX2 is there or not when the program starts")
)]

use crate::eights::{EIGHT, Has};
use crate::packet::abreast::Eight;
use crate::track::Timeouts;
use crate::track::record::WORDS;

/// As [`super::go_on`], for eight segments that were read, of different connections, each of the reply direction where all
/// bits of `replies` are set, or of the original one where none is: the timeouts.
#[inline(always)]
pub(in crate::track) fn go_on(
    has: Has,
    words: [&mut [u32; WORDS]; EIGHT],
    segments: &Eight,
    replies: &[u32; EIGHT],
    timeouts: &Timeouts,
) -> Option<[u32; EIGHT]> {
    #[cfg(target_arch = "x86_64")]
    {
        let _: Has = has;
        // SAFETY: there is a `Has` only where the processor has all that is asked for.
        unsafe { avx2::go_on(words, segments, replies, timeouts) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (words, segments, replies, timeouts);
        match has {}
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::super::connection::Side;
    use super::super::packed::{self, EIGHT as SEGMENT, FOLLOWS, NINE};
    use super::super::window::MAX_ACK_WINDOW;
    use super::super::{Class, MAX_RETRANSMISSIONS, State};
    use super::{EIGHT, Eight, Timeouts, WORDS};
    use crate::eights::{load, store, stored, transposed};
    use crate::packet::flag;
    use std::arch::x86_64::{
        _mm256_add_epi32, _mm256_and_si256, _mm256_andnot_si256, _mm256_blendv_epi8, _mm256_castsi256_ps,
        _mm256_cmpeq_epi32, _mm256_cmpgt_epi32, _mm256_max_epu32, _mm256_min_epi32, _mm256_movemask_ps,
        _mm256_or_si256, _mm256_set1_epi32, _mm256_slli_epi32, _mm256_sllv_epi32, _mm256_srai_epi32,
        _mm256_srli_epi32, _mm256_srlv_epi32, _mm256_sub_epi32,
    };

    #[target_feature(enable = "avx2,bmi1,bmi2")]
    pub(super) fn go_on(
        words: [&mut [u32; WORDS]; EIGHT],
        segments: &Eight,
        replies: &[u32; EIGHT],
        timeouts: &Timeouts,
    ) -> Option<[u32; EIGHT]> {
        let number = |number: u32| _mm256_set1_epi32(number.cast_signed());
        let add = |one, other| _mm256_add_epi32(one, other);
        let less = |one, other| _mm256_sub_epi32(one, other);
        let and = |one, other| _mm256_and_si256(one, other);
        let or = |one, other| _mm256_or_si256(one, other);
        let is = |one, other| _mm256_cmpeq_epi32(one, other);
        let none = number(0);

        let row = |lane: usize| load(words[lane].first_chunk().unwrap_or(&[0; EIGHT]));
        let rows = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
        let sides = transposed(rows);
        let (mut eights, mut nines) = ([0; EIGHT], [0; EIGHT]);
        for (lane, words) in words.iter().enumerate() {
            (eights[lane], nines[lane]) = (words[SEGMENT], words[NINE]);
        }
        let (last_segment, nine, reply) = (load(&eights), load(&nines), load(replies));

        // what its sender's side is of it, and its receiver's
        let pick = |original, of_reply| _mm256_blendv_epi8(original, of_reply, reply);
        let (end, max_end) = (pick(sides[0], sides[4]), pick(sides[1], sides[5]));
        let (max_window, max_ack) = (pick(sides[2], sides[6]), pick(sides[3], sides[7]));
        let (peers_end, peers_max_end) = (pick(sides[4], sides[0]), pick(sides[5], sides[1]));
        let peers_max_window = pick(sides[6], sides[2]);
        let (flags_at, peers_flags_at) = (pick(number(8), number(14)), pick(number(14), number(8)));
        let flags = _mm256_srlv_epi32(nine, flags_at);
        let peers_flags = _mm256_srlv_epi32(nine, peers_flags_at);
        let scale = and(_mm256_srlv_epi32(nine, and(reply, number(4))), number(0xf));

        let sequence = load(&segments.sequences);
        let acknowledgement = load(&segments.acknowledgements);
        let control = load(&segments.controls);
        let length = load(&segments.payload_lengths);
        let behind = add(sequence, length);
        let raw_window = and(control, number(0xffff));
        let window = _mm256_sllv_epi32(raw_window, scale);
        let bit = |bit: u8| number(u32::from(bit));
        let lacks = |flags, bit| is(and(flags, bit), none);

        let whereabouts = _mm256_srli_epi32::<30>(nine);
        let goes_on = is(and(control, number(MOVES << 16)), number(u32::from(flag::ACK) << 16));
        let state = and(nine, number(0xf << packed::STATE));
        let is_established = is(state, number((State::Established as u32) << packed::STATE));
        let has_acknowledged = _mm256_andnot_si256(lacks(flags, bit(Side::MAX_ACK)), number(u32::MAX));
        let holds = and(and(goes_on, is_established), lacks(flags, bit(Side::LIBERAL)));
        // each is true by the sign
        let is_unfit = or(
            // what follows from nothing is all zero, and so might the segment be
            or(is(or(whereabouts, sequence), none), _mm256_cmpgt_epi32(whereabouts, number(FOLLOWS))),
            or(
                or(is(max_window, none), is(peers_max_window, none)),
                or(less(behind, end), and(has_acknowledged, less(acknowledgement, max_ack))),
            ),
        );
        // (I), (III), (II), (IV)
        let widest = _mm256_max_epu32(max_window, number(MAX_ACK_WINDOW));
        let is_outside = or(
            or(less(max_end, sequence), less(peers_end, acknowledgement)),
            or(add(less(behind, end), peers_max_window), add(less(acknowledgement, peers_end), widest)),
        );
        let fails = _mm256_andnot_si256(holds, number(u32::MAX));
        if _mm256_movemask_ps(_mm256_castsi256_ps(or(or(is_unfit, is_outside), fails))) != 0 {
            return None;
        }

        let segment = or(raw_window, _mm256_slli_epi32::<16>(length));
        let is_same_way =
            is(and(nine, number(1 << packed::DIRECTION)), and(reply, number(1 << packed::DIRECTION)));
        let is_at_end = is(behind, end);
        let is_repeated = and(
            and(
                and(is_same_way, is(whereabouts, number(FOLLOWS))),
                and(is_at_end, is(acknowledgement, max_ack)),
            ),
            is(segment, last_segment),
        );
        let times = add(and(_mm256_srli_epi32::<{ packed::REPEATED as i32 }>(nine), number(3)), number(1));
        let repeated = and(is_repeated, _mm256_min_epi32(times, number(MAX_RETRANSMISSIONS.into())));

        let unacknowledged = bit(Side::UNACKNOWLEDGED);
        let flags = or(flags, _mm256_andnot_si256(is_at_end, unacknowledged));
        let flags = or(flags, bit(Side::MAX_ACK));
        let max_window = _mm256_max_epu32(max_window, window);
        let beyond = less(behind, max_end);
        let is_beyond = _mm256_srai_epi32::<31>(less(max_end, behind));
        let peers_max_window = add(peers_max_window, and(beyond, is_beyond));
        let allowed = add(acknowledgement, window);
        let is_closed = is(window, none);
        let is_less = _mm256_srai_epi32::<31>(less(allowed, peers_max_end));
        let peers_max_end = _mm256_blendv_epi8(less(allowed, is_closed), peers_max_end, is_less);
        let is_all_acknowledged = is(acknowledgement, peers_end);
        let peers_flags = _mm256_andnot_si256(and(is_all_acknowledged, unacknowledged), peers_flags);

        let keeps = number(0xff | 0xf << packed::STATE);
        let six = number(0x3f);
        let of_flags = or(
            _mm256_sllv_epi32(and(flags, six), flags_at),
            _mm256_sllv_epi32(and(peers_flags, six), peers_flags_at),
        );
        let of_segment = or(
            and(reply, number(1 << packed::DIRECTION)),
            _mm256_slli_epi32::<{ packed::REPEATED as i32 }>(repeated),
        );
        let is_last = number((Class::Ack as u32) << packed::CLASS | FOLLOWS << packed::WHERE);
        let nine = or(or(and(nine, keeps), of_flags), or(of_segment, is_last));
        let rows = transposed([
            pick(behind, sides[0]),
            pick(sides[1], peers_max_end),
            pick(max_window, peers_max_window),
            pick(acknowledgement, sides[3]),
            pick(sides[4], behind),
            pick(peers_max_end, sides[5]),
            pick(peers_max_window, max_window),
            pick(sides[7], acknowledgement),
        ]);
        let (eights, nines) = (stored(segment), stored(nine));
        for (lane, words) in words.into_iter().enumerate() {
            if let Some(first) = words.first_chunk_mut() {
                store(rows[lane], first);
            }
            (words[SEGMENT], words[NINE]) = (eights[lane], nines[lane]);
        }

        // as `plain::timeout`
        let of_state = timeouts.tcp[State::Established as usize];
        let (of_retrans, of_unacknowledged) = (timeouts.tcp_max_retrans, timeouts.tcp_unacknowledged);
        let where_longer = |than: u32| number(if of_state > than { u32::MAX } else { 0 });
        let choose = |otherwise, then, is| _mm256_blendv_epi8(otherwise, then, is);
        let is_repeated = is(repeated, number(MAX_RETRANSMISSIONS.into()));
        let is_acknowledged = lacks(or(flags, peers_flags), unacknowledged);
        let at_last = choose(number(of_state), number(of_state.min(of_retrans)), is(raw_window, none));
        let is_waiting = _mm256_andnot_si256(is_acknowledged, where_longer(of_unacknowledged));
        let waiting = choose(at_last, number(of_unacknowledged), is_waiting);
        Some(stored(choose(waiting, number(of_retrans), and(is_repeated, where_longer(of_retrans)))))
    }

    /// All but PSH and what concerns congestion, of which a segment that goes on has ACK only.
    const MOVES: u32 = (!(flag::PSH | flag::ECE | flag::CWR)) as u32;
}
