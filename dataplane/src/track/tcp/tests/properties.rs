//! What holds of every conversation.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::eights::{EIGHT, Has};
use crate::packet::abreast::Eight;
use crate::packet::flag::{ACK, FIN, PSH, RST, SYN, URG};
use crate::packet::{Short, Tcp, protocol};
use crate::track::tcp::scenario::Conversation;
use crate::track::tcp::{State, go_on, go_on_abreast, pack, unpack, update};
use crate::track::{Direction, Settings, Status, Step};

fn flags() -> impl Strategy<Value = u8> {
    prop_oneof![
        8 => Just(ACK),
        2 => Just(ACK | PSH),
        3 => Just(SYN),
        3 => Just(SYN | ACK),
        3 => Just(FIN | ACK),
        2 => Just(RST),
        1 => Just(RST | ACK),
        1 => Just(ACK | URG),
        1 => any::<u8>(),
    ]
}

/// Numbers that lie close to each other, so that windows are met and missed.
fn position() -> impl Strategy<Value = u32> {
    prop_oneof![
        6 => 1000..1010_u32,
        3 => 0..4000_u32,
        1 => 60_000..80_000_u32,
        1 => any::<u32>(),
        1 => Just(0_u32),
    ]
}

fn segment() -> impl Strategy<Value = (Direction, Tcp)> {
    let direction = prop_oneof![Just(Direction::Original), Just(Direction::Reply)];
    let window = prop_oneof![Just(0_u16), Just(1000), any::<u16>()];
    let length = prop_oneof![4 => Just(0_u32), 2 => 1..1500_u32, 1 => 0..65_536_u32];
    let scale = proptest::option::weighted(0.3, 0..20_u8);
    let edge = proptest::option::weighted(0.2, position());
    (direction, flags(), position(), position(), window, length, scale, any::<bool>(), edge).prop_map(
        |(direction, flags, sequence, acknowledgement, window, payload_length, window_scale, sack, edge)| {
            let tcp = Tcp {
                sequence,
                acknowledgement,
                window,
                flags,
                header_length: if window_scale.is_some() || sack || edge.is_some() { 32 } else { 20 },
                payload_length,
                window_scale,
                sack_permitted: sack,
                sack_right_edge: edge,
            };
            (direction, tcp)
        },
    )
}

fn conversation(tcp_loose: bool) -> Conversation {
    Conversation::new(Settings { tcp_loose, ..Settings::default() })
}

/// The first segment of a flow is always the originator's.
fn see(conversation: &mut Conversation, direction: Direction, tcp: &Tcp) -> String {
    let direction = if conversation.connection.is_none() { Direction::Original } else { direction };
    conversation.see(direction, tcp)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn a_plain_segment_goes_on_as_any_segment_does(segments in vec(segment(), 1..60), loose: bool) {
        let mut conversation = conversation(loose);
        for (direction, tcp) in &segments {
            see(&mut conversation, *direction, tcp);
            let Some(before) = conversation.connection else { continue };
            if !conversation.status.has(Status::SEEN_REPLY) {
                continue;
            }
            let (direction, tcp) = (*direction, Tcp { flags: ACK | PSH, header_length: 20, window_scale: None,
                sack_permitted: false, sack_right_edge: None, payload_length: tcp.payload_length & 0xfff, ..*tcp });
            let short = Short {
                flags: tcp.flags,
                sequence: tcp.sequence,
                acknowledgement: tcp.acknowledgement,
                window: tcp.window,
                payload_length: tcp.payload_length as u16,
                ..Short::default()
            };
            let mut one_status = conversation.status;
            let (mut other, mut other_status) = (before, conversation.status);
            let timeouts = conversation.settings.timeouts;
            let (packed, apart) = pack(&before);
            prop_assert_eq!(unpack(&packed, || apart.unwrap_or_default()), before);
            let mut words = packed;
            let timeout = go_on(&mut words, &mut one_status, direction, &short, &timeouts);
            let one = unpack(&words, || apart.unwrap_or_default());
            match timeout {
                None => prop_assert_eq!((one, one_status), (before, conversation.status)),
                Some(timeout) => {
                    let step = update(&mut other, &mut other_status, direction, &tcp, &timeouts);
                    prop_assert_eq!(step, Step::Accept(Some(timeout)));
                    prop_assert_eq!((one, one_status), (other, other_status));
                }
            }
        }
    }

    /// Those that go on, eight by eight, and one that may not among them.
    #[test]
    fn eight_segments_go_on_as_each_of_them(
        segments in vec(segment(), 1..60),
        loose: bool,
        times: [u32; 3],
        at in 0..EIGHT,
        is_short: [bool; 3],
    ) {
        let Some(has) = Has::detected() else { return Ok(()) };
        let mut timeouts = Settings::default().timeouts;
        let [established, retrans, unacknowledged] =
            std::array::from_fn(|which| if is_short[which] { times[which] % 3 } else { times[which] >> 1 });
        timeouts.tcp[State::Established as usize] = established;
        (timeouts.tcp_max_retrans, timeouts.tcp_unacknowledged) = (retrans, unacknowledged);
        let mut conversation = conversation(loose);
        let (mut going, mut staying) = (Vec::new(), Vec::new());
        for (direction, tcp) in &segments {
            see(&mut conversation, *direction, tcp);
            let Some(connection) = conversation.connection else { continue };
            for direction in [Direction::Original, Direction::Reply] {
                let flags = if tcp.sequence % 7 == 0 { tcp.flags } else { ACK | tcp.flags & PSH };
                let short = Short {
                    protocol: protocol::TCP,
                    flags,
                    sequence: tcp.sequence,
                    acknowledgement: tcp.acknowledgement,
                    window: tcp.window,
                    payload_length: tcp.payload_length as u16 & 0xfff,
                    ..Short::default()
                };
                let (before, _) = pack(&connection);
                let (mut words, mut status) = (before, conversation.status);
                let timeout = go_on(&mut words, &mut status, direction, &short, &timeouts);
                let timeout = timeout.filter(|_| short.goes_on());
                let case = (before, direction, short, words, timeout);
                if timeout.is_some() { going.push(case) } else { staying.push(case) }
            }
        }
        let eights = going.chunks(EIGHT).map(|some| std::array::from_fn(|lane| some[lane % some.len()]));
        for eight in eights {
            let mut cases: [_; EIGHT] = eight;
            for stays in [false, true] {
                if stays {
                    let Some(case) = staying.pop() else { continue };
                    cases[at] = case;
                }
                let mut words = cases.map(|(before, ..)| before);
                let segments = Eight::of(cases.map(|(_, _, short, ..)| short));
                let replies =
                    cases.map(|(_, direction, ..)| if direction == Direction::Reply { u32::MAX } else { 0 });
                let times = go_on_abreast(has, words.each_mut(), &segments, &replies, &timeouts);
                if stays {
                    prop_assert_eq!((times, words), (None, cases.map(|(before, ..)| before)));
                } else {
                    prop_assert_eq!(times.map(|times| times.map(Some)), Some(cases.map(|(.., timeout)| timeout)));
                    prop_assert_eq!(words, cases.map(|(_, _, _, words, _)| words));
                }
            }
        }
    }

    #[test]
    fn an_invalid_segment_moves_no_state(segments in vec(segment(), 1..40), tcp_loose: bool) {
        let mut conversation = conversation(tcp_loose);
        for (direction, tcp) in segments {
            let before = conversation.clone();
            let said = see(&mut conversation, direction, &tcp);
            if said.starts_with("invalid") {
                prop_assert_eq!(before.state(), conversation.state());
                prop_assert_eq!(before.status, conversation.status);
            }
        }
    }

    #[test]
    fn assured_means_a_handshake(segments in vec(segment(), 1..60)) {
        // strictly, nothing is assured before SYN, SYN+ACK (or a second SYN) and ACK have passed
        let mut conversation = conversation(false);
        let (mut syns, mut acks) = (HashSet::new(), 0);
        for (direction, tcp) in segments {
            let opens = conversation.connection.is_none();
            let said = see(&mut conversation, direction, &tcp);
            let opens = opens || said.starts_with("restart");
            if opens {
                (syns, acks) = (HashSet::new(), 0);
            }
            if !said.starts_with("invalid") {
                if tcp.flags & SYN != 0 {
                    syns.insert(direction as u8 + u8::from(opens) * 2);
                } else if tcp.flags & (ACK | RST) == ACK {
                    acks += 1;
                }
            }
            let shaken = syns.len() >= 2 && acks >= 1;
            prop_assert!(!conversation.is_assured() || shaken, "{} {:?} {}", said, syns, acks);
        }
    }

    #[test]
    fn strictly_only_a_syn_opens((_, tcp) in segment()) {
        let said = conversation(false).see(Direction::Original, &tcp);
        let is_syn = tcp.flags & (SYN | ACK | FIN | RST) == SYN;
        prop_assert_eq!(said.starts_with("new"), is_syn, "{} {:?}", said, tcp);
    }

    /// The tracker knows distances only: with other initial sequence numbers it says the same, across the wrap
    /// too. A RST is left out (its numbers mean something where they are 0), and so is a pick-up (it knows
    /// nothing of the other side, and calls that 0).
    #[test]
    fn initial_sequence_numbers_do_not_matter(segments in vec(segment(), 1..40), shifts: [u32; 2]) {
        let (mut plain, mut moved) = (conversation(false), conversation(false));
        for (direction, tcp) in segments {
            if tcp.flags & RST != 0 {
                continue;
            }
            let direction = if plain.connection.is_none() { Direction::Original } else { direction };
            let (own, peer) = (shifts[direction as usize], shifts[direction.reversed() as usize]);
            let shifted = Tcp {
                sequence: tcp.sequence.wrapping_add(own),
                acknowledgement: tcp.acknowledgement.wrapping_add(peer),
                sack_right_edge: tcp.sack_right_edge.map(|edge| edge.wrapping_add(peer)),
                ..tcp
            };
            let said = plain.see(direction, &tcp);
            prop_assert_eq!(&said, &moved.see(direction, &shifted), "{:?}", tcp);
            if said.starts_with("restart") {
                break;
            }
        }
    }
}

#[test]
fn the_segments_reach_every_state() {
    let mut runner = TestRunner::deterministic();
    let mut seen = HashSet::new();
    for _ in 0..2000 {
        let mut conversation = conversation(false);
        for (direction, tcp) in vec(segment(), 1..60).new_tree(&mut runner).unwrap().current() {
            see(&mut conversation, direction, &tcp);
            seen.insert(conversation.state().label());
        }
    }
    assert_eq!(seen.len(), State::COUNT, "{seen:?}");
}
