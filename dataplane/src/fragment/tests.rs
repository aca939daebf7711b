//! The cache against a reassembler that keeps every byte, and frames cut and put together again.

use super::datagram::Summary;
use super::reference::{Reference, Told};
use super::{Cache, Capacity, Key, MOST_FRAGMENTS, Part, Room, Taken, User};
use crate::flow::FlowHasher;
use crate::packet::build::{FrameBuilder, cut, fragmentable};
use crate::packet::{Found, Network, Packet, Piece, Tuple, parse, piece};
use crate::reason::Reason;
use crate::time::Tick;
use proptest::collection::vec;
use proptest::prelude::*;

fn cache<T>(datagrams: u32, fragments: u32) -> Cache<T> {
    Cache::new(Capacity { datagrams, fragments }, FlowHasher::new([1, 2, 3, 4]))
}

fn key(network: Network, identification: u32) -> Key {
    let tuple = Tuple { network, source: 1, destination: 2, protocol: 17, ..Tuple::default() };
    Key::of(&tuple, identification, User::default())
}

/// A fragment of an IPv4 datagram with a header of 20 bytes, or of an IPv6 one without extension headers.
fn a_piece(network: Network, start: u32, length: u32, more: bool) -> Piece {
    let head = if network == Network::Ipv4 { 20 } else { 40 };
    Piece {
        start,
        end: start + length,
        more,
        network: 14,
        head: 14 + head,
        congestion: 2,
        ..Piece::default()
    }
}

/// A fragment comes.
#[derive(Debug, Clone)]
struct Comes {
    identification: u32,
    /// In units of eight bytes.
    start: u32,
    length: u32,
    more: bool,
    congestion: u8,
    later: u32,
}

fn comes() -> impl Strategy<Value = Comes> {
    let congestion = prop_oneof![20 => Just(2), 1 => 0..4_u8];
    let later = prop_oneof![20 => Just(0), 1 => 0..70_000_u32];
    (0..3_u32, 0..10_u32, 0..6_u32, prop::bool::weighted(0.7), congestion, later).prop_map(
        |(identification, start, units, more, congestion, later)| Comes {
            identification,
            start: start * 8,
            length: if more { units * 8 } else { units * 7 },
            more,
            congestion,
            later,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn as_one_that_keeps_every_byte(is_v4: bool, fragments in vec(comes(), 1..60)) {
        let network = if is_v4 { Network::Ipv4 } else { Network::Ipv6 };
        let mut cache = cache(8, 64);
        let mut reference = Reference::default();
        let mut now = Tick(u32::MAX - 100_000);
        for (number, next) in fragments.iter().enumerate() {
            now = now.after(next.later);
            let piece = Piece {
                congestion: next.congestion,
                ..a_piece(network, next.start, next.length, next.more)
            };
            let (mut told, mut whole) = (Vec::new(), Vec::new());
            if number % 3 == 0 {
                cache.expire(now, 2, |item, _| told.push(Told::Gone(item, Reason::FragmentTimeout)));
            }
            let taken = cache.take(&key(network, next.identification), piece, number, now, &mut whole, |item, reason| {
                told.push(Told::Gone(item, reason));
            });
            if let Taken::Whole(summary) = taken {
                told.push(Told::Whole(whole.iter().map(|part| part.item).collect(), summary.length));
            }
            let expected = reference.take(network, next.identification, &piece, number, now);
            // those whose time is over are told of when somebody looks
            let late = |told: &Told| matches!(told, Told::Gone(_, Reason::FragmentTimeout));
            for told in told.iter().filter(|told| late(told)) {
                let Told::Gone(item, _) = told else { unreachable!("chosen so") };
                prop_assert!(reference.late.contains(item), "{item} was in time");
            }
            let mut told: Vec<_> = told.into_iter().filter(|told| !late(told)).collect();
            told.sort_by_key(|told| matches!(told, Told::Gone(item, _) if *item == number));
            prop_assert_eq!(told, expected, "fragment {}", number);
        }
        let mut left = Vec::new();
        cache.clear(|item, _| left.push(item));
        prop_assert!(reference.waiting().iter().all(|item| left.contains(item)));
        prop_assert_eq!(cache.held(), 0);
        // every cell is free again
        for number in 0..64 {
            let piece = a_piece(network, 16 * number, 8, true);
            let key = key(network, number % 8);
            prop_assert_eq!(cache.take(&key, piece, 0, now, &mut Vec::new(), |_, _| {}), Taken::Held);
        }
    }

    #[test]
    fn a_datagram_cut_anywhere_is_itself_again(
        is_v4: bool,
        shape in (any::<bool>(), any::<bool>(), 0..3_usize),
        payload in vec(any::<u8>(), 0..600),
        cuts in vec(0..80_usize, 0..12),
        order in any::<u64>(),
    ) {
        let (options, unfragmented, tags) = shape;
        let frame = datagram(is_v4, options, unfragmented, tags, &payload);
        let length = fragmentable(&frame).len();
        let mut edges: Vec<usize> = cuts.iter().map(|cut| cut * 8).filter(|edge| *edge < length).collect();
        edges.extend([0, length]);
        edges.sort_unstable();
        edges.dedup();
        let mut fragments: Vec<Vec<u8>> =
            edges.windows(2).map(|edge| cut(&frame, 0x1234, edge[0]..edge[1], edge[1] < length)).collect();
        if is_v4 && fragments.len() == 1 {
            return Ok(());
        }
        // shuffled, by a generator that need not be good
        let mut state = order | 1;
        for at in (1..fragments.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            fragments.swap(at, (state >> 33) as usize % (at + 1));
        }
        let whole = put_together(&fragments);
        prop_assert_eq!(whole.as_ref(), Some(&frame));
        let packet = parse(&frame[..]);
        prop_assert_eq!(packet.fault, None);
        prop_assert_eq!(parse(&whole.unwrap_or_default()[..]), packet);
    }
}

fn datagram(is_v4: bool, options: bool, unfragmented: bool, tags: usize, payload: &[u8]) -> Vec<u8> {
    let mut frame = FrameBuilder::new();
    for tag in 0..tags {
        frame = frame.vlan(0x8100, tag as u16);
    }
    if is_v4 {
        frame = frame.ip([10, 0, 0, 1], [10, 0, 0, 2]);
        frame = if options { frame.ipv4_options(&[7, 7, 4, 0, 0, 0, 0]) } else { frame };
        frame = if unfragmented { frame.network_bytes(6, &[0x40, 0]) } else { frame };
    } else {
        frame = frame.ip([0xfd00, 0, 0, 0, 0, 0, 0, 1], [0xfd00, 0, 0, 0, 0, 0, 0, 2]);
        frame = if options { frame.extension(0, &[0, 0, 1, 4, 0, 0, 0, 0]) } else { frame };
    }
    frame.udp(53, 4242).payload(payload).build()
}

/// Through the parser and the cache.
fn put_together(fragments: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut cache = cache(4, 64);
    let mut room = Room::default();
    for (number, frame) in fragments.iter().enumerate() {
        let packet: Packet = parse(&frame[..]);
        let Found::Piece(piece) = piece(&frame[..], &packet) else { panic!("{packet:?} goes on alone") };
        let key = Key::of(&packet.tuple, piece.identification, User::default());
        let mut whole = Vec::new();
        let taken = cache.take(&key, piece, frame.clone(), Tick(0), &mut whole, |_, reason| {
            panic!("fragment {number} is dropped: {reason:?}");
        });
        if let Taken::Whole(summary) = taken {
            assert_eq!(number + 1, fragments.len(), "not before the last has come");
            let network = packet.tuple.network;
            return room.assemble(network, &summary, &whole, |frame| &frame[..]).map(<[u8]>::to_vec);
        }
    }
    None
}

/// Takes fragments of one datagram, start, length and more, and says what became of the last.
fn after(network: Network, fragments: &[(u32, u32, bool)]) -> (Taken, Vec<(usize, Reason)>) {
    let mut cache = cache(4, 512);
    let mut last = (Taken::Held, Vec::new());
    for (number, &(start, length, more)) in fragments.iter().enumerate() {
        let mut gone = Vec::new();
        let piece = a_piece(network, start, length, more);
        let mut whole: Vec<Part<usize>> = Vec::new();
        let taken = cache.take(&key(network, 7), piece, number, Tick(0), &mut whole, |item, reason| {
            gone.push((item, reason));
        });
        last = (taken, gone);
    }
    last
}

const BOTH: [Network; 2] = [Network::Ipv4, Network::Ipv6];

#[test]
fn what_lies_within_one_run_is_a_repetition_and_all_else_an_overlap() {
    for network in BOTH {
        let in_order = [(0, 8, true), (8, 8, true), (24, 8, true)];
        let repeated = |fragment| after(network, &[&in_order[..], &[fragment]].concat()).1;
        for fragment in [(0, 8, true), (8, 8, true), (0, 16, true), (24, 8, true)] {
            assert_eq!(repeated(fragment), [(3, Reason::FragmentDuplicate)], "{fragment:?}");
        }
        for fragment in [(8, 16, true), (16, 16, true), (24, 16, true), (0, 32, true), (8, 800, true)] {
            let all = (0..4).map(|number| (number, Reason::FragmentOverlap)).collect::<Vec<_>>();
            assert_eq!(repeated(fragment), all, "{fragment:?}");
        }
        let two_runs = [(8, 8, true), (0, 8, true), (0, 16, true)];
        assert_eq!(after(network, &two_runs).1.len(), 3, "two runs side by side are two");
    }
}

#[test]
fn a_contradiction_kills_the_datagram_or_in_ipv6_the_fragment() {
    let contradictions: [&[(u32, u32, bool)]; 4] = [
        &[(8, 8, false), (24, 8, false)],
        &[(8, 8, false), (0, 8, false)],
        &[(8, 8, false), (16, 8, true)],
        &[(8, 8, true), (16, 0, true)],
    ];
    for fragments in contradictions {
        assert_eq!(after(Network::Ipv4, fragments).1.len(), 2, "{fragments:?}");
        assert_eq!(after(Network::Ipv6, fragments).1, [(1, Reason::FragmentMalformed)], "{fragments:?}");
    }
    // an empty last fragment says where an IPv6 datagram ends
    let fragments = [(8, 0, false), (0, 8, true)];
    let summary = Summary { length: 8, ..Summary::default() };
    assert_eq!(after(Network::Ipv6, &fragments).0, Taken::Whole(summary));
    assert_eq!(after(Network::Ipv4, &fragments).0, Taken::Held);
}

#[test]
fn no_datagram_is_longer_than_its_length_can_say() {
    for network in BOTH {
        let fits = if network == Network::Ipv4 { 65_515 } else { 65_535 };
        let last = 65_000;
        let whole = |end: u32| after(network, &[(0, last, true), (last, end - last, false)]).0;
        let summary = Summary { length: fits, ..Summary::default() };
        assert_eq!(whole(fits), Taken::Whole(summary));
        assert_eq!(whole(fits + 1), Taken::Dropped);
    }
}

#[test]
fn too_many_others_of_the_same_sender_make_an_ipv4_datagram_begin_anew() {
    for (network, others, expected) in
        [(Network::Ipv4, 63, 0), (Network::Ipv4, 64, 1), (Network::Ipv6, 500, 0)]
    {
        let mut cache = cache(1024, 1024);
        let mut gone = Vec::new();
        let first = a_piece(network, 0, 8, true);
        cache.take(&key(network, 0), first, 0, Tick(0), &mut Vec::new(), |item, reason| {
            gone.push((item, reason));
        });
        for other in 1..=others {
            cache.take(&key(network, other), first, 1, Tick(0), &mut Vec::new(), |_, _| panic!("held"));
        }
        let last = a_piece(network, 8, 8, false);
        let mut whole = Vec::new();
        let taken = cache
            .take(&key(network, 0), last, 2, Tick(0), &mut whole, |item, reason| gone.push((item, reason)));
        assert_eq!(gone, vec![(0, Reason::FragmentDistance); expected], "{network:?} {others}");
        assert_eq!(taken == Taken::Held, expected == 1);
    }
}

#[test]
fn time_runs_from_the_first_fragment() {
    for (network, patience) in [(Network::Ipv4, 30_000), (Network::Ipv6, 60_000)] {
        for (when, whole) in [(patience - 1, true), (patience, false)] {
            let mut cache = cache(4, 8);
            let key = key(network, 1);
            let mut gone = Vec::new();
            for (start, more, at) in [(0, true, 0), (8, true, 20_000), (16, false, when)] {
                let piece = a_piece(network, start, 8, more);
                let mut parts = Vec::new();
                let taken = cache
                    .take(&key, piece, start, Tick(at), &mut parts, |item, reason| gone.push((item, reason)));
                assert_eq!(matches!(taken, Taken::Whole(_)), whole && start == 16);
            }
            let late =
                if whole { vec![] } else { vec![(0, Reason::FragmentTimeout), (8, Reason::FragmentTimeout)] };
            assert_eq!(gone, late, "{network:?} {when}");
        }
    }
}

#[test]
fn what_has_no_room_is_dropped_and_all_else_stays() {
    let network = Network::Ipv6;
    let mut cache = cache(2, 3);
    let mut take = |identification, start, more| {
        let mut reason = None;
        let piece = a_piece(network, start, 8, more);
        let key = key(network, identification);
        let taken = cache.take(&key, piece, (), Tick(0), &mut Vec::new(), |(), why| reason = Some(why));
        (taken, reason)
    };
    let overflow = (Taken::Dropped, Some(Reason::FragmentOverflow));
    assert_eq!(take(1, 0, true).0, Taken::Held);
    assert_eq!(take(2, 0, true).0, Taken::Held);
    assert_eq!(take(3, 0, true), overflow, "a third datagram");
    assert_eq!(take(1, 16, true).0, Taken::Held);
    assert_eq!(take(2, 8, false), overflow, "a fourth fragment");
    assert_eq!(cache.held(), 3);
    cache.give_up(&key(network, 1), Tick(0), |(), reason| assert_eq!(reason, Reason::FragmentMalformed));
    assert_eq!(cache.held(), 1);
}

#[test]
fn a_datagram_has_so_many_fragments_and_no_more() {
    let fragments: Vec<_> = (0..=MOST_FRAGMENTS as u32).map(|number| (16 * number, 8, true)).collect();
    assert_eq!(after(Network::Ipv6, &fragments[..MOST_FRAGMENTS]).0, Taken::Held);
    let (taken, gone) = after(Network::Ipv6, &fragments);
    assert_eq!((taken, gone.len()), (Taken::Dropped, MOST_FRAGMENTS + 1));
    assert!(gone.iter().all(|(_, reason)| *reason == Reason::FragmentOverflow));
}

#[test]
fn congestion_marks_are_joined_or_contradict() {
    let marks = |marks: [u8; 2]| {
        let mut cache = cache(2, 2);
        let mut taken = Taken::Held;
        for (start, mark) in [0, 8].into_iter().zip(marks) {
            let piece = Piece { congestion: mark, ..a_piece(Network::Ipv4, start, 8, start == 0) };
            taken = cache.take(&key(Network::Ipv4, 1), piece, (), Tick(0), &mut Vec::new(), |(), _| {});
        }
        match taken {
            Taken::Whole(summary) => Some(summary.is_congested),
            _ => None,
        }
    };
    for (two, expected) in [
        ([0, 0], Some(false)),
        ([1, 2], Some(false)),
        ([3, 3], Some(false)),
        ([2, 3], Some(true)),
        ([3, 1], Some(true)),
        ([0, 3], None),
        ([1, 0], None),
    ] {
        assert_eq!(marks(two), expected, "{two:?}");
    }
}

#[test]
fn dont_fragment_stays_if_the_longest_fragment_had_it() {
    let bits = |unfragmented: [bool; 2]| {
        let frame = datagram(true, false, false, 0, &[5; 100]);
        let mut fragments = [cut(&frame, 1, 0..64, true), cut(&frame, 1, 64..108, false)];
        for (fragment, set) in fragments.iter_mut().zip(unfragmented) {
            fragment[20] |= if set { 0x40 } else { 0 };
            fragment[24..26].fill(0);
            let sum = crate::packet::build::checksum(&fragment[14..34]);
            fragment[24..26].copy_from_slice(&sum.to_be_bytes());
        }
        put_together(&fragments).expect("whole")[20]
    };
    let found = [[false, false], [true, false], [false, true], [true, true]].map(bits);
    assert_eq!(found, [0, 0x40, 0, 0x40]);
}

#[test]
fn datagrams_without_fragments_end_too() {
    let mut cache = cache(2, 8);
    for identification in 0..2 {
        let piece = a_piece(Network::Ipv6, 8, 0, false);
        let key = key(Network::Ipv6, identification);
        assert_eq!(cache.take(&key, piece, (), Tick(0), &mut Vec::new(), |(), _| {}), Taken::Dropped);
    }
    assert_eq!((cache.held(), cache.is_empty()), (0, false));
    cache.expire(Tick(60_000), 64, |(), _| panic!("there is none"));
    assert!(cache.is_empty());
}
