//! What does a plain first segment make of its connection? What [`super::open`] says of it, in the words of a record.
//!
//! Nearly all are SYNs: one begins a connection of which nothing is known but what it offers, so that there is little to
//! compute. That it is the same is held by a property.

use super::connection::Offer;
use super::packed::{self, FOLLOWS, NOWHERE};
use super::table::{Move, State, next};
use super::{Class, Sequence};
use crate::packet::Short;
use crate::reason::Reason;
use crate::track::record::WORDS;
use crate::track::{Direction, Settings};

/// The words of the connection that the segment begins, and its timeout in milliseconds; or why it begins none. `None` if
/// that takes [`super::open`] to say.
#[inline]
pub(in crate::track) fn open_plain(
    short: &Short,
    settings: &Settings,
) -> Option<Result<([u32; WORDS], u32), Reason>> {
    let Some(class) = Class::of(short.flags) else { return Some(Err(Reason::TcpFlags)) };
    if class == Class::Syn {
        return Some(Ok(begin(short, settings)));
    }
    let may_be_picked_up =
        settings.tcp_loose && matches!(next(Direction::Original, State::None, class), Move::To(_));
    if may_be_picked_up { None } else { Some(Err(Reason::TcpNoFlow)) }
}

#[inline]
fn begin(short: &Short, settings: &Settings) -> ([u32; WORDS], u32) {
    let Offer { scale, flags } = Offer::of_options(short.window_scale, short.sack_permitted);
    let behind = Sequence(short.sequence).plus(short.payload_length.into()).plus(1);
    let window = u32::from(short.window).max(1);
    // No segment counts as the last one yet, which is all zero: that may be where its sender is.
    let whereabouts = if behind.0 == 0 { FOLLOWS } else { NOWHERE };
    let nine = u32::from(scale)
        | u32::from(flags) << 8
        | (State::SynSent as u32) << packed::STATE
        | (Class::Syn as u32) << packed::CLASS
        | whereabouts << packed::WHERE;
    // The other side may send as much as the window says, from what is taken for its first byte.
    let words = [behind.0, behind.0, window, 0, 0, window, 0, 0, 0, nine];
    let timeouts = &settings.timeouts;
    (words, timeouts.tcp[State::SynSent as usize].min(timeouts.tcp_max_retrans))
}

#[cfg(test)]
mod tests {
    use super::open_plain;
    use crate::packet::{Short, flag};
    use crate::track::tcp::{open, pack, unpack};
    use crate::track::{Settings, Timeouts};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn the_words_are_those_of_the_connection(
            flags in prop_oneof![Just(flag::SYN), Just(flag::SYN | flag::ECE | flag::CWR), any::<u8>()],
            sequence in prop_oneof![any::<u32>(), Just(u32::MAX), Just(u32::MAX - 7)],
            acknowledgement: u32,
            window in prop_oneof![any::<u16>(), Just(0)],
            payload_length in prop_oneof![Just(0_u16), Just(7), any::<u16>()],
            window_scale in prop::option::of(0..=20_u8),
            sack_permitted: bool,
            tcp_loose: bool,
            has_short_retransmission: bool,
        ) {
            let short = Short {
                protocol: 6, flags, sequence, acknowledgement, window, payload_length, window_scale, sack_permitted,
                header_length: if window_scale.is_some() || sack_permitted { 32 } else { 20 },
                ..Short::default()
            };
            let mut settings = Settings { tcp_loose, timeouts: Timeouts::default() };
            if has_short_retransmission {
                settings.timeouts.tcp_max_retrans = 7;
            }
            let opened = open(&short.packet().tcp, &settings);
            match (open_plain(&short, &settings), opened) {
                (None, Ok(_)) => prop_assert!(tcp_loose && flags & flag::SYN == 0),
                (None, Err(_)) => prop_assert!(tcp_loose),
                (Some(Err(reason)), opened) => prop_assert_eq!(Err(reason), opened),
                (Some(Ok((words, timeout))), Ok((connection, expected))) => {
                    let (packed, apart) = pack(&connection);
                    prop_assert_eq!((words, timeout), (packed, expected));
                    prop_assert!(apart.is_none());
                    prop_assert_eq!(unpack(&words, || unreachable!()), connection);
                }
                (Some(Ok(_)), Err(reason)) => prop_assert!(false, "{reason:?}"),
            }
        }
    }
}
